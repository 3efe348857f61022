"""Checks of the coding exercises of chapter 2. A docstring's later lines are the staged hints."""

from lmkit.exercises import expect


def count_pairs(student):
    """How often each pair of neighbours occurs in pieces that are given once, with their counts.

    Go through the pieces; within a piece, `zip(tokens, tokens[1:])` gives the neighbours.
    A piece that occurs n times adds n to each of its pairs, not 1.
    A pair that stands twice in one piece counts twice; pairs across two pieces do not count.
    """
    low = [(["l", "o", "w"], 5), (["l", "o", "w", "e", "r"], 2)]
    want = {("l", "o"): 7, ("o", "w"): 7, ("w", "e"): 2, ("e", "r"): 2}
    expect(_plain(student(low)), want, 'count_pairs([(["l", "o", "w"], 5), (["l", …, "r"], 2)])')
    twice = [(["a", "b", "a", "b"], 3)]
    want = {("a", "b"): 6, ("b", "a"): 3}
    expect(_plain(student(twice)), want, 'count_pairs([(["a", "b", "a", "b"], 3)])')
    three = [(["a", "a", "a"], 1), (["a"], 9)]
    expect(
        _plain(student(three)), {("a", "a"): 2}, 'count_pairs([(["a", "a", "a"], 1), (["a"], 9)])'
    )
    expect(_plain(student([])), {}, "count_pairs([])")


def decode_bytes(student):
    """Token ids to text, when a token may be part of a character.

    Bytes of one character may lie in two tokens: when can they be decoded?
    Join the bytes of all tokens first, then decode once.
    What is no UTF-8 shall become U+FFFD: `bytes.decode` has an argument for that.
    """
    vocab = {0: b"a", 1: b"\xc3", 2: b"\xa9", 3: b" caf", 4: b"\xf0\x9f", 5: b"\xa6\x8a"}
    expect(student([0, 3, 1, 2], vocab), "a café", "decode_bytes([0, 3, 1, 2], vocab)")
    hint = "One character lies in two tokens."
    expect(student([4, 5], vocab), "🦊", "decode_bytes([4, 5], vocab)", hint)
    broken = "Half a character becomes U+FFFD, as in lmkit."
    expect(student([0, 1], vocab), "a\ufffd", "decode_bytes([0, 1], vocab)", broken)
    expect(student([], vocab), "", "decode_bytes([], vocab)")


def update_counts(student):
    """The counts after one piece's merge, without counting any other piece.

    What must the counts forget, and what must they learn? Only pairs of this piece change.
    Take away n for each pair of the piece as it was, add n for each pair as it is after the merge.
    A pair whose count falls to zero goes out of the dictionary.
    """
    counts = {("l", "o"): 7, ("o", "w"): 7, ("w", "e"): 2}
    got = student(dict(counts), ["l", "o", "w"], ["lo", "w"], 5)
    want = {("l", "o"): 2, ("o", "w"): 2, ("w", "e"): 2, ("lo", "w"): 5}
    expect(_plain(got), want, 'update_counts(counts, ["l", "o", "w"], ["lo", "w"], 5)')
    got = student({("a", "b"): 2, ("b", "a"): 1}, ["a", "b", "a", "b"], ["ab", "ab"], 1)
    want = {("ab", "ab"): 1}
    call = 'update_counts({("a", "b"): 2, ("b", "a"): 1}, ["a", "b", "a", "b"], ["ab", "ab"], 1)'
    expect(_plain(got), want, call, "Zero counts go out.")
    same = {("x", "y"): 3, ("y", "x"): 1}
    got = student(dict(same), ["x", "y", "x"], ["x", "y", "x"], 1)
    call = 'update_counts({("x", "y"): 3, ("y", "x"): 1}, ["x", "y", "x"], ["x", "y", "x"], 1)'
    expect(_plain(got), same, call, "Nothing was merged, so nothing changes.")


def fewest_pieces(student):
    """The least number of vocabulary entries that a word can be cut into, or None.

    Greedy is not always best: take "abcd" with "abc", "ab", "cd", "d".
    Let best[i] be the answer for the first i characters; best[0] is 0.
    best[i] is 1 + the least best[j] over all j < i with word[j:i] in the vocabulary.
    """
    expect(student("abcd", {"ab", "cd"}), 2, 'fewest_pieces("abcd", {"ab", "cd"})')
    trap = {"abc", "ab", "cde", "d", "e"}
    call = 'fewest_pieces("abcde", {"abc", "ab", "cde", "d", "e"})'
    expect(student("abcde", trap), 2, call, "The longest first piece leaves three.")
    dead_end = {"ab", "a", "bc"}
    call = 'fewest_pieces("abc", {"ab", "a", "bc"})'
    expect(student("abc", dead_end), 2, call, "The longest first piece leads nowhere.")
    call = 'fewest_pieces("abcde", {"abc", "de", "bcde"})'
    expect(student("abcde", {"abc", "de", "bcde"}), 2, call, "From the right it is no better.")
    expect(student("ab", {"a", "b", "ab"}), 1, 'fewest_pieces("ab", {"a", "b", "ab"})')
    expect(student("abc", {"a", "b"}), None, 'fewest_pieces("abc", {"a", "b"})')
    expect(student("aaaa", {"a"}), 4, 'fewest_pieces("aaaa", {"a"})')
    expect(student("", {"a"}), 0, 'fewest_pieces("", {"a"})', "Nothing needs no pieces.")


def _plain(got):
    return dict(got) if hasattr(got, "items") else got

"""Checks of the coding exercises of chapter 2. A docstring's later lines are the staged hints."""

from copy import deepcopy

from lmkit.checks import expect


def count_pairs(student):
    """How often each pair of neighbours occurs in pieces that are given once, with their counts.

    Go through the pieces; within a piece, `zip(tokens, tokens[1:])` gives the neighbours.
    A piece that occurs n times adds n to each of its pairs, not 1.
    A pair that stands twice in one piece counts twice; pairs across two pieces do not count.
    """
    ask = _asker("count_pairs", student)
    low = [(["l", "o", "w"], 5), (["l", "o", "w", "e", "r"], 2)]
    ask(low, want={("l", "o"): 7, ("o", "w"): 7, ("w", "e"): 2, ("e", "r"): 2})
    ask([(["a", "b", "a", "b"], 3)], want={("a", "b"): 6, ("b", "a"): 3})
    ask([(["a", "a", "a"], 1), (["a"], 9)], want={("a", "a"): 2})
    ask([], want={})


def decode_bytes(student):
    """Token ids to text, when a token may be part of a character.

    Bytes of one character may lie in two tokens: when can they be decoded?
    Join the bytes of all tokens first, then decode once.
    What is no UTF-8 shall become U+FFFD: `bytes.decode` has an argument for that.
    """
    ask = _asker("decode_bytes", student)
    ask([2, 0, 1], {0: b"\xc3", 1: b"\xa9", 2: b" caf"}, want=" café")
    fox = {4: b"\xf0\x9f", 5: b"\xa6\x8a"}
    ask([4, 5], fox, want="🦊", hint="One character lies in two tokens.")
    half = {0: b"a", 1: b"\xc3"}
    ask([0, 1], half, want="a\ufffd", hint="Half a character becomes U+FFFD, as in lmkit.")
    ask([], half, want="")


def update_counts(student):
    """The counts after one piece's merge, without counting any other piece.

    What must the counts forget, and what must they learn? Only pairs of this piece change.
    Take away n for each pair of the piece as it was, add n for each pair as it is after the merge.
    A pair whose count falls to zero goes out of the dictionary.
    """
    ask = _asker("update_counts", student)
    counts = {("l", "o"): 7, ("o", "w"): 7, ("w", "e"): 2}
    want = {("l", "o"): 2, ("o", "w"): 2, ("w", "e"): 2, ("lo", "w"): 5}
    ask(counts, ["l", "o", "w"], ["lo", "w"], 5, want=want)
    counts, piece = {("a", "b"): 2, ("b", "a"): 1}, ["a", "b", "a", "b"]
    ask(counts, piece, ["ab", "ab"], 1, want={("ab", "ab"): 1}, hint="Zero counts go out.")
    same, piece = {("x", "y"): 3, ("y", "x"): 1}, ["x", "y", "x"]
    ask(same, piece, piece, 1, want=same, hint="Nothing was merged, so nothing changes.")


def fewest_pieces(student):
    """The least number of vocabulary entries that a word can be cut into, or None.

    Greedy is not always best: of "abcde" with "abc", "ab", "cde", "d", "e" it makes three pieces.
    Let best[i] be the answer for the first i characters; best[0] is 0.
    best[i] is 1 + the least best[j] over all j < i with word[j:i] in the vocabulary.
    """
    ask = _asker("fewest_pieces", student)
    ask("abcd", {"ab", "cd"}, want=2)
    trap = {"abc", "ab", "cde", "d", "e"}
    ask("abcde", trap, want=2, hint="The longest first piece leaves three.")
    ask("abc", {"ab", "a", "bc"}, want=2, hint="The longest first piece leads nowhere.")
    ask("abcde", {"abc", "de", "bcde"}, want=2, hint="From the right it is no better.")
    ask("ab", {"a", "b", "ab"}, want=1)
    ask("abc", {"a", "b"}, want=None)
    ask("aaaa", {"a"}, want=4)
    ask("", {"a"}, want=0, hint="Nothing needs no pieces.")


def _asker(name, student):
    """Make a function that calls the student's, and shows the whole call where it is wrong."""

    def ask(*args, want, hint=""):
        got = student(*deepcopy(args))
        call = f"{name}({', '.join(map(_shown, args))})"
        expect(dict(got) if hasattr(got, "items") else got, want, call, hint)

    return ask


def _shown(value):
    if isinstance(value, set):  # in an order that does not change from run to run
        return f"{{{', '.join(map(repr, sorted(value)))}}}"
    return repr(value)

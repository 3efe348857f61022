"""Right and wrong answers to the coding exercises of chapter 2."""

from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise


def _counter(pieces):
    counts = Counter()
    for tokens, n in pieces:
        for pair in pairwise(tokens):
            counts[pair] += n
    return counts


def _by_place(pieces):
    counts = {}
    for tokens, n in pieces:
        for i in range(len(tokens) - 1):
            pair = (tokens[i], tokens[i + 1])
            counts[pair] = counts.get(pair, 0) + n
    return counts


def _multiplied(pieces):
    total = Counter()
    for tokens, n in pieces:
        total.update({p: n * k for p, k in Counter(pairwise(tokens)).items()})
    return dict(total)


def _once_a_piece(pieces):
    counts = Counter()
    for tokens, n in pieces:
        for pair in set(pairwise(tokens)):
            counts[pair] += n
    return counts


def _across(pieces):
    tokens = [token for piece, n in pieces for _ in range(n) for token in piece]
    return Counter(pairwise(tokens))


def _decode_loop(ids, vocab):
    data = bytearray()
    for i in ids:
        data += vocab[i]
    return data.decode("utf-8", errors="replace")


def _in_place(counts, before, after, n):
    for pair in pairwise(before):
        counts[pair] -= n
    for pair in pairwise(after):
        counts[pair] = counts.get(pair, 0) + n
    return {pair: c for pair, c in counts.items() if c}


def _by_counter(counts, before, after, n):
    counts = Counter(counts)
    for sign, tokens in ((-n, before), (n, after)):
        for pair in pairwise(tokens):
            counts[pair] += sign
    return {pair: c for pair, c in counts.items() if c != 0}


def _by_difference(counts, before, after, n):
    change = defaultdict(int)
    for pair in pairwise(after):
        change[pair] += n
    for pair in pairwise(before):
        change[pair] -= n
    out = {pair: counts.get(pair, 0) + change[pair] for pair in {**counts, **change}}
    return {pair: c for pair, c in out.items() if c}


def _keeps_zeros(counts, before, after, n):
    for pair in pairwise(before):
        counts[pair] -= n
    for pair in pairwise(after):
        counts[pair] = counts.get(pair, 0) + n
    return counts


def _only_adds(counts, before, after, n):
    return dict(Counter(counts) + Counter(dict.fromkeys(pairwise(after), n)))


def _ignores_n(counts, before, after, n):
    return _in_place(counts, before, after, 1)


def _forgets_all(counts, before, after, n):
    for pair in pairwise(before):
        counts.pop(pair, None)
    for pair in pairwise(after):
        counts[pair] = counts.get(pair, 0) + n
    return counts


def _table(word, vocab):
    best = [0] + [None] * len(word)
    for i in range(1, len(word) + 1):
        ends = [best[j] for j in range(i) if best[j] is not None and word[j:i] in vocab]
        best[i] = 1 + min(ends) if ends else None
    return best[-1]


def _recursive(word, vocab):
    @cache
    def least(start):
        if start == len(word):
            return 0
        rests = [least(end) for end in range(start + 1, len(word) + 1) if word[start:end] in vocab]
        rests = [rest for rest in rests if rest is not None]
        return min(rests) + 1 if rests else None

    return least(0)


def _breadth_first(word, vocab):
    reached, steps = {0}, 0
    while reached:
        if len(word) in reached:
            return steps
        reached = {
            end
            for start in reached
            for end in range(start + 1, len(word) + 1)
            if word[start:end] in vocab
        }
        steps += 1
    return None


def _greedy(word, vocab):
    count, start = 0, 0
    while start < len(word):
        end = next((e for e in range(len(word), start, -1) if word[start:e] in vocab), None)
        if end is None:
            return None
        count, start = count + 1, end
    return count


def _from_the_right(word, vocab):
    return _greedy(word[::-1], {token[::-1] for token in vocab})


def _shortest_first(word, vocab):
    count, start = 0, 0
    while start < len(word):
        end = next((e for e in range(start + 1, len(word) + 1) if word[start:e] in vocab), None)
        if end is None:
            return None
        count, start = count + 1, end
    return count


RIGHT = {
    "count_pairs": [_counter, _by_place, _multiplied],
    "decode_bytes": [
        _decode_loop,
        lambda ids, vocab: b"".join(vocab[i] for i in ids).decode(errors="replace"),
        lambda ids, vocab: str(b"".join(map(vocab.get, ids)), "utf-8", "replace"),
    ],
    "update_counts": [_in_place, _by_counter, _by_difference],
    "fewest_pieces": [_table, _recursive, _breadth_first],
}
WRONG = {
    "count_pairs": [
        lambda pieces: Counter(pair for tokens, _ in pieces for pair in pairwise(tokens)),
        _once_a_piece,
        _across,
        lambda pieces: _counter([(tokens[:-1], n) for tokens, n in pieces]),  # off by one
    ],
    "decode_bytes": [
        lambda ids, vocab: "".join(vocab[i].decode(errors="replace") for i in ids),
        lambda ids, vocab: b"".join(vocab[i] for i in ids).decode(),  # raises on half a character
        lambda ids, vocab: b"".join(vocab[i] for i in ids).decode(errors="ignore"),
        lambda ids, vocab: b"".join(vocab[i] for i in ids).decode("latin-1"),
    ],
    "update_counts": [_keeps_zeros, _only_adds, _ignores_n, _forgets_all],
    "fewest_pieces": [
        _greedy,
        _from_the_right,
        _shortest_first,
        lambda word, vocab: (_table(word, vocab) or 0) + 1,  # off by one
    ],
}

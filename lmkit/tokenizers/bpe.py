"""Byte-level byte-pair encoding: how it cuts, and how it learns."""

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Self

import regex

from lmkit import given

from .words import Vocabulary, checked_errors, read, specials, well_formed

Pair = tuple[int, int]

# GPT-2's split into words (Radford et al. 2019, encoder.py): a merge never crosses these pieces.
GPT2_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
# The same after every digit has been cut out as a piece of its own, in one pattern.
DIGIT_SPLIT = r"\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+"
CACHED_PIECE = 64  # characters; longer pieces hardly come twice and would fill the memory


def byte_alphabet() -> dict[int, str]:
    """Give each of the 256 bytes a visible character, as GPT-2 does: 65 → 'A', 32 → 'Ġ'.

    So a vocabulary of byte strings can be kept as ordinary text.
    """
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(0xAE, 0x100)]
    hidden = [b for b in range(256) if b not in visible]
    return {b: chr(b) for b in visible} | {b: chr(256 + i) for i, b in enumerate(hidden)}


BYTE_TO_CHAR = byte_alphabet()
CHAR_TO_BYTE = {char: byte for byte, char in BYTE_TO_CHAR.items()}


def merge(symbols: Sequence[str], ranks: Mapping[tuple[str, str], int]) -> list[str]:
    """Join neighbours, always the leftmost pair of the lowest rank, until no pair has a rank.

    Byte-pair encoding (Sennrich et al. 2016, algorithm 1), with a heap of candidate pairs so that
    n symbols take O(n log n) steps.

    >>> merge("hello", {("l", "l"): 0, ("h", "e"): 1, ("he", "ll"): 2})
    ['hell', 'o']
    """
    parts: list[str] = list(symbols)  # a symbol that was joined to its left neighbour becomes ""
    left, right = list(range(-1, len(parts) - 1)), list(range(1, len(parts) + 1))
    heap = [
        (ranks[pair], i, *pair) for i, pair in enumerate(itertools.pairwise(parts)) if pair in ranks
    ]
    heapq.heapify(heap)
    while heap:
        _, i, a, b = heapq.heappop(heap)
        j = right[i]
        if parts[i] != a or j == len(parts) or parts[j] != b:
            continue  # one of the two has been joined to another meanwhile
        parts[i], parts[j], right[i] = a + b, "", right[j]
        if right[i] < len(parts):
            left[right[i]] = i
        for first, second in ((left[i], i), (i, right[i])):
            if first >= 0 and second < len(parts):
                pair = parts[first], parts[second]
                if pair in ranks:
                    heapq.heappush(heap, (ranks[pair], first, *pair))
    return [part for part in parts if part]


def replace_pair(ids: Sequence[int], pair: Pair, new: int) -> list[int]:
    """Put `new`, an id that is not in the pair, wherever `pair` stands, from left to right.

    >>> replace_pair([1, 2, 3, 1, 2], (1, 2), 4)
    [4, 3, 4]
    """
    out: list[int] = []
    first, second = pair
    for i in ids:
        if i == second and out and out[-1] == first:
            out[-1] = new
        else:
            out.append(i)
    return out


class PairCounts:
    """How often each pair of neighbours occurs in words, kept up to date from merge to merge.

    `words` are lists of ids, `freqs` how often each word occurs. A merge changes only the words
    that hold the pair, so only those are counted again: that is what makes training fast.

    >>> pairs = PairCounts([[1, 2, 3], [1, 2]], [5, 2])
    >>> pairs.most_frequent(), pairs.counts[1, 2]
    ((1, 2), 7)
    >>> pairs.merge((1, 2), 4)
    >>> pairs.words, pairs.most_frequent()
    ([[4, 3], [4]], (4, 3))
    """

    def __init__(self, words: Iterable[Sequence[int]], freqs: Iterable[int]) -> None:
        self.words, self.freqs = [list(word) for word in words], list(freqs)
        self.counts: dict[Pair, int] = defaultdict(int)
        self.where: dict[Pair, set[int]] = defaultdict(set)  # may hold more words than needed
        for w, (word, n) in enumerate(zip(self.words, self.freqs, strict=True)):
            for pair in itertools.pairwise(word):
                self.counts[pair] += n
                self.where[pair].add(w)
        self._heap = [(-n, pair) for pair, n in self.counts.items()]
        heapq.heapify(self._heap)

    def most_frequent(self) -> Pair | None:
        """Give the pair that occurs most, of equals that with the smallest ids; None at the end."""
        while self._heap:
            n, pair = self._heap[0]
            if n and -n == self.counts[pair]:
                return pair
            heapq.heappop(self._heap)  # its count has changed, and it was pushed again
        return None

    def merge(self, pair: Pair, new: int) -> None:
        """Put `new` wherever `pair` stands, and mend the counts around it."""
        change: dict[Pair, int] = defaultdict(int)
        for w in self.where.pop(pair):
            old, n = self.words[w], self.freqs[w]
            word = self.words[w] = replace_pair(old, pair, new)
            for p in itertools.pairwise(old):
                change[p] -= n
            for p in itertools.pairwise(word):
                change[p] += n
                self.where[p].add(w)
        for p, n in change.items():
            if n:
                self.counts[p] += n
                heapq.heappush(self._heap, (-self.counts[p], p))


def learn_merges(
    pairs: PairCounts, tokens: list[str], vocab_size: int, glue: Callable[[str, str], str]
) -> list[tuple[str, str]]:
    """Merge the most frequent pair until there are `vocab_size` tokens or no pairs; give them all.

    `tokens` are the texts of the ids, and grow (Sennrich et al. 2016, algorithm 1).
    """
    merges = []
    ids = {token: i for i, token in enumerate(tokens)}
    while len(tokens) < vocab_size and (pair := pairs.most_frequent()):
        first, second = (tokens[i] for i in pair)
        joined = glue(first, second)
        if joined not in ids:  # else the same text was made before, from other parts
            ids[joined] = len(tokens)
            tokens.append(joined)
        pairs.merge(pair, ids[joined])
        merges.append((first, second))
    return merges


class BPETokenizer(Vocabulary):
    """Byte-level byte-pair encoding, as in GPT-2, Llama 3 and SmolLM2.

    `vocab` maps tokens, written in `byte_alphabet`, to ids; `merges` are the pairs to join, the
    most important first; `special` are the tokens that stand for no text, such as
    `<|endoftext|>`; with `split_digits` every digit is a token of its own. Raises ValueError when
    a merge makes no token of the vocabulary, or a special token is spelt like a byte or a merge.
    """

    def __init__(
        self,
        vocab: Mapping[str, int],
        merges: Iterable[tuple[str, str]],
        special: Mapping[str, int] | None = None,
        split_digits: bool = False,
    ) -> None:
        pairs = given.rows(merges, "merges", 2, "a pair of tokens")
        self.ranks = {(a, b): rank for rank, (a, b) in enumerate(pairs)}
        self._spelt = {*CHAR_TO_BYTE, *(a + b for a, b in self.ranks)}
        super().__init__(vocab, special)
        for a, b in self.ranks:
            if a + b not in self.vocab:
                raise ValueError(f"the merge of {a!r} and {b!r} makes no token of the vocabulary")
        self._split = regex.compile(DIGIT_SPLIT if split_digits else GPT2_SPLIT)
        longest_first = sorted(self.special, key=len, reverse=True)
        self._special_split = regex.compile("(" + "|".join(map(regex.escape, longest_first)) + ")")
        self._cached_piece = lru_cache(maxsize=65536)(self._encode_piece)
        self.split_digits = split_digits

    @classmethod
    def train(
        cls, text: str, vocab_size: int, special: Sequence[str] = (), split_digits: bool = False
    ) -> Self:
        """Learn merges from a text until there are `vocab_size` tokens or nothing is left to merge.

        The first ids are the special tokens', the next 256 the bytes'. Of pairs that occur equally
        often the one with the smallest ids is taken. Raises ValueError when `vocab_size` is less
        than these need, or a special token is spelt like a byte or what was learned.

        >>> tokenizer = BPETokenizer.train("low low lower lowest", 256 + 4)
        >>> tokenizer.merges
        [('l', 'o'), ('lo', 'w'), ('Ġ', 'low'), ('Ġlow', 'e')]
        """
        given.whole(vocab_size, "vocab_size")
        special = given.texts(special, "special")
        if len(set(special)) < len(special):
            raise ValueError(f"a special token stands twice among {', '.join(special)}")
        if vocab_size < (least := 256 + len(special)):
            raise ValueError(
                f"vocab_size must be at least {least}, for the 256 bytes and {len(special)} "
                f"special tokens, not {vocab_size}"
            )
        pattern = DIGIT_SPLIT if split_digits else GPT2_SPLIT
        counts = Counter(regex.findall(pattern, well_formed(text)))
        tokens = [*special, *BYTE_TO_CHAR.values()]
        id_of = {byte: len(special) + i for i, byte in enumerate(BYTE_TO_CHAR)}
        words = ([id_of[byte] for byte in word.encode()] for word in counts)
        pairs = PairCounts(words, counts.values())
        merges = learn_merges(pairs, tokens, vocab_size, str.__add__)
        vocab = {token: i for i, token in enumerate(tokens) if i >= len(special)}
        return cls(vocab, merges, {name: i for i, name in enumerate(special)}, split_digits)

    def _spells(self, name: str) -> bool:
        return name in self._spelt

    @property
    def merges(self) -> list[tuple[str, str]]:
        """The pairs to join, written in `byte_alphabet`, the most important first."""
        return list(self.ranks)

    def save(self, path: str | Path) -> None:
        """Write a tokenizer.json."""
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
        digits = {"type": "Digits", "individual_digits": True}
        steps = [digits, byte_level] if self.split_digits else [byte_level]
        split = {"type": "Sequence", "pretokenizers": steps}
        parts = {"pre_tokenizer": split, "decoder": byte_level}
        self._write(path, parts, type="BPE", merges=self.merges)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote, or another byte-level tokenizer.json that splits as GPT-2 does.

        Raises ValueError where the file is of another kind.
        """
        data = read(path, "BPE")
        before = data["pre_tokenizer"] or {}
        steps = before.get("pretokenizers", [before])
        kinds = [step.get("type") for step in steps]
        usual = {"add_prefix_space": False, "use_regex": True, "individual_digits": True}
        odd = [k for step in steps for k, v in usual.items() if step.get(k, v) != v]
        odd += [data["normalizer"]["type"]] if data["normalizer"] else []
        if kinds not in (["ByteLevel"], ["Digits", "ByteLevel"]) or odd:
            raise ValueError(f"{path} does not split text as GPT-2 does, but by {kinds + odd}")
        special = specials(data)
        vocab = {t: i for t, i in data["model"]["vocab"].items() if t not in special}
        pairs = data["model"]["merges"]
        merges = (tuple(pair.split(" ") if isinstance(pair, str) else pair) for pair in pairs)
        return cls(vocab, merges, special, split_digits=len(kinds) == 2)

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Turn text into token ids; the empty text has none.

        Special tokens that are typed in `text` are ordinary text, so that nobody can forge them,
        unless `special` is true. A byte that is not in the vocabulary gives no token.
        """
        text = well_formed(text)
        if special and self.special:
            parts = self._special_split.split(text)
            known = self.special
            return [i for x in parts for i in ([known[x]] if x in known else self.encode(x))]
        return [i for piece in self._split.findall(text) for i in self._piece(piece)]

    def _piece(self, piece: str) -> tuple[int, ...]:
        return (self._cached_piece if len(piece) <= CACHED_PIECE else self._encode_piece)(piece)

    def _encode_piece(self, piece: str) -> tuple[int, ...]:
        symbols = [c for b in piece.encode() if (c := BYTE_TO_CHAR[b]) in self.vocab]
        return tuple(self.vocab[symbol] for symbol in merge(symbols, self.ranks))

    def token_bytes(self, token_id: int) -> bytes:
        """Give the bytes that one token stands for; a special token stands for its name."""
        token = self.token(token_id)
        if self.special.get(token) == token_id:
            return token.encode()
        return bytes(CHAR_TO_BYTE[char] for char in token)

    def decode(self, ids: Iterable[int], errors: str = "replace") -> str:
        """Turn token ids into text; bytes that are no UTF-8 become U+FFFD by default."""
        found = b"".join(map(self.token_bytes, given.ids(ids)))
        return found.decode("utf-8", checked_errors(errors))

    def tokens(self, ids: Iterable[int]) -> list[str]:
        r"""Show each token by itself; part of a character is shown as its bytes, like `\xe2`."""
        found = map(self.token_bytes, given.ids(ids))
        return [token.decode("utf-8", "backslashreplace") for token in found]

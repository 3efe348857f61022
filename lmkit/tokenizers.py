"""Tokenizers: text to numbers and back."""

import heapq
import itertools
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import regex

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


def well_formed(text: str) -> str:
    """Replace half surrogate pairs, which no encoding can hold, by U+FFFD as a browser does.

    >>> well_formed("a\\ud800b")
    'a�b'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


class BPETokenizer:
    """Byte-level byte-pair encoding, as in GPT-2, Llama 3 and SmolLM2.

    `vocab` maps tokens, written in `byte_alphabet`, to ids; `merges` are the pairs to join, the
    most important first; `special` are the tokens that stand for no text, such as
    `<|endoftext|>`; with `split_digits` every digit is a token of its own.
    """

    def __init__(
        self,
        vocab: Mapping[str, int],
        merges: Iterable[tuple[str, str]],
        special: Mapping[str, int] | None = None,
        split_digits: bool = False,
    ) -> None:
        self.vocab, self.special = dict(vocab), dict(special or {})
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}
        self.n_vocab = 1 + max([*self.vocab.values(), *self.special.values()], default=-1)
        self._text = {i: token for token, i in self.vocab.items()}
        self._special_text = {i: token for token, i in self.special.items()}
        self._split = regex.compile(DIGIT_SPLIT if split_digits else GPT2_SPLIT)
        longest_first = sorted(self.special, key=len, reverse=True)
        self._special_split = regex.compile("(" + "|".join(map(regex.escape, longest_first)) + ")")
        self._cached_piece = lru_cache(maxsize=65536)(self._encode_piece)

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Turn text into token ids; the empty text has none.

        Special tokens that are typed in `text` are ordinary text, so that nobody can forge them,
        unless `special` is true. A byte that is not in the vocabulary gives no token.
        """
        if not isinstance(text, str):
            raise TypeError(f"encode needs a str, not {type(text).__name__}")
        text = well_formed(text)
        if special and self.special:
            ids = []
            for part in self._special_split.split(text):
                ids += [self.special[part]] if part in self.special else self.encode(part)
            return ids
        return [i for piece in self._split.findall(text) for i in self._piece(piece)]

    def _piece(self, piece: str) -> tuple[int, ...]:
        return (self._cached_piece if len(piece) <= CACHED_PIECE else self._encode_piece)(piece)

    def _encode_piece(self, piece: str) -> tuple[int, ...]:
        symbols = [c for b in piece.encode() if (c := BYTE_TO_CHAR[b]) in self.vocab]
        return tuple(self.vocab[symbol] for symbol in merge(symbols, self.ranks))

    def token_bytes(self, token_id: int) -> bytes:
        """Give the bytes that one token stands for; a special token stands for its name."""
        if token_id in self._special_text:
            return self._special_text[token_id].encode()
        if token_id not in self._text:
            raise ValueError(f"no token has id {token_id!r}: ids go from 0 to {self.n_vocab - 1}")
        return bytes(CHAR_TO_BYTE[char] for char in self._text[token_id])

    def decode(self, ids: Iterable[int], errors: str = "replace") -> str:
        """Turn token ids into text; bytes that are no UTF-8 become U+FFFD by default."""
        return b"".join(self.token_bytes(int(i)) for i in ids).decode("utf-8", errors)

    def tokens(self, ids: Iterable[int]) -> list[str]:
        r"""Show each token by itself; part of a character is shown as its bytes, like `\xe2`."""
        return [self.token_bytes(int(i)).decode("utf-8", "backslashreplace") for i in ids]

"""Tokenizers: text to numbers and back (chapter 2).

Words, characters, bytes, byte-pair encoding and WordPiece. All have `encode`, `decode`, `tokens`
and `n_vocab`; those that learn a vocabulary have `train`, `save` and `load`. Files are
`tokenizer.json` as the `tokenizers` package writes and reads them.
"""

import heapq
import itertools
import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

import regex

Pair = tuple[int, int]

# GPT-2's split into words (Radford et al. 2019, encoder.py): a merge never crosses these pieces.
GPT2_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
# The same after every digit has been cut out as a piece of its own, in one pattern.
DIGIT_SPLIT = r"\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+"
WORD = r"[\p{L}\p{M}\p{N}\p{Pc}]+|[^\s\p{L}\p{M}\p{N}\p{Pc}]"  # a word, or a mark by itself
CHARACTER = r"[\s\S]"
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


def _checked(value: Any, function: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{function} needs a str, not {type(value).__name__}")
    return well_formed(value)


class WordTokenizer:
    """Words and marks; what is not in the vocabulary is `<unk>`, and spaces are lost.

    >>> tokenizer = WordTokenizer.train("Arya is amazing! Arya is here.", vocab_size=8)
    >>> tokenizer.tokens(tokenizer.encode("Arya is unbelievable!"))
    ['Arya', 'is', '<unk>', '!']
    """

    unknown: ClassVar[str] = "<unk>"
    _pattern: ClassVar[str] = WORD
    _between: ClassVar[str] = " "

    def __init__(self, vocab: Mapping[str, int]) -> None:
        self.vocab = dict(vocab)
        self.n_vocab = 1 + max(self.vocab.values(), default=-1)
        self._token = {i: token for token, i in self.vocab.items()}

    @classmethod
    def split(cls, text: str) -> list[str]:
        """Cut a text into the pieces that are looked up."""
        found: list[str] = regex.findall(cls._pattern, _checked(text, "split"))
        return found

    @classmethod
    def train(cls, text: str, vocab_size: int) -> Self:
        """Keep `<unk>` and the most frequent pieces, `vocab_size` tokens in all; ties by text."""
        if vocab_size < 1:
            raise ValueError(f"vocab_size must be 1 or more, for {cls.unknown}, not {vocab_size}")
        counts = Counter(cls.split(text))
        common = sorted(counts, key=lambda piece: (-counts[piece], piece))[: vocab_size - 1]
        return cls({token: i for i, token in enumerate([cls.unknown, *common])})

    def encode(self, text: str) -> list[int]:
        """Turn text into token ids."""
        unknown = self.vocab[self.unknown]
        return [self.vocab.get(piece, unknown) for piece in self.split(text)]

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Show each token by itself."""
        return [_known(self._token, int(i), self.n_vocab) for i in ids]

    def decode(self, ids: Iterable[int]) -> str:
        """Turn token ids into text; where spaces stood is not known any more."""
        return self._between.join(self.tokens(ids))

    def save(self, path: str | Path) -> None:
        """Write a tokenizer.json."""
        split = {"type": "Split", "pattern": {"Regex": self._pattern}}
        _write(
            path,
            {"type": "WordLevel", "vocab": self.vocab, "unk_token": self.unknown},
            pre_tokenizer=split | {"behavior": "Removed", "invert": True},
        )

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote."""
        data = _read(path, "WordLevel")
        if (data["pre_tokenizer"] or {}).get("pattern") != {"Regex": cls._pattern}:
            raise ValueError(f"{path} does not split text as {cls.__name__} does")
        return cls(data["model"]["vocab"])


class CharTokenizer(WordTokenizer):
    """Characters (Unicode code points); what is not in the vocabulary is `<unk>`.

    >>> tokenizer = CharTokenizer.train("Arya", vocab_size=10)
    >>> tokenizer.encode("Arya"), tokenizer.decode(tokenizer.encode("Arya"))
    ([1, 3, 4, 2], 'Arya')
    """

    _pattern = CHARACTER
    _between = ""


class ByteTokenizer:
    """The 256 bytes of UTF-8: nothing to train, and no text that it does not know.

    >>> ByteTokenizer().encode("é!")
    [195, 169, 33]
    """

    n_vocab = 256

    def encode(self, text: str) -> list[int]:
        """Turn text into its bytes."""
        return list(_checked(text, "encode").encode())

    def decode(self, ids: Iterable[int], errors: str = "replace") -> str:
        """Turn bytes into text; those that are no UTF-8 become U+FFFD by default."""
        return bytes(ids).decode("utf-8", errors)

    def tokens(self, ids: Iterable[int]) -> list[str]:
        r"""Show each byte by itself; part of a character is shown like `\xe2`."""
        return [bytes([i]).decode("utf-8", "backslashreplace") for i in ids]


def replace_pair(ids: Sequence[int], pair: Pair, new: int) -> list[int]:
    """Put `new` wherever `pair` stands, from left to right.

    >>> replace_pair([1, 2, 3, 1, 2], (1, 2), 4)
    [4, 3, 4]
    """
    out: list[int] = []
    i, (first, second) = 0, pair
    while i < len(ids):
        if ids[i] == first and i + 1 < len(ids) and ids[i + 1] == second:
            out.append(new)
            i += 2
        else:
            out.append(ids[i])
            i += 1
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
        before: dict[Pair, int] = {}
        for w in self.where.pop(pair):
            old, n = self.words[w], self.freqs[w]
            word = self.words[w] = replace_pair(old, pair, new)
            for p in itertools.pairwise(old):
                before.setdefault(p, self.counts[p])
                self.counts[p] -= n
            for p in itertools.pairwise(word):
                before.setdefault(p, self.counts[p])
                self.counts[p] += n
                self.where[p].add(w)
        for p, n in before.items():
            if self.counts[p] != n:
                heapq.heappush(self._heap, (-self.counts[p], p))


def learn_merges(
    pairs: PairCounts, tokens: list[str], vocab_size: int, glue: Callable[[str, str], str]
) -> Iterator[tuple[str, str]]:
    """Merge the most frequent pair until there are `vocab_size` tokens or no pairs; yield each.

    `tokens` are the texts of the ids, and grow (Sennrich et al. 2016, algorithm 1).
    """
    ids = {token: i for i, token in enumerate(tokens)}
    while len(tokens) < vocab_size and (pair := pairs.most_frequent()):
        first, second = (tokens[i] for i in pair)
        joined = glue(first, second)
        if joined not in ids:  # else the same text was made before, from other parts
            ids[joined] = len(tokens)
            tokens.append(joined)
        pairs.merge(pair, ids[joined])
        yield first, second


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
        self.split_digits = split_digits

    @classmethod
    def train(
        cls, text: str, vocab_size: int, special: Sequence[str] = (), split_digits: bool = False
    ) -> Self:
        """Learn merges from a text until there are `vocab_size` tokens or nothing is left to merge.

        The first ids are the special tokens', the next 256 the bytes'. Of pairs that occur equally
        often the one with the smallest ids is taken. Raises ValueError when `vocab_size` is less
        than these need.

        >>> tokenizer = BPETokenizer.train("low low lower lowest", 256 + 4)
        >>> tokenizer.merges
        [('l', 'o'), ('lo', 'w'), ('Ġ', 'low'), ('Ġlow', 'e')]
        """
        if vocab_size < (least := 256 + len(special)):
            raise ValueError(
                f"vocab_size must be at least {least}, for the 256 bytes and {len(special)} "
                f"special tokens, not {vocab_size}"
            )
        pattern = DIGIT_SPLIT if split_digits else GPT2_SPLIT
        counts = Counter(regex.findall(pattern, _checked(text, "train")))
        tokens = [*special, *BYTE_TO_CHAR.values()]
        ids = {token: i for i, token in enumerate(tokens)}
        words = [[ids[BYTE_TO_CHAR[b]] for b in word.encode()] for word in counts]
        pairs = PairCounts(words, counts.values())
        merges = list(learn_merges(pairs, tokens, vocab_size, str.__add__))
        vocab = {token: i for i, token in enumerate(tokens) if i >= len(special)}
        return cls(vocab, merges, {token: ids[token] for token in special}, split_digits)

    @property
    def merges(self) -> list[tuple[str, str]]:
        """The pairs to join, written in `byte_alphabet`, the most important first."""
        return list(self.ranks)

    def save(self, path: str | Path) -> None:
        """Write a tokenizer.json."""
        byte_level = {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "trim_offsets": True,
            "use_regex": True,
        }
        digits = {"type": "Digits", "individual_digits": True}
        steps = [digits, byte_level] if self.split_digits else [byte_level]
        _write(
            path,
            {
                "type": "BPE",
                "vocab": self.special | self.vocab,
                "merges": [list(pair) for pair in self.ranks],
            },
            self.special,
            pre_tokenizer={"type": "Sequence", "pretokenizers": steps},
            decoder=byte_level,
        )

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote, or another byte-level tokenizer.json that splits as GPT-2 does.

        Raises ValueError where the file is of another kind.
        """
        data = _read(path, "BPE")
        before = data["pre_tokenizer"] or {}
        kinds = [step["type"] for step in before.get("pretokenizers", [before])]
        if kinds not in (["ByteLevel"], ["Digits", "ByteLevel"]):
            raise ValueError(f"{path} does not split text as GPT-2 does, but by {kinds}")
        special = {t["content"]: t["id"] for t in data["added_tokens"] if t["special"]}
        vocab = {t: i for t, i in data["model"]["vocab"].items() if t not in special}
        merges = (
            pair.split(" ") if isinstance(pair, str) else pair for pair in data["model"]["merges"]
        )
        return cls(vocab, map(tuple, merges), special, split_digits=len(kinds) == 2)

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Turn text into token ids; the empty text has none.

        Special tokens that are typed in `text` are ordinary text, so that nobody can forge them,
        unless `special` is true. A byte that is not in the vocabulary gives no token.
        """
        text = _checked(text, "encode")
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
        token = _known(self._text, token_id, self.n_vocab)
        return bytes(CHAR_TO_BYTE[char] for char in token)

    def decode(self, ids: Iterable[int], errors: str = "replace") -> str:
        """Turn token ids into text; bytes that are no UTF-8 become U+FFFD by default."""
        return b"".join(self.token_bytes(int(i)) for i in ids).decode("utf-8", errors)

    def tokens(self, ids: Iterable[int]) -> list[str]:
        r"""Show each token by itself; part of a character is shown as its bytes, like `\xe2`."""
        return [self.token_bytes(int(i)).decode("utf-8", "backslashreplace") for i in ids]


# The blocks of Chinese characters around which BERT puts spaces (its tokenization.py).
CHINESE = (
    r"[\u4E00-\u9FFF\u3400-\u4DBF\U00020000-\U0002A6DF\U0002A700-\U0002B73F"
    r"\U0002B740-\U0002B81F\U0002B920-\U0002CEAF\uF900-\uFAFF\U0002F800-\U0002FA1F]"
)
# A word, or a mark by itself: in ASCII all that is neither letter nor digit counts as a mark.
BERT_SPLIT = r"[^\s\p{P}$+<=>^`|~]+|[\p{P}$+<=>^`|~]"


class WordPiece:
    """Greedy longest match from the left, as in BERT (Devlin et al. 2019), on lower-case text.

    `vocab` maps tokens to ids; a token that goes on with a word begins with `##`. A word that
    cannot be covered, or has more than 100 characters, is one `[UNK]`.

    >>> vocab = {"[UNK]": 0, "un": 1, "##believ": 2, "##able": 3, "##a": 4}
    >>> tokenizer = WordPiece(vocab)
    >>> tokenizer.tokens(tokenizer.encode("Unbelievable unseen"))
    ['un', '##believ', '##able', '[UNK]']
    """

    unknown: ClassVar[str] = "[UNK]"
    longest: ClassVar[int] = 100

    def __init__(self, vocab: Mapping[str, int]) -> None:
        self.vocab = dict(vocab)
        self.n_vocab = 1 + max(self.vocab.values(), default=-1)
        self._token = {i: token for token, i in self.vocab.items()}

    @staticmethod
    def normalise(text: str) -> str:
        """Drop control characters and accents, set Chinese characters apart, go to lower case.

        >>> WordPiece.normalise("Crème brûlée 中文")
        'creme brulee  中  文 '
        """
        text = regex.sub(r"(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}]|\ufffd", "", _checked(text, "encode"))
        text = regex.sub(CHINESE, r" \g<0> ", regex.sub(r"\s", " ", text))
        text = regex.sub(r"\p{Mn}", "", unicodedata.normalize("NFD", text))
        return "".join(char.lower() for char in text)

    @classmethod
    def split(cls, text: str) -> list[str]:
        """Cut a text into words and marks, in lower case and without accents."""
        words: list[str] = regex.findall(BERT_SPLIT, cls.normalise(text))
        return words

    @classmethod
    def train(cls, text: str, vocab_size: int, special: Sequence[str] = ("[UNK]",)) -> Self:
        """Learn a vocabulary by merging the most frequent pair, as `BPETokenizer.train` does.

        How BERT's vocabulary was made was never published in full. Schuster and Nakajima (2012)
        take the pair that raises the likelihood of the text most; the `tokenizers` package and
        this function take the most frequent one. Raises ValueError when the characters alone need
        more than `vocab_size` tokens.
        """
        counts = Counter(cls.split(text))
        spelt = [[word[0], *("##" + char for char in word[1:])] for word in counts]
        tokens = [*special, *sorted({token for word in spelt for token in word})]
        if vocab_size < len(tokens):
            raise ValueError(f"vocab_size must be at least {len(tokens)}, not {vocab_size}")
        ids = {token: i for i, token in enumerate(tokens)}
        pairs = PairCounts(([ids[t] for t in word] for word in spelt), counts.values())
        for _ in learn_merges(pairs, tokens, vocab_size, lambda a, b: a + b.removeprefix("##")):
            pass
        return cls({token: i for i, token in enumerate(tokens)})

    def encode(self, text: str) -> list[int]:
        """Turn text into token ids, without `[CLS]` and `[SEP]`."""
        return [i for word in self.split(text) for i in self._match(word)]

    def _match(self, word: str) -> list[int]:
        unknown = [self.vocab[self.unknown]]
        if len(word) > self.longest:
            return unknown
        ids, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                token = ("##" if start else "") + word[start:end]
                if token in self.vocab:
                    break
            else:
                return unknown
            ids.append(self.vocab[token])
            start = end
        return ids

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Show each token by itself."""
        return [_known(self._token, int(i), self.n_vocab) for i in ids]

    def decode(self, ids: Iterable[int]) -> str:
        """Turn token ids into text; capitals, accents and where spaces stood are lost."""
        return " ".join(self.tokens(ids)).replace(" ##", "")

    def save(self, path: str | Path) -> None:
        """Write a tokenizer.json."""
        _write(
            path,
            {
                "type": "WordPiece",
                "vocab": self.vocab,
                "unk_token": self.unknown,
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": self.longest,
            },
            normalizer={
                "type": "BertNormalizer",
                "clean_text": True,
                "handle_chinese_chars": True,
                "strip_accents": None,
                "lowercase": True,
            },
            pre_tokenizer={"type": "BertPreTokenizer"},
        )

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a tokenizer.json, such as that of `lmkit.assets.path("minilm")`."""
        return cls(_read(path, "WordPiece")["model"]["vocab"])


def _known(tokens: Mapping[int, str], i: int, n_vocab: int) -> str:
    if i not in tokens:
        raise ValueError(f"no token has id {i!r}: ids go from 0 to {n_vocab - 1}")
    return tokens[i]


def _write(
    path: str | Path, model: dict[str, Any], special: Mapping[str, int] | None = None, **parts: Any
) -> None:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    added = [
        {"id": i, "content": token, "special": True, **flags}
        for token, i in (special or {}).items()
    ]
    data = {"version": "1.0", "added_tokens": added, **parts, "model": model}
    Path(path).write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _read(path: str | Path, kind: str) -> dict[str, Any]:
    try:
        data = json.loads(Path(path).read_text("utf-8"))
        found = data["model"]["type"]
    except (ValueError, LookupError, TypeError):
        raise ValueError(f"{path} is no tokenizer.json") from None
    if found != kind:
        raise ValueError(f"{path} holds a tokenizer of the kind {found}, not {kind}")
    return {"pre_tokenizer": None, "added_tokens": [], **data}

"""Words, characters and bytes, and what all tokenizers that learn a vocabulary share."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import regex

from lmkit import given

WORD = r"[\p{L}\p{M}\p{N}\p{Pc}]+|[^\s\p{L}\p{M}\p{N}\p{Pc}]"  # a word, or a mark by itself
CHARACTER = r"[\s\S]"


def well_formed(text: str) -> str:
    """Replace half surrogate pairs, which no encoding can hold, by U+FFFD as a browser does.

    >>> well_formed("a\\ud800b")
    'a�b'
    """
    given.text(text, "text")
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def checked_errors(errors: str) -> str:
    """Give the name of what `bytes.decode` does with bytes that are no UTF-8."""
    return given.one_of(errors, "errors", ("replace", "strict", "ignore", "backslashreplace"))


def read(path: str | Path, kind: str) -> dict[str, Any]:
    """Read a tokenizer.json; ValueError when it is none, or of another kind."""
    path = given.path(path)
    try:
        data = json.loads(path.read_text("utf-8"))
        found = data["model"]["type"]
    except (ValueError, LookupError, TypeError):
        raise ValueError(f"{path} is no tokenizer.json") from None
    if found != kind:
        raise ValueError(f"{path} holds a tokenizer of the kind {found}, not {kind}")
    return {"normalizer": None, "pre_tokenizer": None, "added_tokens": [], **data}


def specials(data: Mapping[str, Any]) -> dict[str, int]:
    """Give the special tokens in what `read` gave."""
    return {t["content"]: t["id"] for t in data["added_tokens"] if t["special"]}


class Vocabulary:
    """Tokens and their ids: what all tokenizers that learn a vocabulary share."""

    unknown: ClassVar[str | None] = None  # the token for what is in no vocabulary

    def __init__(self, vocab: Mapping[str, int], special: Mapping[str, int] | None = None) -> None:
        if self.unknown is not None and self.unknown not in given.mapping(vocab, "vocab"):
            raise ValueError(f"vocab must hold {self.unknown!r}, for what it does not know")
        self.vocab, self.special = _ids_of(vocab, "vocab"), _ids_of(special or {}, "special")
        for name, i in self.special.items():
            self._check_special(name, i)
        self._token = {i: token for token, i in [*self.vocab.items(), *self.special.items()]}
        self.n_vocab = 1 + max(self._token, default=-1)

    def _check_special(self, name: str, token_id: int) -> None:
        """Raise ValueError for a special token that a file would not tell from an ordinary one."""
        if not name or name != well_formed(name):
            raise ValueError(f"a special token needs a name of whole characters, and has {name!r}")
        if self._spells(name) or self.vocab.get(name, token_id) != token_id:
            raise ValueError(
                f"the special token {name!r} is spelt like one that stands for text: give it a "
                f"name that no text is cut into, such as '<|{name}|>'"
            )

    def _spells(self, name: str) -> bool:
        """Tell whether some text is cut into a token of this name."""
        raise NotImplementedError

    def token(self, token_id: int) -> str:
        """Give the token of an id as the vocabulary writes it; ValueError when there is none."""
        if given.whole(token_id, "token_id") not in self._token:
            raise ValueError(f"no token has id {token_id!r}: ids go from 0 to {self.n_vocab - 1}")
        return self._token[token_id]

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Show each token by itself."""
        return [self.token(i) for i in given.ids(ids)]

    def _write(self, path: str | Path, parts: dict[str, Any], **model: Any) -> None:
        """Write a tokenizer.json of a model and the parts before and behind it."""
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        names = self.special.items()
        added = [{"id": i, "content": name, "special": True, **flags} for name, i in names]
        model["vocab"] = self.special | self.vocab
        data = {"version": "1.0", "added_tokens": added, **parts, "model": model}
        given.path(path).write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _ids_of(vocab: Mapping[str, int], name: str) -> dict[str, int]:
    """Give a vocabulary as a dict of tokens to ids."""
    for token, i in given.mapping(vocab, name, "a dict of tokens to ids").items():
        given.text(token, f"each token of {name}")
        given.whole(i, f"each id of {name}", least=0)
    return dict(vocab)


class WordTokenizer(Vocabulary):
    """Words and marks; what is not in the vocabulary is `<unk>`, and spaces are lost.

    >>> tokenizer = WordTokenizer.train("Arya is amazing! Arya is here.", vocab_size=8)
    >>> tokenizer.tokens(tokenizer.encode("Arya is unbelievable!"))
    ['Arya', 'is', '<unk>', '!']
    """

    unknown: ClassVar[str] = "<unk>"
    _pattern: ClassVar[str] = WORD
    _between: ClassVar[str] = " "

    @classmethod
    def split(cls, text: str) -> list[str]:
        """Cut a text into the pieces that are looked up."""
        found: list[str] = regex.findall(cls._pattern, well_formed(text))
        return found

    @classmethod
    def train(cls, text: str, vocab_size: int) -> Self:
        """Keep `<unk>` and the most frequent pieces, `vocab_size` tokens in all; ties by text."""
        given.whole(vocab_size, "vocab_size", least=1)
        counts = Counter(cls.split(text))
        common = sorted(counts, key=lambda piece: (-counts[piece], piece))[: vocab_size - 1]
        return cls({token: i for i, token in enumerate([cls.unknown, *common])})

    def encode(self, text: str) -> list[int]:
        """Turn text into token ids."""
        unknown = self.vocab[self.unknown]
        return [self.vocab.get(piece, unknown) for piece in self.split(text)]

    def decode(self, ids: Iterable[int]) -> str:
        """Turn token ids into text; where spaces stood is not known any more."""
        return self._between.join(self.tokens(ids))

    def token_bytes(self, token_id: int) -> bytes:
        """Give what a token adds to a text: a word brings the space before it."""
        return (self._between + self.token(token_id)).encode()

    def save(self, path: str | Path) -> None:
        """Write a tokenizer.json."""
        split = {"type": "Split", "pattern": {"Regex": self._pattern}}
        parts = {"pre_tokenizer": split | {"behavior": "Removed", "invert": True}}
        self._write(path, parts, type="WordLevel", unk_token=self.unknown)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote."""
        data = read(path, "WordLevel")
        if (data["pre_tokenizer"] or {}).get("pattern") != {"Regex": cls._pattern}:
            raise ValueError(f"{path} does not split text as {cls.__name__} does")
        return cls(data["model"]["vocab"], specials(data))

    def _spells(self, name: str) -> bool:
        return self.split(name) == [name]


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
        return list(well_formed(text).encode())

    def decode(self, ids: Iterable[int], errors: str = "replace") -> str:
        """Turn bytes into text; those that are no UTF-8 become U+FFFD by default."""
        return bytes(given.ids(ids, most=255)).decode("utf-8", checked_errors(errors))

    def token_bytes(self, token_id: int) -> bytes:
        """Give the byte itself."""
        return bytes([given.whole(token_id, "token_id", 0, 255)])

    def tokens(self, ids: Iterable[int]) -> list[str]:
        r"""Show each byte by itself; part of a character is shown like `\xe2`."""
        found = given.ids(ids, most=255)
        return [self.token_bytes(i).decode("utf-8", "backslashreplace") for i in found]

"""WordPiece, the tokenizer of BERT."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import regex

from lmkit import given

from .bpe import PairCounts, learn_merges
from .words import Vocabulary, read, specials, well_formed

# The blocks of Chinese characters around which BERT puts spaces (its tokenization.py).
CHINESE = (
    r"[\u4E00-\u9FFF\u3400-\u4DBF\U00020000-\U0002A6DF\U0002A700-\U0002B73F"
    r"\U0002B740-\U0002B81F\U0002B920-\U0002CEAF\uF900-\uFAFF\U0002F800-\U0002FA1F]"
)
# A word, or a mark by itself: in ASCII all that is neither letter nor digit counts as a mark.
BERT_SPLIT = r"[^\s\p{P}$+<=>^`|~]+|[\p{P}$+<=>^`|~]"


class WordPiece(Vocabulary):
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

    @staticmethod
    def normalise(text: str) -> str:
        """Drop control characters and accents, set Chinese characters apart, go to lower case.

        >>> WordPiece.normalise("Crème brûlée 中文")
        'creme brulee  中  文 '
        """
        text = regex.sub(r"(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}]|\ufffd", "", well_formed(text))
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
        given.whole(vocab_size, "vocab_size", least=1)
        special = given.texts(special, "special")
        counts = Counter(cls.split(text))
        spelt = [[word[0], *("##" + char for char in word[1:])] for word in counts]
        letters = {token for word in spelt for token in word}
        if same := letters.intersection(special):
            raise ValueError(
                f"the special token {min(same)!r} is one of the text: name it otherwise"
            )
        tokens = [*special, *sorted(letters)]
        if vocab_size < len(tokens):
            raise ValueError(
                f"vocab_size must be at least {len(tokens)}, for the text's characters, "
                f"not {vocab_size}"
            )
        ids = {token: i for i, token in enumerate(tokens)}
        pairs = PairCounts(([ids[t] for t in word] for word in spelt), counts.values())
        learn_merges(pairs, tokens, vocab_size, lambda a, b: a + b.removeprefix("##"))
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

    def decode(self, ids: Iterable[int]) -> str:
        """Turn token ids into text; capitals, accents and where spaces stood are lost."""
        return " ".join(self.tokens(ids)).replace(" ##", "")

    def save(self, path: str | Path) -> None:
        """Write a tokenizer.json."""
        bert: dict[str, Any] = {"type": "BertNormalizer", "strip_accents": None}
        bert |= dict.fromkeys(("clean_text", "handle_chinese_chars", "lowercase"), True)
        self._write(
            path,
            {"normalizer": bert, "pre_tokenizer": {"type": "BertPreTokenizer"}},
            type="WordPiece",
            unk_token=self.unknown,
            continuing_subword_prefix="##",
            max_input_chars_per_word=self.longest,
        )

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a tokenizer.json, such as that of `lmkit.assets.path("minilm")`.

        Raises ValueError where it keeps capitals or accents, as cased BERTs do.
        """
        data = read(path, "WordPiece")
        rules = data["normalizer"] or {}
        if not rules.get("lowercase") or rules.get("strip_accents") is False:
            raise ValueError(f"{path} keeps capitals or accents, and WordPiece here drops both")
        return cls(data["model"]["vocab"], specials(data))

    @classmethod
    def _spells(cls, name: str) -> bool:
        word = name.removeprefix("##")
        return cls.split(word) == [word]

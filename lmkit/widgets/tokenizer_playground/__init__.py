"""TokenizerPlayground: how do tokenizers cut a text? (chapter 2)"""

from typing import Any

import traitlets as t

from ... import given
from ...tokenizers import BPETokenizer, ByteTokenizer, CharTokenizer, WordPiece, WordTokenizer
from ..base import Widget, html_table

MAX_CHARACTERS = 2000
N_WORDS = 2000


class TokenizerPlayground(Widget):
    """A text cut by words, characters, bytes, BPE and WordPiece, side by side.

    The small vocabularies are trained on `corpus` and work wherever the widget is shown. `smol`
    (a BPETokenizer) and `minilm` (a WordPiece) are real ones: what they make of the `examples`,
    pairs of what one is about and its text, is stored; for other texts the kernel is asked, or
    the page loads their vocabularies when the reader wants them.
    """

    _height = 560

    examples = t.List(t.Dict()).tag(sync=True)
    corpus_name = t.Unicode().tag(sync=True)
    words = t.Unicode().tag(sync=True)  # tokens in order of their ids, a space between
    characters = t.Unicode().tag(sync=True)  # the characters in order, after <unk>
    merges = t.Unicode().tag(sync=True)  # a line each
    pieces = t.Unicode().tag(sync=True)  # of WordPiece, a space between
    text = t.Unicode().tag(sync=True)
    ids = t.Bool(False).tag(sync=True)

    def __init__(
        self,
        corpus: str,
        smol: BPETokenizer,
        minilm: WordPiece,
        *examples: tuple[str, str],
        vocab_size: int = 1256,
        corpus_name: str = "Shakespeare",
    ) -> None:
        given.text(corpus, "corpus")
        given.kind(smol, "smol", BPETokenizer, "a BPETokenizer")
        given.kind(minilm, "minilm", WordPiece, "a WordPiece")
        if not given.rows(examples, "examples", 2, "a name and a text"):
            raise ValueError('Give at least one example: ("A sentence", "Arya is amazing!")')
        self._real: dict[str, Any] = {"smollm2": smol, "minilm": minilm}
        self._bpe = BPETokenizer.train(corpus, vocab_size, split_digits=True)
        self._wordpiece = WordPiece.train(corpus, vocab_size)
        self._word = WordTokenizer.train(corpus, N_WORDS)
        self._char = CharTokenizer.train(corpus, 256)
        super().__init__(
            examples=[{"about": a, "text": x, **self._cut(x)} for a, x in examples],
            corpus_name=corpus_name,
            words=" ".join(self._word.vocab),
            characters="".join(list(self._char.vocab)[1:]),
            merges="\n".join(map(" ".join, self._bpe.merges)),
            pieces=" ".join(self._wordpiece.vocab),
            text=examples[0][1],
        )

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer `{"text": …}` with what the real tokenizers make of it."""
        text = str(request["text"])
        if len(text) > MAX_CHARACTERS:
            raise ValueError(
                f"The text has {len(text):,} characters; here it may have {MAX_CHARACTERS:,}."
            )
        return self._cut(text)

    def summary(self) -> str:
        """Return how each tokenizer cuts the text."""
        return "\n".join([repr(self.text), *(f"  {a:>10} {n:>4}  {x}" for a, n, x in self._rows())])

    def fallback(self) -> str:
        """Return the same as a table."""
        return html_table(self.text, ["tokenizer", "tokens", "pieces"], self._rows())

    def _rows(self) -> list[list[str]]:
        cutters: dict[str, Any] = {
            "words": self._word,
            "characters": self._char,
            "bytes": ByteTokenizer(),
            "BPE": self._bpe,
            "WordPiece": self._wordpiece,
            "SmolLM2": self._real["smollm2"],
            "MiniLM": self._real["minilm"],
        }
        rows = []
        for name, tokenizer in cutters.items():
            tokens = tokenizer.tokens(tokenizer.encode(self.text))
            rows.append([name, str(len(tokens)), "|".join(tokens)])
        return rows

    def _cut(self, text: str) -> dict[str, Any]:
        return {
            name: [{"t": s, "i": i} for s, i in zip(tok.tokens(ids), ids, strict=True)]
            for name, tok in self._real.items()
            for ids in [tok.encode(text)]
        }

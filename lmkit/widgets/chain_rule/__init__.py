"""ChainRule: a text's probability is a product, one factor a token (chapter 1)."""

from math import exp
from typing import Any

import numpy as np
import traitlets as t

from ..base import Widget, html_table

GUESSES = 5
MAX_TOKENS = 200


class ChainRule(Widget):
    """A sentence, each token's conditional probability, and what they multiply up to.

    `lm` is a language model such as `lmkit.smollm.load()`; `sentences` are stored with the
    notebook. With a kernel the reader may type any sentence of up to 200 tokens.
    """

    _height = 640

    sentences = t.List(t.Dict()).tag(sync=True)
    text = t.Unicode().tag(sync=True)
    linked = t.Bool(False).tag(sync=True)
    model_name = t.Unicode().tag(sync=True)

    def __init__(self, lm: Any, *sentences: str, **traits: Any) -> None:
        if not sentences:
            raise ValueError('Give at least one sentence: ChainRule(lm, "The fox jumps.")')
        self._lm = lm
        measured = [{"text": text, "tokens": self._measure(text)} for text in sentences]
        shown = {"text": sentences[0], "model_name": lm.name, **traits}
        super().__init__(sentences=measured, **shown)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer `{"text": …}` with the text's tokens."""
        return {"tokens": self._measure(str(request["text"]))}

    def summary(self) -> str:
        """Return each token of the first sentence with its probability, and the product."""
        lines = [f"  {p:>9}  {text}" for text, p in self._rows()]
        return "\n".join([f"P({self.text!r}) is the product of", *lines, f"  = {self._product()}"])

    def fallback(self) -> str:
        """Return the same as a table."""
        rows = [*self._rows(), ["product", self._product()]]
        return html_table(self.text, ["token", "probability given what stands before"], rows)

    def _rows(self) -> list[list[str]]:
        tokens = self.sentences[0]["tokens"]
        return [[token["t"].replace("\n", "↵"), f"{exp(token['l']):.3g}"] for token in tokens]

    def _product(self) -> str:
        return f"{exp(sum(token['l'] for token in self.sentences[0]['tokens'])):.3g}"

    def _measure(self, text: str) -> list[dict[str, Any]]:
        ids = self._lm.tokenizer.encode(text)
        if len(ids) > MAX_TOKENS:
            raise ValueError(f"The text has {len(ids):,} tokens; here it may have {MAX_TOKENS}.")
        if not ids:
            return []
        logits = np.asarray(self._lm([self._lm.start_id, *ids]).logits, dtype=np.float64)[:-1]
        return [self._factor(z, i) for z, i in zip(logits, ids, strict=True)]

    def _factor(self, logits: np.ndarray, i: int) -> dict[str, Any]:
        log_p = logits - logits.max()
        log_p -= np.log(np.exp(log_p).sum())
        guesses = np.argsort(-log_p, kind="stable")[:GUESSES].tolist()
        return {**self._token(log_p, i), "alt": [self._token(log_p, j) for j in guesses]}

    def _token(self, log_p: np.ndarray, i: int) -> dict[str, Any]:
        return {"t": self._lm.tokenizer.tokens([i])[0], "i": i, "l": round(float(log_p[i]), 4)}

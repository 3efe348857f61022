"""ChainRule: a text's probability is a product, one factor a token (chapter 1)."""

from math import exp
from typing import Any

import numpy as np
import traitlets as t

from ... import given
from ...lm import LanguageModel, language_model
from ..base import Widget, chips, html_table, log_softmax

GUESSES = 5
MAX_TOKENS = 200


class ChainRule(Widget):
    """A sentence, each token's conditional probability, and what they multiply up to.

    `lm` is any `LanguageModel` that has a start token, such as `lmkit.smollm.load()`; `sentences`
    are stored with the notebook. With a kernel the reader may type any of up to 200 tokens.
    """

    _height = 640

    sentences = t.List(t.Dict()).tag(sync=True)
    text = t.Unicode().tag(sync=True)
    linked = t.Bool(False).tag(sync=True)
    model_name = t.Unicode().tag(sync=True)

    def __init__(self, lm: LanguageModel, *sentences: str, **traits: Any) -> None:
        self._lm = language_model(lm, "lm")
        if not given.texts(sentences, "sentences"):
            raise ValueError('Give at least one sentence: ChainRule(lm, "The fox jumps.")')
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
        if self._lm.start_id is None:
            raise ValueError(f"{self._lm.name} has no start token: a text's first one has no P.")
        start, *ids = self._lm.begin(text)
        if len(ids) > MAX_TOKENS:
            raise ValueError(f"The text has {len(ids):,} tokens; here it may have {MAX_TOKENS}.")
        if not ids:
            return []
        logits = self._lm.all_logits([start, *ids])[:-1]
        return [self._factor(log_softmax(z), i) for z, i in zip(logits, ids, strict=True)]

    def _factor(self, log_p: np.ndarray, i: int) -> dict[str, Any]:
        guesses = np.argsort(-log_p, kind="stable")[:GUESSES].tolist()
        return {**self._token(log_p, i), "alt": [self._token(log_p, j) for j in guesses]}

    def _token(self, log_p: np.ndarray, i: int) -> dict[str, Any]:
        return {**chips(self._lm, [i])[0], "l": round(float(log_p[i]), 4)}

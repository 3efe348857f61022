"""SoftmaxExplorer: how do three scores become probabilities? (chapter 4)"""

import math
from collections.abc import Sequence
from typing import Any

import torch
import traitlets as t

from ... import generate, given
from ..base import Widget, html_table

GREATEST = 5  # what a slider of logits or of the constant reaches, either way
TEMPERATURES = (0, 0.2, 0.5, 0.7, 1, 1.5, 2, 3, 5)


class SoftmaxExplorer(Widget):
    """A slider for each word's logit, one for a constant added to all, one for the temperature.

    `words` and `logits` are two to six words and their scores between −5 and 5; `shift` is the
    constant. Raises ValueError when they do not fit together.
    """

    _height = 320

    words = t.List(t.Unicode()).tag(sync=True)
    logits = t.List(t.Float()).tag(sync=True)
    shift = t.Float(0).tag(sync=True)
    temperature = t.Enum(TEMPERATURES, 1).tag(sync=True)

    def __init__(
        self,
        words: Sequence[str] = ("cat", "dog", "bird"),
        logits: Sequence[float] = (2.0, 1.0, 0.0),
        **traits: Any,
    ) -> None:
        words, logits = given.texts(words, "words"), given.numbers(logits, "logits")
        if not 2 <= len(words) == len(logits) <= 6:
            raise ValueError(
                f"give two to six words and a logit for each, not {len(words)} and {len(logits)}"
            )
        if not all(abs(z) <= GREATEST for z in [*logits, traits.get("shift", 0.0)]):
            raise ValueError(f"logits and shift must lie between -{GREATEST} and {GREATEST}")
        super().__init__(words=list(words), logits=[float(z) for z in logits], **traits)

    def probabilities(self) -> list[float]:
        """Return the words' probabilities: softmax((logits + shift) / temperature)."""
        scores = torch.tensor(self.logits, dtype=torch.float64) + self.shift
        p: list[float] = generate.softmax(scores, self.temperature).tolist()
        return p

    def summary(self) -> str:
        """Return each word's logit, its exponential and its probability."""
        lines = [f"  {word:>8}  z = {z}  exp(z/τ) = {e}  P = {p}" for word, z, e, p in self._rows()]
        return "\n".join([f"softmax at temperature {self.temperature:g}", *lines])

    def fallback(self) -> str:
        """Return the same as a table."""
        caption = f"softmax at temperature {self.temperature:g}"
        return html_table(caption, ["word", "logit z", "exp(z/τ)", "probability"], self._rows())

    def _rows(self) -> list[list[str]]:
        scores = [z + self.shift for z in self.logits]
        powers = [
            f"{math.exp(z / self.temperature):.3g}" if self.temperature else "–" for z in scores
        ]
        shares = [f"{p:.1%}" for p in self.probabilities()]
        shown = [f"{z:.2f}" for z in scores]
        return [list(row) for row in zip(self.words, shown, powers, shares, strict=True)]

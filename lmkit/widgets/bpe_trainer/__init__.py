"""BPETrainer: which pair does byte-pair encoding merge next? (chapter 2)"""

from typing import Any

import traitlets as t

from ... import given
from ...tokenizers import BPETokenizer
from ..base import Widget, html_table

MAX_CHARACTERS = 2000
MAX_MERGES = 60


class BPETrainer(Widget):
    """Byte-pair encoding learned step by step from a small text, in the reader's browser.

    `step` is how many merges have been made; the reader may go forth and back, and type. Without
    `counts` the pairs and what comes next are hidden, so that the reader can guess.
    """

    _height = 620

    text = t.Unicode().tag(sync=True)
    step = t.Int(0, min=0, max=MAX_MERGES).tag(sync=True)
    counts = t.Bool(True).tag(sync=True)

    def __init__(self, text: str, step: int = 0, counts: bool = True) -> None:
        if len(given.text(text, "text")) > MAX_CHARACTERS:
            raise ValueError(
                f"The text has {len(text):,} characters; here it may have {MAX_CHARACTERS:,}."
            )
        given.whole(step, "step")
        super().__init__(text=text, step=step, counts=counts)

    def summary(self) -> str:
        """Return the merges in order, and the text after the last one made."""
        made = self._merges()[: self.step]  # there may be fewer than `step`
        joined = ", ".join(f"{a}+{b}" for a, b in made)
        return f"After {len(made)} merges ({joined}): {self._cut()}"

    def fallback(self) -> str:
        """Return the merges as a table."""
        rows = [[str(k), a, b, a + b] for k, (a, b) in enumerate(self._merges(), 1)]
        return html_table("Merges in order", ["merge", "left", "right", "token"], rows)

    def _merges(self) -> list[tuple[str, str]]:
        merges: list[Any] = self._trained(MAX_MERGES).merges
        return [(a.replace("Ġ", "·"), b.replace("Ġ", "·")) for a, b in merges]

    def _cut(self) -> str:
        tokenizer = self._trained(self.step)
        return "|".join(tokenizer.tokens(tokenizer.encode(self.text)))

    def _trained(self, n_merges: int) -> BPETokenizer:
        return BPETokenizer.train(self.text, 256 + n_merges, split_digits=True)

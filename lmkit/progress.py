"""What is seen of a training while it runs, and what is kept of it: a live display, a history."""

import math
import os
import sys
import time
from dataclasses import dataclass, field
from html import escape
from typing import Any

from lmkit import given, plot

REFRESH = 2.0  # seconds between two drawings of the live plot


@dataclass
class History:
    """What a training saw, losses in nats a token; as the last line of a cell it is its curve."""

    steps: int  # that were asked for
    losses: list[float] = field(default_factory=list)  # one a step
    val: list[tuple[int, float]] = field(default_factory=list)  # (steps done, loss)
    samples: list[tuple[int, str]] = field(default_factory=list)  # (steps done, text)
    stopped: bool = False  # by the reader

    def __str__(self) -> str:
        """Say it in a sentence."""
        if not self.losses:
            return "No step was done."
        done = (
            f"{len(self.losses):,} steps"
            if not self.stopped
            else (f"Stopped after {len(self.losses):,} of {self.steps:,} steps, weights kept")
        )
        val = f", validation {self.val[-1][1]:.2f}" if self.val else ""
        return f"{done}: loss {self.losses[0]:.2f} → {self.smooth()[-1][1]:.2f}{val} nats a token."

    def smooth(self, points: int = 60) -> list[tuple[int, float]]:
        """Give means of neighbouring losses, at most so many: (steps done, mean)."""
        given.whole(points, "points", least=1)
        width = max(1, math.ceil(len(self.losses) / points))
        parts = [self.losses[i : i + width] for i in range(0, len(self.losses), width)]
        return [(i * width + len(part), sum(part) / len(part)) for i, part in enumerate(parts)]

    def draw(self) -> plot.Drawing:
        """Draw the loss against the steps."""
        fig, ax = plot.figure(height=2.6)
        for name, curve, line in [
            ("training", self.smooth(), "-"),
            ("validation", self.val, "o--"),
        ]:
            if curve:
                ax.plot(*zip(*((n, round(y, 2)) for n, y in curve), strict=True), line, label=name)
        ax.set(xlabel="steps", ylabel="loss, nats a token", xlim=(0, self.steps))
        if self.val:
            ax.legend()
        return plot.draw(fig, f"The loss against the steps. {self}")

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        return (
            self.draw()._repr_mimebundle_(**options) if self.losses else {"text/plain": str(self)}
        )


class Progress:
    """The live display: a plot in a notebook, a line in a terminal, else nothing.

    It ends empty, so that no time is stored. TQDM_DISABLE=1, as in the book's own runs, is silence.
    """

    def __init__(self, steps: int, tokens: int) -> None:
        self.steps, self.tokens = steps, tokens  # tokens a step
        self.began = self.drawn = time.monotonic()
        silent = os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
        self.handle = None if silent else _notebook_display()
        self.terminal = not silent and self.handle is None and sys.stderr.isatty()

    def line(self, done: int) -> str:
        """Say how far it is, how fast, and how long it will take."""
        seconds = max(time.monotonic() - self.began, 1e-9)
        left = round(seconds / done * (self.steps - done))
        speed = f"{done * self.tokens / seconds:,.0f} tokens/s"
        return f"{done:,} of {self.steps:,} steps · {speed} · {left // 60}:{left % 60:02} left"

    def show(self, history: History) -> None:
        """Show the state, unless it was shown a moment ago."""
        now = time.monotonic()
        if not (self.handle or self.terminal) or now - self.drawn < REFRESH:
            return
        line = f"{self.line(len(history.losses))} · loss {history.smooth()[-1][1]:.2f}"
        if self.handle:
            self.handle.update(_Live(line, history))
        else:
            bar = "#" * (20 * len(history.losses) // self.steps)
            print(f"\r\x1b[K[{bar:20}] {line}", end="", file=sys.stderr, flush=True)
        self.drawn = time.monotonic()

    def close(self) -> None:
        """Take the display away: what was seen is in the history."""
        if self.handle:
            self.handle.update({"text/plain": "", "text/html": ""}, raw=True)
        elif self.terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class _Live:
    def __init__(self, line: str, history: History) -> None:
        self.line, self.history = line, history

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        bar = f'<progress max="{self.history.steps}" value="{len(self.history.losses)}"></progress>'
        page = f"<p>{bar} {self.line}</p>{self.history.draw()._repr_mimebundle_()['text/html']}"
        if self.history.samples:
            page += f"<pre>{escape(self.history.samples[-1][1])}</pre>"
        return {"text/html": page, "text/plain": self.line}


def _notebook_display() -> Any:
    """Give a handle of an output that can change, in a notebook, else None."""
    if "IPython" not in sys.modules:
        return None
    from IPython import display, get_ipython

    if not hasattr(get_ipython(), "kernel"):
        return None
    return display.display({"text/plain": "", "text/html": ""}, raw=True, display_id=True)

"""Live: one text for all the figures of a page."""

from typing import Any

import traitlets as t

from ... import given
from ..base import Widget


class Live(Widget):
    """A box to type in whose text goes to all of `parts`: widgets that have a `text`.

    `examples` are pairs of what one is about and its text; the first is shown first. Those that
    all parts have stored can be shown without a model.
    """

    _height = 220

    examples = t.List(t.Dict()).tag(sync=True)
    text = t.Unicode().tag(sync=True)
    model_name = t.Unicode().tag(sync=True)

    def __init__(self, examples: list[tuple[str, str]], *parts: Any) -> None:
        examples = [(a, x) for a, x in given.rows(examples, "examples", 2, "a name and a text")]
        if not examples or not parts:
            raise ValueError(
                'Give at least one example and one figure: Live([("A", "Hi")], figure)'
            )
        for part in parts:
            if not isinstance(part, Widget) or not part.has_trait("text"):
                raise given.wrong("each of the parts", "a figure that has a text", part)
        self._parts = parts
        stored = set.intersection(*(_stored(part) for part in parts))
        described = [{"about": a, "text": x, "stored": x in stored} for a, x in examples]
        super().__init__(examples=described, text=examples[0][1], model_name=parts[0].model_name)
        self.observe(self._share, "text")

    def summary(self) -> str:
        """Return the text that all figures show."""
        return self.text

    def _share(self, change: Any) -> None:
        for part in self._parts:
            if part.has_trait("path"):
                part.path = []
            part.text = change["new"]


def _stored(part: Any) -> set[str]:
    names = ("trees", "sentences", "maps", "runs")
    return {item["text"] for name in names for item in getattr(part, name, [])}

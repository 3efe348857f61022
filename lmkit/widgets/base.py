"""What every widget is: an anywidget whose stored output also serves a page without a kernel."""

import base64
import html
import json
from typing import Any, ClassVar

import anywidget
import numpy as np

from . import source

START = "<|endoftext|>"  # what views know the start of a text by, whatever token a model has for it
LEAST = -1000.0  # of a log probability that is stored: JSON has no −∞


class Widget(anywidget.AnyWidget):
    """A widget that a page can show from its stored output alone.

    A subclass is the class of its folder (`lmkit/widgets/<name>/`), which has its view and its
    style; it tags its state `sync=True` and writes `summary`. Whoever views it can ask for more
    than the state holds: `answer` is called with the request, and what it returns or raises
    travels back.
    """

    _name: ClassVar[str] = ""  # the folder's, as a page has it: "chain-rule"
    _height: ClassVar[int] = 300  # pixels that the page keeps free before the widget is there
    _private: ClassVar[frozenset[str]] = frozenset()  # traits that no stored output may show

    def __init_subclass__(cls, **options: Any) -> None:
        """Give a figure the name, the view and the style of its folder."""
        if Widget in cls.__bases__:  # whatever is derived from a figure keeps the figure's
            cls._name = cls.__module__.rpartition(".")[2].replace("_", "-")
            cls._esm = source.esm(cls._name)
            cls._css = source.shared_css() + source.css(cls._name)
        super().__init_subclass__(**options)

    def __init__(self, **traits: Any) -> None:
        for name in traits:
            if not self.has_trait(name):
                known = ", ".join(self.state())
                raise TypeError(f"{type(self).__name__} has no setting {name!r}; it has {known}")
        super().__init__(**traits)
        self.on_msg(self._on_request)

    def state(self) -> dict[str, Any]:
        """Return the traits that the page needs, by name."""
        skip = {"layout", "tabbable", "tooltip", *self._private}
        names = sorted(n for n in self.trait_names(sync=True) if n[0] != "_" and n not in skip)
        return {name: getattr(self, name) for name in names}

    def summary(self) -> str:
        """Return in plain text what the widget shows."""
        raise NotImplementedError

    def fallback(self) -> str:
        """Return the HTML that stands where no script runs; all text in it is escaped."""
        return f"<pre>{html.escape(self.summary())}</pre>"

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request of the view; a `ValueError` is shown to the reader as a sentence."""
        raise ValueError(f"This widget knows no request of the kind {request.get('kind')!r}.")

    def _on_request(self, _: Any, message: Any, buffers: Any) -> None:
        try:
            reply: dict[str, Any] = {"reply": self.answer(message["request"])}
        except (ValueError, OSError) as error:
            reply = {"error": str(error)}
        self.send({"id": message["id"], **reply})

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, meta = super()._repr_mimebundle_() or ({}, {})
        data["text/html"] = self._repr_page()
        data["text/plain"] = self.summary()
        return data, meta

    def _repr_page(self) -> str:
        text = json.dumps(self.state(), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return (
            f'<div class="lmkit" data-lmkit="{self._name}" style="min-height:{self._height}px">'
            f'<script type="application/json">{text.replace("<", chr(92) + "u003c")}</script>'
            f"{self.fallback()}</div>"
        )


def chips(lm: Any, ids: list[int]) -> list[dict[str, Any]]:
    """Return for each token what a view shows of it: its text and its id."""
    return [{"t": text, "i": i} for text, i in zip(lm.tokens(ids), ids, strict=True)]


def begun(lm: Any, ids: list[int]) -> list[dict[str, Any]]:
    """Return the chips of what `lm.begin` gave: the start, where there is one, by its name."""
    if ids[:1] != [lm.start_id]:
        return chips(lm, ids)
    return [{"t": START, "i": ids[0]}, *chips(lm, ids[1:])]


def log_softmax(logits: Any) -> np.ndarray:
    """Return the log probabilities (V,) of logits (V,), none below LEAST."""
    z = np.asarray(logits, dtype=np.float64)
    log_p = z - z.max()
    log_p -= np.log(np.exp(log_p).sum())
    return np.maximum(log_p, LEAST)


def as_base64(array: np.ndarray) -> str:
    """Return the bytes of an array as base64, which the kit's `unpacked` reads in a browser."""
    return base64.b64encode(array.tobytes()).decode()


def from_base64(text: str, kind: type[np.integer[Any]] = np.uint8) -> np.ndarray:
    """Return the array (N,) that `as_base64` made a text of.

    >>> from_base64(as_base64(np.array([1, -2], np.int8)), np.int8)
    array([ 1, -2], dtype=int8)
    """
    return np.frombuffer(base64.b64decode(text), kind)


def html_table(caption: str, head: list[str], rows: list[list[str]]) -> str:
    """Return a table of escaped text; the first cell of a row is its header."""

    def line(cells: list[str], tags: list[str]) -> str:
        inner = "".join(
            f"<{tag}>{html.escape(text)}</{tag.split()[0]}>"
            for tag, text in zip(tags, cells, strict=True)
        )
        return f"<tr>{inner}</tr>"

    top = line(head, ['th scope="col"'] * len(head))
    body = "".join(line(row, ['th scope="row"'] + ["td"] * (len(row) - 1)) for row in rows)
    return f"<table><caption>{html.escape(caption)}</caption>{top}{body}</table>"

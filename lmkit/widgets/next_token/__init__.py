"""NextToken: what does the model expect next? (chapter 1)"""

from typing import Any

import numpy as np
import traitlets as t

from ... import given
from ...lm import LanguageModel, Reading, language_model
from ..base import LEAST, Widget, chips, html_table, log_softmax

TEMPERATURES = (0, 0.3, 0.5, 0.7, 1, 1.3, 1.6, 2)
TOP_PS = (1, 0.95, 0.9, 0.8, 0.5)
STORED = 8  # tokens kept of each distribution
MAX_CHARACTERS = 2000


class NextToken(Widget):
    """The likeliest next tokens of a context as bars; a click appends one and goes on.

    `lm` is any `LanguageModel`, such as `lmkit.smollm.load()`; `contexts` are the texts whose trees
    are stored, `depth` levels deep by the `width` likeliest tokens. With a kernel the reader may
    type any context. Temperature, top-k and top-p act on what is stored (`distribution`).
    """

    _height = 520

    trees = t.List(t.Dict()).tag(sync=True)
    width = t.Int(5).tag(sync=True)
    text = t.Unicode().tag(sync=True)
    path = t.List(t.Dict()).tag(sync=True)
    temperature = t.Enum(TEMPERATURES, 1).tag(sync=True)
    top_k = t.Enum((0, 1, 2, 3, 5, 8), 0).tag(sync=True)
    top_p = t.Enum(TOP_PS, 1).tag(sync=True)
    linked = t.Bool(False).tag(sync=True)
    model_name = t.Unicode().tag(sync=True)

    def __init__(
        self, lm: LanguageModel, *contexts: str, depth: int = 3, width: int = 5, **traits: Any
    ) -> None:
        self._lm = language_model(lm, "lm")
        given.whole(depth, "depth", least=1)
        given.whole(width, "width", least=1)
        if not given.texts(contexts, "contexts"):
            raise ValueError('Give at least one context: NextToken(lm, "Once upon a")')
        trees = [self._tree(text, depth, width) for text in contexts]
        shown = {"text": contexts[0], "model_name": lm.name, **traits}
        super().__init__(trees=trees, width=width, **shown)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer `{"text": …, "path": [ids]}` with the context's tokens and its node."""
        text = str(request["text"])
        if len(text) > MAX_CHARACTERS:
            raise ValueError(
                f"The context has {len(text):,} characters; here it may have {MAX_CHARACTERS:,}."
            )
        path = [int(i) for i in request["path"]]
        node = self._branch([*self._lm.begin(text), *path], Reading(self._lm), depth=1)
        return {"start": self._start(text), "node": node}

    def summary(self) -> str:
        """Return the likeliest tokens after the first context."""
        return f"{self.text} …\n" + "\n".join(f"  {p:>8}  {t}" for t, p in self._rows())

    def fallback(self) -> str:
        """Return the same as a table."""
        rows = [[token, share] for token, share in self._rows()]
        return html_table(f"{self.text} …", ["next token", "probability"], rows)

    def _rows(self) -> list[tuple[str, str]]:
        root = self.trees[0]["root"]
        p, rest = distribution(root)
        shares = [*zip(root["t"], p, strict=True), ("everything else", rest)]
        return [(text.replace("\n", "↵"), f"{share:.2%}") for text, share in shares]

    def _start(self, text: str) -> list[dict[str, Any]]:
        ids = self._lm.begin(text)
        return chips(self._lm, ids if self._lm.start_id is None else ids[1:])

    def _tree(self, text: str, depth: int, width: int) -> dict[str, Any]:
        root = self._branch(self._lm.begin(text), Reading(self._lm), depth, width)
        return {"text": text, "start": self._start(text), "root": root}

    def _branch(
        self, ids: list[int], reading: Reading, depth: int, width: int = 0
    ) -> dict[str, Any]:
        """Return the node after these tokens, and those below it."""
        order, node = pack(np.asarray(reading.logits(ids), dtype=np.float64))
        if depth > 1:
            possible = [i for i, log_p in zip(order, node["l"], strict=True) if log_p > LEAST]
            node["c"] = [
                self._branch([*ids, i], reading, depth - 1, width) for i in possible[:width]
            ]
        return {"t": self._lm.tokens(order), "i": order, **node}


def pack(logits: np.ndarray, stored: int = STORED) -> tuple[list[int], dict[str, Any]]:
    """Return the ids of the likeliest tokens and what is kept of a distribution of logits (V,).

    Kept are the log probabilities `l` of those tokens; `r`, for each temperature above zero the
    log of the sum of exp(log p / temperature) over all the others; `n`, for each temperature the
    nuclei (top-p) that reach beyond the stored tokens, as pairs of size and of mass beyond p in
    units of 10⁻⁵. Four decimals each: a share is exact to four parts in ten thousand.
    """
    order = np.argsort(-logits, kind="stable")
    log_p = log_softmax(logits[order])
    rests, nuclei = [], []
    for temperature in TEMPERATURES[1:]:
        weights = np.exp(log_p / temperature)
        rests.append(round(float(np.log(weights[stored:].sum() or 1e-300)), 4))
        nuclei.append(_nuclei_beyond(np.cumsum(weights / weights.sum()), stored))
    top = order[:stored].tolist()
    return top, {"l": [round(float(x), 4) for x in log_p[:stored]], "r": rests, "n": nuclei}


def _nuclei_beyond(mass: np.ndarray, stored: int) -> list[int]:
    pairs: list[int] = []
    for p in TOP_PS[1:]:
        size = int(np.searchsorted(mass, p)) + 1
        if size <= stored:
            break
        pairs += [size, round((float(mass[size - 1]) - p) * 1e5)]
    return pairs


def distribution(
    node: dict[str, Any], temperature: float = 1, top_k: int = 0, top_p: float = 1
) -> tuple[list[float], float]:
    """Return the shares of a node's stored tokens and of all others, as the browser does.

    Temperature, then top-k, then top-p; `temperature` and `top_p` are among the stops that the
    node was packed for.
    """
    if temperature == 0:
        return [1.0] + [0.0] * (len(node["l"]) - 1), 0.0
    stop = TEMPERATURES.index(temperature) - 1
    weights = np.exp(np.array(node["l"]) / temperature)
    others = 0.0 if top_k else float(np.exp(node["r"][stop]))
    if top_k:
        weights[top_k:] = 0
    p, rest = weights / (weights.sum() + others), others / (weights.sum() + others)
    if top_p < 1:
        p, rest = _nucleus(p, rest, top_p, node["n"][stop])
    return p.tolist(), rest


def _nucleus(p: np.ndarray, rest: float, top_p: float, beyond: list[int]) -> Any:
    mass = np.cumsum(p)
    reached = np.flatnonzero(mass >= top_p - 1e-12)
    if reached.size:
        size = int(reached[0]) + 1
        return np.where(np.arange(p.size) < size, p, 0) / mass[size - 1], 0.0
    at = 2 * (TOP_PS.index(top_p) - 1)
    total = top_p + beyond[at + 1] / 1e5 if at < len(beyond) else mass[-1] + rest
    return p / total, (total - mass[-1]) / total

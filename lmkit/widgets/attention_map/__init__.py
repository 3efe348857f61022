"""AttentionMap: which tokens does each token look at? (chapter 6)"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets as t

from ... import given
from ...lm import LanguageModel, Output, language_model
from ..base import Widget, as_base64, begun, from_base64, html_table

MAX_TOKENS = 64
HEADS = "a list of dicts with label, layer, head and score"
GUESSES = 5  # likeliest next tokens, with a head and without it


class AttentionMap(Widget):
    """Every layer's and head's attention over a text, as a matrix or as lines.

    `lm` is a transformer such as `lmkit.smollm.load()`; the maps of `texts` are stored, each
    weight in a byte. Head −1 is the mean over a layer's heads. With a kernel the reader may type
    any text of up to 64 tokens, the start token among them.

    `heads` are heads to jump to, each `{"label": …, "layer": …, "head": …, "score": …}` and if it
    belongs to one of the texts `"text": …`. What comes next without that head is then stored too,
    for every text; with a kernel any head can be switched off.
    """

    _height = 620

    maps = t.List(t.Dict()).tag(sync=True)
    text = t.Unicode().tag(sync=True)
    layer = t.Int(0).tag(sync=True)
    head = t.Int(0).tag(sync=True)
    lines = t.Bool(False).tag(sync=True)
    hide_first = t.Bool(False).tag(sync=True)
    linked = t.Bool(False).tag(sync=True)
    model_name = t.Unicode().tag(sync=True)
    heads = t.List(t.Dict()).tag(sync=True)
    effects = t.List(t.Dict()).tag(sync=True)
    off = t.Bool(False).tag(sync=True)

    def __init__(
        self, lm: LanguageModel, *texts: str, heads: Sequence[dict[str, Any]] = (), **settings: Any
    ) -> None:
        self._lm = language_model(lm, "lm")
        if not given.texts(texts, "texts"):
            raise ValueError('Give at least one text: AttentionMap(lm, "The cat sat.")')
        for found in given.each(heads, "heads", HEADS):
            if not {"label", "layer", "head", "score"} <= given.mapping(found, "a head").keys():
                raise ValueError(f"heads must be {HEADS}, and {found!r} is not")
            if found.get("text", texts[0]) not in texts:
                raise ValueError(f"the head {found['label']!r} has a text that is not among those")
        runs = {text: self._run(text) for text in texts}
        places = dict.fromkeys((found["layer"], found["head"]) for found in heads)
        data: dict[str, Any] = {
            "maps": [{"text": text, **self._map(*run)} for text, run in runs.items()],
            "heads": list(heads),
            "effects": [
                {"text": text, "layer": place[0], "head": place[1], **self._effect(*run, place)}
                for text, run in runs.items()
                for place in places
            ],
        }
        n_layer, n_head, _ = data["maps"][0]["shape"]
        given.whole(settings.get("layer", 0), "layer", 0, n_layer - 1)
        given.whole(settings.get("head", 0), "head", -1, n_head - 1)
        super().__init__(text=texts[0], model_name=lm.name, **data, **settings)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer `{"text": …}` with its map; of the kind "ablate", with what a head changes."""
        run = self._run(str(request["text"]))
        if request.get("kind") == "ablate":
            return self._effect(*run, (int(request["layer"]), int(request["head"])))
        return self._map(*run)

    def summary(self) -> str:
        """Return where each token of the first text looks most, in the layer and head shown."""
        lines = [f"  {token:>12} → {seen} {share}" for token, seen, share in self._rows()]
        which = f"layer {self.layer}, head {self.head}"
        found = [f"  {label:>12}: {where}, {score}" for label, where, score in self._found()]
        return "\n".join([f"{self.maps[0]['text']!r}, {which}:", *lines, *found])

    def fallback(self) -> str:
        """Return the same as a table."""
        caption = f"{self.maps[0]['text']}: layer {self.layer}, head {self.head}"
        table = html_table(caption, ["token", "looks most at", "share"], self._rows())
        found = html_table("Heads found", ["head", "where", "score"], self._found())
        return table + (found if self.heads else "")

    def _found(self) -> list[list[str]]:
        return [
            [f["label"], f"layer {f['layer']}, head {f['head']}", f"{f['score']:.2f}"]
            for f in self.heads
        ]

    def _rows(self) -> list[list[str]]:
        texts = [token["t"] for token in self.maps[0]["tokens"]]
        attn = unpack(self.maps[0])[self.layer]
        attn = attn.mean(0) if self.head < 0 else attn[self.head]
        return [[texts[r], texts[c], f"{attn[r, c]:.0%}"] for r, c in enumerate(attn.argmax(-1))]

    def _run(self, text: str) -> tuple[list[int], Output]:
        """Return a text's ids, the start token first, and what the model makes of them."""
        ids = self._lm.begin(text)
        if len(ids) > MAX_TOKENS:
            raise ValueError(
                f"The text has {len(ids):,} tokens with its start; a map may have {MAX_TOKENS}."
            )
        return ids, self._lm.inside(ids)

    def _effect(self, ids: list[int], out: Output, place: tuple[int, int]) -> dict[str, Any]:
        """Return what comes next with all heads, which made `out`, and with one switched off."""
        p, q = (
            np.asarray(run.logits[-1].softmax(-1), np.float64)
            for run in (out, self._lm.inside(ids, ablate=[place]))
        )
        effect = compare(p, q)
        names = self._lm.tokens([token["i"] for token in effect["next"]])
        pairs = zip(names, effect["next"], strict=True)
        return {**effect, "next": [{"t": name, **token} for name, token in pairs]}

    def _map(self, ids: list[int], out: Output) -> dict[str, Any]:
        return {"tokens": begun(self._lm, ids), **pack(np.asarray(out.attentions))}


def compare(p: np.ndarray, q: np.ndarray, k: int = GUESSES) -> dict[str, Any]:
    """Return the k likeliest of each of two distributions (V,), and how much lies elsewhere.

    `moved` is their total variation distance, ½ Σ |p − q|.

    >>> compare(np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3, 0.6]), k=1)
    {'moved': 0.4, 'next': [{'i': 2, 'p': 0.2, 'q': 0.6}, {'i': 0, 'p': 0.5, 'q': 0.1}]}
    """
    ids = sorted({int(i) for x in (p, q) for i in np.argsort(-x, kind="stable")[:k]})
    ids.sort(key=lambda i: -max(p[i], q[i]))
    tokens = [{"i": i, "p": float(f"{p[i]:.4g}"), "q": float(f"{q[i]:.4g}")} for i in ids]
    return {"moved": round(float(np.abs(p - q).sum()) / 2, 4), "next": tokens}


def pack(attn: np.ndarray) -> dict[str, Any]:
    """Keep attention weights (L, H, T, T): the lower triangles, row by row, a byte a weight."""
    n_layer, n_head, n_tokens, _ = attn.shape
    rows, columns = np.tril_indices(n_tokens)
    weights = np.rint(attn[:, :, rows, columns] * 255).astype(np.uint8)
    return {"shape": [n_layer, n_head, n_tokens], "weights": as_base64(weights)}


def unpack(kept: dict[str, Any]) -> np.ndarray:
    """Return attention weights (L, H, T, T) from what `pack` keeps, each within 1/510."""
    n_layer, n_head, n_tokens = kept["shape"]
    attn = np.zeros((n_layer, n_head, n_tokens, n_tokens))
    weights = from_base64(kept["weights"]) / 255
    rows, columns = np.tril_indices(n_tokens)
    attn[:, :, rows, columns] = weights.reshape(n_layer, n_head, -1)
    return attn

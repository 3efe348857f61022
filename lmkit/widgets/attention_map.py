"""AttentionMap: which tokens does each token look at? (chapter 6)"""

import base64
from typing import Any

import numpy as np
import traitlets as t

from . import source
from .base import Widget, html_table

MAX_TOKENS = 64


class AttentionMap(Widget):
    """Every layer's and head's attention over a text, as a matrix or as lines.

    `lm` is a language model such as `lmkit.smollm.load()`; the maps of `texts` are stored, each
    weight in a byte. Head −1 is the mean over a layer's heads. With a kernel the reader may type
    any text of up to 64 tokens, the start token among them.
    """

    _name = "attention-map"
    _esm = source.esm("attention-map")
    _css = source.css("kit") + source.css("attention-map")
    _height = 620

    maps = t.List(t.Dict()).tag(sync=True)
    text = t.Unicode().tag(sync=True)
    layer = t.Int(0).tag(sync=True)
    head = t.Int(0).tag(sync=True)
    lines = t.Bool(False).tag(sync=True)
    hide_first = t.Bool(False).tag(sync=True)
    linked = t.Bool(False).tag(sync=True)
    model_name = t.Unicode().tag(sync=True)

    def __init__(self, lm: Any, *texts: str, **settings: Any) -> None:
        if not texts:
            raise ValueError('Give at least one text: AttentionMap(lm, "The cat sat.")')
        self._lm = lm
        maps = [{"text": text, **self._map(text)} for text in texts]
        super().__init__(maps=maps, text=texts[0], model_name=lm.name, **settings)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer `{"text": …}` with the text's map."""
        return self._map(str(request["text"]))

    def summary(self) -> str:
        """Return where each token of the first text looks most, in the layer and head shown."""
        lines = [f"  {token:>12} → {seen} {share}" for token, seen, share in self._rows()]
        which = f"layer {self.layer}, head {self.head}"
        return "\n".join([f"{self.maps[0]['text']!r}, {which}:", *lines])

    def fallback(self) -> str:
        """Return the same as a table."""
        caption = f"{self.maps[0]['text']}: layer {self.layer}, head {self.head}"
        return html_table(caption, ["token", "looks most at", "share"], self._rows())

    def _rows(self) -> list[list[str]]:
        texts = [token["t"] for token in self.maps[0]["tokens"]]
        attn = unpack(self.maps[0])[self.layer]
        attn = attn.mean(0) if self.head < 0 else attn[self.head]
        return [[texts[r], texts[c], f"{attn[r, c]:.0%}"] for r, c in enumerate(attn.argmax(-1))]

    def _map(self, text: str) -> dict[str, Any]:
        ids = [self._lm.start_id, *self._lm.tokenizer.encode(text)]
        if len(ids) > MAX_TOKENS:
            raise ValueError(
                f"The text has {len(ids):,} tokens with its start; a map may have {MAX_TOKENS}."
            )
        names = self._lm.tokenizer.tokens(ids)
        tokens = [{"t": name, "i": i} for name, i in zip(names, ids, strict=True)]
        return {"tokens": tokens, **pack(np.asarray(self._lm(ids).attentions))}


def pack(attn: np.ndarray) -> dict[str, Any]:
    """Keep attention weights (L, H, T, T): the lower triangles, row by row, a byte a weight."""
    n_layer, n_head, n_tokens, _ = attn.shape
    rows, columns = np.tril_indices(n_tokens)
    weights = np.rint(attn[:, :, rows, columns] * 255).astype(np.uint8)
    text = base64.b64encode(weights.tobytes()).decode()
    return {"shape": [n_layer, n_head, n_tokens], "weights": text}


def unpack(packed: dict[str, Any]) -> np.ndarray:
    """Return attention weights (L, H, T, T) from what `pack` keeps, each within 1/510."""
    n_layer, n_head, n_tokens = packed["shape"]
    attn = np.zeros((n_layer, n_head, n_tokens, n_tokens))
    weights = np.frombuffer(base64.b64decode(packed["weights"]), np.uint8) / 255
    rows, columns = np.tril_indices(n_tokens)
    attn[:, :, rows, columns] = weights.reshape(n_layer, n_head, -1)
    return attn

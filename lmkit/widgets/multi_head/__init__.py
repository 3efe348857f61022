"""MultiHead: what does each head of a layer take, and from where? (chapter 6)"""

from typing import Any

import numpy as np
import torch
import traitlets as t

from ... import given
from ...lm import LanguageModel, language_model
from ..attention_map import pack, unpack
from ..base import Widget, begun, html_table

MAX_TOKENS = 24  # the start token among them; each has a row of the figure


class MultiHead(Widget):
    """All heads of a layer side by side: what each takes for one token, and how much it adds.

    `lm` is a model with `head_outputs`, `lmkit.smollm.load()`; all layers of the texts are stored,
    each weight in a byte. `layer`, `token` and `head` say what is shown first; head −1 is all of
    them. With a kernel the reader may type any text of up to 24 tokens, the start token among
    them. Raises ValueError for longer texts.
    """

    _height = 620

    texts = t.List(t.Dict()).tag(sync=True)
    text = t.Unicode().tag(sync=True)
    layer = t.Int(0).tag(sync=True)
    token = t.Int(-1).tag(sync=True)  # −1 is the last one
    head = t.Int(-1).tag(sync=True)  # −1 is all of them
    model_name = t.Unicode().tag(sync=True)

    def __init__(self, lm: LanguageModel, *texts: str, **traits: Any) -> None:
        self._lm = language_model(lm, "lm")
        if not given.texts(texts, "texts"):
            raise ValueError('Give at least one text: MultiHead(lm, "The cat sat on the mat.")')
        stored = [{"text": text, **self._measure(text)} for text in texts]
        n_layer, n_head, n_tokens = stored[0]["shape"]
        given.whole(traits.get("layer", 0), "layer", 0, n_layer - 1)
        given.whole(traits.get("head", -1), "head", -1, n_head - 1)
        given.whole(traits.get("token", -1), "token", -1, n_tokens - 1)
        super().__init__(texts=stored, text=texts[0], model_name=lm.name, **traits)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer `{"text": …}` with what its heads do."""
        return self._measure(str(request["text"]))

    def summary(self) -> str:
        """Return where each head looks most from the token shown, and how much it adds."""
        lines = [
            f"  {head:>7} → {seen} {share}, adds {size}" for head, seen, share, size in self._rows()
        ]
        return "\n".join([f"{self._caption()}:", *lines])

    def fallback(self) -> str:
        """Return the same as a table."""
        head = ["head", "looks most at", "share", "length added"]
        return html_table(self._caption(), head, self._rows())

    def _caption(self) -> str:
        return f"{self.texts[0]['text']}: layer {self.layer}, from token {self._at()}"

    def _at(self) -> int:
        n: int = len(self.texts[0]["tokens"])
        return self.token if 0 <= self.token < n else n - 1

    def _rows(self) -> list[list[str]]:
        one, at = self.texts[0], self._at()
        tokens, weights = [token["t"] for token in one["tokens"]], unpack(one)[self.layer]
        rows = []
        for head, shares in enumerate(weights[:, at]):
            most = int(shares.argmax())
            size = f"{one['sizes'][self.layer][head][at]:.2f}"
            rows.append([f"head {head}", tokens[most], f"{shares[most]:.0%}", size])
        return rows

    def _measure(self, text: str) -> dict[str, Any]:
        ids = self._lm.begin(text)
        if not 2 <= len(ids) <= MAX_TOKENS:
            raise ValueError(
                f"The text has {len(ids) - 1} tokens; this figure takes 1 to {MAX_TOKENS - 1}."
            )
        out = self._lm.inside(ids)
        parts = self._lm.head_outputs(out)  # (L, H, T, D)
        return {
            "tokens": begun(self._lm, ids),
            **pack(np.asarray(out.attentions)),
            "width": parts.shape[-1],
            "sizes": _rounded(parts.norm(dim=-1)),  # (L, H, T)
            "total": _rounded(parts.sum(1).norm(dim=-1)),  # (L, T)
        }


def _rounded(numbers: torch.Tensor) -> Any:
    return (numbers.double() * 100).round().div(100).tolist()

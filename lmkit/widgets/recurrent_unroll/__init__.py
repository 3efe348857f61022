"""RecurrentUnroll: what does a recurrent network carry from token to token? (chapter 5)"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import traitlets as t
from torch import Tensor

from ... import given
from ..base import Widget, as_base64, from_base64, html_table

MAX_STEPS, MAX_UNITS = 64, 40


class RecurrentUnroll(Widget):
    """A text read step by step: what goes in, the state, the gates, what is expected next.

    `tokens` are the T tokens of the text. `networks` has for each network its arrays (T, H) by
    name, "h" among them, as `lmkit.rnn`'s `trace` gives them; `expected` for each network, if
    given, T lists of pairs of a token and its probability. Of H units the 40 whose h varies most
    are stored, the one that moves least from token to token first. Raises ValueError when shapes
    do not fit.
    """

    _height = 640

    tokens = t.List(t.Unicode()).tag(sync=True)
    networks = t.List(t.Dict()).tag(sync=True)
    network = t.Unicode().tag(sync=True)
    step = t.Int(0, min=0).tag(sync=True)
    model_name = t.Unicode().tag(sync=True)

    def __init__(
        self,
        tokens: Sequence[str],
        networks: Mapping[str, Mapping[str, Tensor]],
        expected: Mapping[str, Sequence[Sequence[tuple[str, float]]]] | None = None,
        **traits: Any,
    ) -> None:
        given.mapping(networks, "networks", 'a dict of arrays by name, {"RNN": {"h": hidden}}')
        if not 1 <= len(given.texts(tokens, "tokens")) <= MAX_STEPS:
            raise ValueError(f"give 1 to {MAX_STEPS} tokens, not {len(tokens)}")
        if not networks:
            raise ValueError('give at least one network: {"RNN": {"h": hidden}}')
        packed = [_packed(name, arrays, len(tokens)) for name, arrays in networks.items()]
        if expected is not None:
            given.mapping(expected, "expected", "a dict of what each network expects")
        guesses = _rounded(expected or {}, list(networks), len(tokens))
        for one in packed:
            one["expected"] = guesses.get(one["name"], [])
        shown = {"network": packed[0]["name"], "step": len(tokens) - 1, **traits}
        if shown["network"] not in networks:
            raise ValueError(f"network is {shown['network']!r}, not one of {', '.join(networks)}")
        super().__init__(tokens=list(tokens), networks=packed, **shown)

    def summary(self) -> str:
        """Return for each token what the first network expects next, or how large its state is."""
        lines = [f"  {token!r:>12}  {size}  {text}" for token, size, text in self._rows()]
        return "\n".join([f"{self._caption()}:", *lines])

    def fallback(self) -> str:
        """Return the same as a table."""
        head = ["token", "mean |h|", "expected next"]
        return html_table(self._caption(), head, self._rows())

    def _caption(self) -> str:
        return f"{self.networks[0]['name']} over {''.join(self.tokens)!r}"

    def _rows(self) -> list[list[str]]:
        one = self.networks[0]
        stored = one["arrays"]["h"]
        h = torch.tensor(from_base64(stored["data"], np.int8)).view(len(self.tokens), -1) / 127
        sizes = (h * stored["most"]).abs().mean(1).tolist()
        guesses = one["expected"] or [[] for _ in self.tokens]
        best = [f"{row[0][0]!r} {row[0][1]:.0%}" if row else "" for row in guesses]
        return [
            [token, f"{size:.2f}", text]
            for token, size, text in zip(self.tokens, sizes, best, strict=True)
        ]


def _packed(name: str, arrays: Mapping[str, Tensor], n_steps: int) -> dict[str, Any]:
    for array in given.mapping(arrays, name, "a dict of arrays by name").values():
        given.kind(array, f"each array of {name}", Tensor, "a tensor")
    shapes = {tuple(a.shape) for a in arrays.values()}
    if "h" not in arrays or len(shapes) != 1 or len(arrays["h"]) != n_steps:
        raise ValueError(
            f"{name} must have an array h, and all its arrays the shape ({n_steps}, units), a row "
            f"a token; it has {', '.join(f'{k} {tuple(a.shape)}' for k, a in arrays.items())}"
        )
    h = arrays["h"].detach().float()
    units = h.std(0, correction=0).argsort(descending=True, stable=True)[:MAX_UNITS].sort().values
    moves = h[:, units].diff(dim=0).abs().sum(0)
    units = units[moves.argsort(stable=True)]
    return {
        "name": name,
        "units": units.tolist(),
        "of": arrays["h"].shape[1],
        "arrays": {key: _bytes(a.detach().float()[:, units]) for key, a in arrays.items()},
    }


def _rounded(
    expected: Mapping[str, Sequence[Sequence[tuple[str, float]]]], names: list[str], n_steps: int
) -> dict[str, list[list[list[Any]]]]:
    for name, rows in expected.items():
        if name not in names or len(rows) != n_steps:
            raise ValueError(
                f"expected must have {n_steps} rows, one a token, for any of {', '.join(names)}; "
                f"it has {len(rows)} for {name}"
            )
    return {
        name: [[[text, float(f"{p:.3g}")] for text, p in row] for row in rows]
        for name, rows in expected.items()
    }


def _bytes(array: Tensor) -> dict[str, Any]:
    most = float(f"{max(1.0, array.abs().max().item()):.3g}")
    data = (array / most * 127).round().clamp(-127, 127).to(torch.int8)
    return {"most": most, "data": as_base64(data.numpy())}

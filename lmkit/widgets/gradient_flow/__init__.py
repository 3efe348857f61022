"""GradientFlow: how much of a gradient arrives k steps earlier? (chapter 5)"""

import math
from typing import Any

import torch
import traitlets as t
from torch import Tensor, nn

from ..base import Widget, html_table
from ..generate import random

SIZE = 12  # units
INPUT = 0.3  # how strongly the noise that goes in pulls
KINDS = {"RNN": 1, "LSTM": 4, "GRU": 3}  # gates, each with two matrices
ALONE = "f alone"  # the LSTM's gradient along its cells only: the product of its forget gates
CURVES = (*KINDS, ALONE)
LAGS = (0, 5, 10, 20, 50, 100)


class GradientFlow(Widget):
    """The gradient at step T − k over that at step T, for three networks of 12 units.

    `radius` (0.1 to 3) is the spectral radius of every recurrent matrix: each is `radius` times a
    rotation. `bias` (−2 to 6) is added where a network decides to keep: to the LSTM's forget gate
    and to the GRU's update gate. `length` (10 to 100) is the greatest k. Raises TraitError else.
    A fourth curve follows the LSTM's gradient through its forget gates alone, the direct path.
    """

    _height = 480

    radius = t.Float(0.9, min=0.1, max=3).tag(sync=True)
    bias = t.Float(1.0, min=-2, max=6).tag(sync=True)
    length = t.Int(50, min=10, max=100).tag(sync=True)

    def curves(self) -> dict[str, list[float]]:
        """Return for each network ‖∂L/∂s at T − k‖ / ‖∂L/∂s at T‖, k from 0 to `length`.

        L is the sum of h at step T; s is what is handed on, h and an LSTM's c. Computed with
        torch's cells and autograd.
        """
        return {name: self._curve(name) for name in CURVES}

    def _curve(self, name: str) -> list[float]:
        kind = "LSTM" if name == ALONE else name
        cell = self._cell(kind)
        noise = _gaussians(seed=77, n=(self.length + 1) * SIZE).view(-1, SIZE) * INPUT
        zero = torch.zeros(SIZE, dtype=torch.float64)
        state: tuple[Tensor, ...] = (zero, zero) if kind == "LSTM" else (zero,)
        seen = []
        for x in noise:
            if name == ALONE:
                state = (state[0].detach(), state[1])  # only c hands a gradient on
            state = cell(x, state) if kind == "LSTM" else (cell(x, state[0]),)
            for part in state:
                part.retain_grad()
            seen.append(state)
        state[0].sum().backward()
        norms = [math.hypot(*map(_size, state)) for state in reversed(seen)]
        return [norm / norms[0] for norm in norms]

    def _cell(self, kind: str) -> Any:
        cell = getattr(nn, f"{kind}Cell")(SIZE, SIZE).double()
        turns = [_rotation(seed) for seed in range(1, 2 * KINDS[kind] + 1)]
        with torch.no_grad():
            cell.weight_hh.copy_(torch.cat(turns[::2]) * self.radius)
            cell.weight_ih.copy_(torch.cat(turns[1::2]))
            for bias in (cell.bias_ih, cell.bias_hh):
                bias.zero_()
            if KINDS[kind] > 1:  # torch's second gate is what keeps: i f g o, and r z n
                cell.bias_ih[SIZE : 2 * SIZE] = self.bias
        return cell

    def summary(self) -> str:
        """Return how much arrives after some numbers of steps."""
        lines = ["  ".join(f"{cell:>9}" for cell in row) for row in self._rows()]
        return "\n".join(
            [self._caption(), "  ".join(f"{name:>9}" for name in ["k", *CURVES]), *lines]
        )

    def fallback(self) -> str:
        """Return the same as a table."""
        return html_table(self._caption(), ["steps back", *CURVES], self._rows())

    def _caption(self) -> str:
        return f"gradient left, spectral radius {self.radius:g}, bias {self.bias:g}"

    def _rows(self) -> list[list[str]]:
        curves = self.curves()
        lags = [k for k in LAGS if k <= self.length]
        return [[str(k), *(f"{curve[k]:.2g}" for curve in curves.values())] for k in lags]


def _size(part: Tensor) -> float:
    return 0.0 if part.grad is None else part.grad.norm().item()  # L does not use the last c


def _gaussians(seed: int, n: int) -> Tensor:
    """Give n numbers from a normal distribution, the same as in the browser (Box and Muller)."""
    draw = random(seed)
    pairs = [(1 - next(draw), next(draw)) for _ in range((n + 1) // 2)]
    made = [
        math.sqrt(-2 * math.log(u)) * wave(2 * math.pi * v)
        for u, v in pairs
        for wave in (math.cos, math.sin)
    ]
    return torch.tensor(made[:n], dtype=torch.float64)


def _rotation(seed: int) -> Tensor:
    """Give an orthogonal matrix, whose eigenvalues all have size 1: random rows by Gram–Schmidt."""
    rows: list[Tensor] = []
    for row in _gaussians(seed, SIZE * SIZE).view(SIZE, SIZE):
        for other in rows:
            row = row - (row @ other) * other
        rows.append(row / row.norm())
    return torch.stack(rows)

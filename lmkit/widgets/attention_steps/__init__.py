"""AttentionSteps: how does one head turn numbers into attention, step by step? (chapter 6)"""

import math
from collections.abc import Sequence
from typing import Any

import torch
import traitlets as t
from torch import Tensor

from ... import given
from ..base import Widget, html_table

Matrix = Sequence[Sequence[float]]
TOKENS = ("The", "cat", "sat", "on", "mat")
X = ((0, 0, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 0))  # thing, act, little word
W_Q = ((0, 2), (3, 0), (1, 1))  # an act asks for things, a thing for little words
W_K = ((2, 0), (0, 0), (0, 2))
W_V = ((1, 0), (0, 1), (0, 0))
MOST_TOKENS, MOST_COLUMNS = 8, 4
GREATEST = 99  # of an entry, either way


class AttentionSteps(Widget):
    """X → Q, K, V → scores → scaled → masked → softmax → output, every number to be touched.

    `tokens` are T words, `x` is (T, D), `w_q` and `w_k` are (D, d), `w_v` is (D, e); the reader may
    edit all four. Raises ValueError when the shapes do not fit each other or the page: at most 8
    tokens, 4 columns and entries up to 99.
    """

    _height = 760

    tokens = t.List(t.Unicode()).tag(sync=True)
    x = t.List(t.List(t.Float())).tag(sync=True)
    w_q = t.List(t.List(t.Float())).tag(sync=True)
    w_k = t.List(t.List(t.Float())).tag(sync=True)
    w_v = t.List(t.List(t.Float())).tag(sync=True)
    causal = t.Bool(True).tag(sync=True)
    scaled = t.Bool(True).tag(sync=True)
    chosen = t.List(t.Any()).tag(sync=True)  # the cell that is explained: ["weights", 2, 1]

    def __init__(
        self,
        tokens: Sequence[str] = TOKENS,
        x: Matrix = X,
        w_q: Matrix = W_Q,
        w_k: Matrix = W_K,
        w_v: Matrix = W_V,
        **traits: Any,
    ) -> None:
        matrices = {"x": x, "w_q": w_q, "w_k": w_k, "w_v": w_v}
        numbers = {name: _matrix(value, name) for name, value in matrices.items()}
        _check(len(given.texts(tokens, "tokens")), numbers)
        lists = {name: value.tolist() for name, value in numbers.items()}
        shown = {"chosen": ["weights", min(2, len(tokens) - 1), min(1, len(tokens) - 1)], **traits}
        super().__init__(tokens=list(tokens), **lists, **shown)

    def steps(self) -> dict[str, Tensor]:
        """Return every matrix of the formula of chapter 6 by its name.

        `q`, `k` (T, d); `v` (T, e); `scores`, `shrunk`, `masked`, `weights` (T, T);
        `output` (T, e).
        """
        x, w_q, w_k, w_v = (
            torch.tensor(m, dtype=torch.float64) for m in (self.x, self.w_q, self.w_k, self.w_v)
        )
        q, k, v = x @ w_q, x @ w_k, x @ w_v
        scores = q @ k.mT
        shrunk = scores / math.sqrt(q.shape[1]) if self.scaled else scores
        later = torch.ones(len(x), len(x), dtype=torch.bool).triu(1)
        masked = shrunk.masked_fill(later, -math.inf) if self.causal else shrunk
        weights = masked.softmax(-1)
        named = {"q": q, "k": k, "v": v, "scores": scores, "shrunk": shrunk, "masked": masked}
        return {**named, "weights": weights, "output": weights @ v}

    def summary(self) -> str:
        """Return each token's weights and what comes out."""
        head = " ".join(f"{token:>6}" for token in self.tokens)
        lines = [
            f"{row[0]:>6} {' '.join(f'{cell:>6}' for cell in row[1:])}" for row in self._rows()
        ]
        return "\n".join([f"attention weights, a row a token\n       {head}", *lines])

    def fallback(self) -> str:
        """Return the weights as a table."""
        return html_table("attention weights, a row a token", ["", *self.tokens], self._rows())

    def _rows(self) -> list[list[str]]:
        weights = self.steps()["weights"].tolist()
        return [
            [token, *(f"{w:.1%}" for w in row)]
            for token, row in zip(self.tokens, weights, strict=True)
        ]


def _matrix(value: Matrix, name: str) -> Tensor:
    try:
        return torch.tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise given.wrong(name, "a matrix, a list of rows of equal length", value) from None


def _check(n_tokens: int, numbers: dict[str, Tensor]) -> None:
    x, w_q, w_k, w_v = numbers.values()
    if any(m.dim() != 2 or 0 in m.shape for m in numbers.values()):
        raise ValueError("x, w_q, w_k and w_v must be matrices: lists of rows of equal length")
    if len(x) != n_tokens or not len(w_q) == len(w_k) == len(w_v) == x.shape[1]:
        raise ValueError(
            f"{n_tokens} tokens need x with {n_tokens} rows, and w_q, w_k, w_v with as many rows "
            f"as x has columns; their shapes are {[tuple(m.shape) for m in numbers.values()]}"
        )
    if w_q.shape != w_k.shape:
        raise ValueError("w_q and w_k must have the same shape: their products are dot products")
    if n_tokens > MOST_TOKENS or max(m.shape[1] for m in numbers.values()) > MOST_COLUMNS:
        raise ValueError(f"at most {MOST_TOKENS} tokens and {MOST_COLUMNS} columns fit the page")
    if not all((m.abs() <= GREATEST).all() for m in numbers.values()):  # also refuses nan
        raise ValueError(f"every entry must be a number between -{GREATEST} and {GREATEST}")

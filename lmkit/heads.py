"""What a head of attention does: scores that find heads by their weights (chapter 6).

All take attention weights attn (L, H, T, S) of one text, as `lmkit.smollm` and `lmkit.minilm` give
them, and give one score for each head, (L, H), between 0 and 1.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def offset(attn: Tensor, by: int) -> Tensor:
    """Mean weight (L, H) on the token `by` places further on: −1 is the previous, +1 the next.

    The first token, where heads rest, counts neither as one that looks nor as one that is seen.
    Raises ValueError when the text is too short.
    """
    inner = attn[..., 1:, 1:]
    if abs(by) >= inner.shape[-1]:
        raise ValueError(f"no token of a text of {attn.shape[-1]} has one {by:+} places on")
    return inner.diagonal(by, -2, -1).mean(-1)


def sink(attn: Tensor) -> Tensor:
    """Mean weight (L, H) on the first token, over all the others (Xiao et al. 2023)."""
    return attn[..., 1:, 0].mean(-1)


def induction(attn: Tensor, period: int) -> Tensor:
    """Mean weight (L, H) on the token after the same token, in a text repeated after `period`.

    From its second turn on, token t looks at t − period + 1 (Olsson et al. 2022).
    """
    seen = attn.diagonal(1 - period, -2, -1)  # (L, H, T - period + 1); two are of the first turn
    return seen[..., 2:].mean(-1)


def link(attn: Tensor, looks: int, at: int) -> Tensor:
    """Weight (L, H) of the token at place `looks` on the token at place `at`."""
    return attn[..., looks, at]


def resolves(attn: Tensor, pronoun: int, noun: int, others: Sequence[int]) -> Tensor:
    """Whether (L, H) the pronoun's weight on its noun exceeds that on each of the other nouns
    and is above one tenth: 1 or 0.
    """
    weight = attn[..., pronoun, noun]
    rival = attn[..., pronoun, list(others)].amax(-1)
    return ((weight > rival) & (weight > 0.1)).to(attn.dtype)


def best(scores: Tensor, k: int = 1) -> list[tuple[int, int, float]]:
    """The k heads of the greatest scores (L, H), as (layer, head, score), greatest first.

    >>> best(torch.tensor([[0.1, 0.2], [0.9, 0.3]]))
    [(1, 0, 0.9)]
    """
    top = scores.flatten().topk(k)
    n_head = scores.shape[1]
    return [
        (*divmod(i, n_head), round(score, 4))
        for i, score in zip(top.indices.tolist(), top.values.tolist(), strict=True)
    ]


def repeated(n: int, vocab_size: int, start: int, seed: int = 0) -> list[int]:
    """Token ids: the start, then n random ones, then the same n again."""
    draw = torch.Generator().manual_seed(seed)
    ids = torch.randint(vocab_size, (n,), generator=draw).tolist()
    return [start, *ids, *ids]

"""What a head of attention does: scores that find heads by their weights (chapter 6).

All take attention weights attn (L, H, T, S) of one text, as `lmkit.smollm` and `lmkit.minilm` give
them, and give one score for each head, (L, H), between 0 and 1.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from lmkit import given

# A sentence up to its pronoun, the noun that it means, and another that it does not mean.
FIND = [
    ("John met Mary when she", "Mary", "John"),
    ("Mary met John when he", "John", "Mary"),
    ("The king saw the queen before she", "queen", "king"),
    ("The queen saw the king before he", "king", "queen"),
    ("My sister and her husband left because he", "husband", "sister"),
    ("The boys lost the ball and they", "boys", "ball"),
    ("The teacher bought books, and they", "books", "teacher"),
    ("Anna told Peter that he", "Peter", "Anna"),
    ("The woman called her father, but he", "father", "woman"),
]
CHECK = [  # others, so that a head found by chance among hundreds is seen through
    ("Peter told Anna that she", "Anna", "Peter"),
    ("The man thanked the woman after she", "woman", "man"),
    ("The mother fed her son until he", "son", "mother"),
    ("The girls threw the stone, and they", "girls", "stone"),
    ("The actor greeted the actress, and she", "actress", "actor"),
    ("David wrote to Sarah because she", "Sarah", "David"),
    ("Sarah wrote to David because he", "David", "Sarah"),
    ("The uncle asked his daughter whether she", "daughter", "uncle"),
    ("The aunt asked her brother whether he", "brother", "aunt"),
]


def offset(attn: Tensor, by: int) -> Tensor:
    """Mean weight (L, H) on the token `by` places further on: −1 is the previous, +1 the next.

    The first token, where heads rest, counts neither as one that looks nor as one that is seen.
    Raises ValueError when the text is too short.
    """
    inner = _weights(attn)[..., 1:, 1:]
    if abs(given.whole(by, "by")) >= inner.shape[-1]:
        raise ValueError(f"no token of a text of {attn.shape[-1]} has one {by:+} places on")
    return inner.diagonal(by, -2, -1).mean(-1)


def sink(attn: Tensor) -> Tensor:
    """Mean weight (L, H) on the first token, over all the others (Xiao et al. 2023)."""
    return _weights(attn)[..., 1:, 0].mean(-1)


def induction(attn: Tensor, period: int) -> Tensor:
    """Mean weight (L, H) on the token after the same token, in a text repeated after `period`.

    From its second turn on, token t looks at t − period + 1 (Olsson et al. 2022). Raises
    ValueError when the text has no second turn.
    """
    if not 0 < given.whole(period, "period") < _weights(attn).shape[-1] - 1:
        raise ValueError(f"a text of {attn.shape[-1]} does not repeat after {period} tokens")
    seen = attn.diagonal(1 - period, -2, -1)  # (L, H, T - period + 1); two are of the first turn
    return seen[..., 2:].mean(-1)


def resolves(attn: Tensor, pronoun: int, noun: int, others: Sequence[int]) -> Tensor:
    """1 (L, H) where the pronoun gives its noun more than any other and more than 0.1, else 0.

    All are places in the text; a coreference head does so in sentence after sentence.
    """
    last = _weights(attn).shape[-1] - 1
    given.whole(pronoun, "pronoun", 0, last)
    given.whole(noun, "noun", 0, last)
    given.ids(others, "others", last)
    weight = attn[..., pronoun, noun]
    rival = attn[..., pronoun, list(others)].amax(-1)
    return ((weight > rival) & (weight > 0.1)).to(attn.dtype)


def best(scores: Tensor, k: int = 1) -> list[tuple[int, int, float]]:
    """The k heads of the greatest scores (L, H), as (layer, head, score), of equals the first.

    >>> best(torch.tensor([[0.1, 0.2], [0.9, 0.3]]))
    [(1, 0, 0.9)]
    """
    if given.kind(scores, "scores", Tensor, "a tensor (L, H)").dim() != 2:
        raise ValueError(f"scores must be a tensor (L, H), not one of shape {tuple(scores.shape)}")
    given.whole(k, "k", least=1)
    values, places = scores.flatten().sort(descending=True, stable=True)
    return [
        (*divmod(int(place), scores.shape[1]), round(float(value), 4))
        for place, value in zip(places[:k], values[:k], strict=True)
    ]


def repeated(n: int, vocab_size: int, start: int, seed: int = 0) -> list[int]:
    """Token ids: the start, then n random ones, then the same n again."""
    given.whole(n, "n", least=1)
    given.whole(vocab_size, "vocab_size", least=1)
    given.whole(start, "start", least=0)
    draw = torch.Generator().manual_seed(given.seed(seed))
    ids = torch.randint(vocab_size, (n,), generator=draw).tolist()
    return [start, *ids, *ids]


def _weights(attn: Tensor) -> Tensor:
    if given.kind(attn, "attn", Tensor, "a tensor (L, H, T, S)").dim() < 2:
        raise ValueError(f"attn must be a tensor (L, H, T, S), not of shape {tuple(attn.shape)}")
    return attn

"""From logits to the next token: softmax, temperature, top-k, top-p (Holtzman et al. 2020).

Functions take the logits (V,) of one position. The widgets' JavaScript does the same; both are
tested on tests/data/sampling.json. `beam_search` looks several tokens ahead (chapter 4).
"""

from collections.abc import Callable, Collection, Iterator, Sequence

import torch
from torch import Tensor

from lmkit import given


def softmax(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """Turn logits (V,) into probabilities (V,): p ∝ exp(logit / temperature).

    Temperature 0 is the limit: all mass on the largest logit, on the first of equal ones.

    >>> softmax(torch.tensor([0.0, 0.0]))
    tensor([0.5000, 0.5000])
    >>> softmax(torch.tensor([1.0, 3.0, 3.0]), temperature=0)
    tensor([0., 1., 0.])
    """
    check_sampling(temperature=temperature)
    logits = _vector(logits, "logits")
    if temperature == 0:
        return torch.zeros_like(logits).index_fill_(0, first_argmax(logits), 1.0)
    # the largest is taken off first, so that a tiny temperature does not overflow
    return ((logits - logits.max()) / temperature).softmax(-1)


def first_argmax(logits: Tensor) -> Tensor:
    """Give the index of the largest logit, the lowest index of equal ones, as a 0-d tensor."""
    logits = _vector(logits, "logits")
    return (logits == logits.max()).nonzero()[0, 0]


def filter_top_k(logits: Tensor, k: int) -> Tensor:
    """Set all but the k largest logits to -inf; those equal to the k-th largest stay too.

    >>> filter_top_k(torch.tensor([1.0, 3.0, 2.0]), 2)
    tensor([-inf, 3., 2.])
    """
    given.whole(k, "k", least=1)
    logits = _vector(logits, "logits")
    kth = logits.topk(min(k, len(logits))).values[-1]
    return logits.masked_fill(logits < kth, -torch.inf)


def filter_top_p(logits: Tensor, p: float) -> Tensor:
    """Keep the fewest tokens whose probabilities sum to at least p, set the others to -inf.

    At least one stays; of equal logits those of the higher index stay, as in transformers.

    >>> filter_top_p(torch.tensor([0.5, 0.3, 0.2]).log(), 0.7).exp()
    tensor([0.5000, 0.3000, 0.0000])
    """
    _check_share(p, "p")
    logits = _vector(logits, "logits")
    ascending, order = logits.sort(stable=True)
    drop = ascending.softmax(-1).cumsum(-1) <= 1 - p
    drop[-1] = False
    return logits.masked_fill(torch.zeros_like(drop).scatter(0, order, drop), -torch.inf)


def probabilities(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Tensor:
    """Turn logits (V,) into the distribution that is sampled: temperature, then top-k, then top-p.

    Raises ValueError for temperature < 0, top_k < 1 and top_p outside 0 < p ≤ 1.
    """
    check_sampling(temperature, top_k, top_p)
    logits = _vector(logits, "logits")
    if temperature == 0:
        return softmax(logits, 0)
    logits = (logits - logits.max()) / temperature
    if top_k is not None:
        logits = filter_top_k(logits, top_k)
    if top_p is not None:
        logits = filter_top_p(logits, top_p)
    return softmax(logits)


def sample(probs: Tensor, generator: torch.Generator | None = None) -> int:
    """Draw one token id from probabilities (V,), with torch's random numbers or the generator's."""
    if generator is not None:
        given.kind(generator, "generator", torch.Generator, "a torch.Generator")
    return int(torch.multinomial(_vector(probs, "probs"), 1, generator=generator))


def continuation(
    next_logits: Callable[[list[int]], Tensor],
    ids: Sequence[int] | Tensor,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
) -> Iterator[int]:
    """Go on with token ids, one new id at a time: what every model here writes by.

    `next_logits` is given the ids that it has not seen yet, and gives the logits (V,) after them.
    For the options see `probabilities`; the seed makes it repeatable. Raises ValueError at once,
    not with the first id, when an option is out of range or ids are empty.
    """
    check_sampling(temperature, top_k, top_p)
    given.function(next_logits, "next_logits")
    given.whole(max_new_tokens, "max_new_tokens", least=0)
    new = given.ids(ids)
    if not new:
        raise ValueError("ids are empty: the model needs at least one token to go on from")
    generator = None if seed is None else torch.Generator().manual_seed(given.seed(seed))

    def steps(new: list[int]) -> Iterator[int]:  # apart, so that the checks come at once
        for _ in range(max_new_tokens):
            probs = probabilities(next_logits(new), temperature, top_k, top_p)
            new = [sample(probs, generator)]
            yield new[0]

    return steps(new)


def beam_search(
    next_log_probs: Callable[[tuple[int, ...]], Tensor],
    width: int,
    length: int,
    stop_ids: Collection[int] = (),
) -> list[tuple[tuple[int, ...], float]]:
    """Search for the likeliest continuations, keeping the `width` best of each length.

    `next_log_probs` gives log probabilities (V,) after the ids so far; a continuation ends at
    `length` ids or with a stop id. Returns up to `width` pairs of ids and log P, the best first.
    Width 1 is greedy decoding; a width of V^(length − 1) finds the best of all.

    >>> tree = {(): [0.6, 0.4], (0,): [0.5, 0.5], (1,): [0.0, 1.0]}
    >>> best = beam_search(lambda ids: torch.tensor(tree[ids]).log(), width=2, length=2)[0]
    >>> best[0], round(best[1], 3)  # log 0.4: greedy would begin with 0 and end at log 0.3
    ((1, 1), -0.916)
    """
    given.function(next_log_probs, "next_log_probs")
    given.whole(width, "width", least=1)
    given.whole(length, "length", least=0)
    stop_ids = given.ids(stop_ids, "stop_ids")
    beams: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    for _ in range(length):
        grown = []
        for ids, log_p in beams:
            if ids and ids[-1] in stop_ids:
                grown.append((ids, log_p))
                continue
            log_probs = next_log_probs(ids)
            top = log_probs.topk(min(width, len(log_probs)))
            pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
            grown += [((*ids, i), log_p + step) for i, step in pairs if step > -torch.inf]
        beams = sorted(grown, key=lambda beam: -beam[1])[:width]
    return beams


def check_sampling(
    temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> None:
    """Raise ValueError with one sentence when a sampling option is outside its range."""
    given.number(temperature, "temperature", least=0)
    if top_k is not None:
        given.whole(top_k, "top_k", least=1)
    if top_p is not None:
        _check_share(top_p, "top_p")


def _check_share(p: float, name: str) -> None:
    if not 0 < given.number(p, name) <= 1:
        raise ValueError(f"{name} must be above 0 and at most 1, not {p}")


def _vector(x: Tensor, name: str) -> Tensor:
    """Give numbers (V,); TypeError for another kind, ValueError for another shape."""
    if given.kind(x, name, Tensor, "a tensor (V,)").dim() != 1 or not len(x):
        raise ValueError(f"{name} must be a tensor (V,), not one of shape {tuple(x.shape)}")
    return x

"""Train a small language model and measure it on held-out text (chapters 5 and 6).

    history = train(model, ids, steps=300)           # watch the loss; interrupt when you like
    bits_per_character(model, held_out)

A model is any module with `model(ids) -> logits`, (B, T) to (B, T, V), or one that gives them in an
`lmkit.lm.Output`, as SmolLM2 does. The settings are those that nanoGPT (Karpathy 2022) gives for
Shakespeare on a CPU.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lmkit import given
from lmkit.lm import Output, as_ids
from lmkit.progress import History, Progress


def train(
    model: nn.Module,
    ids: Sequence[int] | Tensor,
    *,
    steps: int = 2000,
    batch_size: int = 12,
    block_size: int = 64,
    learning_rate: float = 1e-3,
    min_learning_rate: float = 1e-4,
    warmup: int = 100,
    weight_decay: float = 0.1,
    betas: tuple[float, float] = (0.9, 0.99),
    grad_clip: float = 1.0,
    seed: int = 0,
    val_ids: Sequence[int] | Tensor | None = None,
    sample: Callable[[nn.Module], str] | None = None,
    every: int = 100,
) -> History:
    """Train a model in place on a text's ids (N,) and return what was seen.

    Each step takes `batch_size` windows of `block_size` + 1 ids from random places. Every so many
    steps, and after the last, the loss on `val_ids` and the text that `sample(model)` gives are
    noted. Interrupting keeps the weights so far. Raises TypeError and ValueError for what it cannot
    train with, FloatingPointError when the loss is no number any more.
    """
    _check_options(locals())
    ids = _long_enough(ids, block_size)
    device = next(model.parameters()).device
    draw = torch.Generator().manual_seed(seed)
    optimizer = adamw(model, learning_rate, betas, weight_decay)
    history, progress = History(steps), Progress(steps, batch_size * block_size)
    window = torch.arange(block_size + 1)
    model.train()
    try:
        for step in range(steps):
            start = torch.randint(len(ids) - block_size, (batch_size, 1), generator=draw)
            batch = ids[start + window].to(device)  # (B, T + 1)
            for group in optimizer.param_groups:
                group["lr"] = rate(step, steps, warmup, learning_rate, min_learning_rate)
            history.losses.append(update(model, batch, optimizer, grad_clip))
            if (step + 1) % every == 0 or step + 1 == steps:
                note(history, model, val_ids, sample, block_size)
            progress.show(history)
    except KeyboardInterrupt:
        history.stopped = True
    finally:
        model.eval()
        progress.close()
    if history.stopped:
        print(history)
    return history


def _check_options(options: Mapping[str, Any]) -> None:
    """Raise TypeError or ValueError for the first of `train`'s arguments that is wrong."""
    model = given.kind(options["model"], "model", nn.Module, "a torch module")
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError("no weight of the model is to be trained: call model.requires_grad_()")
    for name, least in (("steps", 0), ("batch_size", 1), ("block_size", 1), ("warmup", 0)):
        given.whole(options[name], name, least)
    given.whole(options["every"], "every", 1)
    for name in ("learning_rate", "min_learning_rate", "weight_decay"):
        given.number(options[name], name, 0)
    given.above(options["grad_clip"], "grad_clip")
    given.seed(options["seed"])
    betas = given.kind(options["betas"], "betas", (tuple, list), "a pair of numbers")
    if len(betas) != 2 or not all(
        0 <= given.number(beta, "each of the betas") < 1 for beta in betas
    ):
        raise ValueError(f"betas must be two numbers, 0 or more and below 1, not {betas}")
    if options["sample"] is not None:
        given.function(options["sample"], "sample")
    if options["val_ids"] is not None and len(as_ids(options["val_ids"])) < 2:
        raise ValueError("val_ids have fewer than two tokens: there is nothing to predict")


def _long_enough(ids: Sequence[int] | Tensor, block_size: int) -> Tensor:
    ids = as_ids(ids)
    if len(ids) <= block_size:
        raise ValueError(
            f"the text has {len(ids)} tokens, too few: a window takes {block_size + 1}"
        )
    return ids


def adamw(
    model: nn.Module, learning_rate: float, betas: tuple[float, float], weight_decay: float
) -> torch.optim.AdamW:
    """Make the optimiser (Loshchilov & Hutter 2019); only matrices decay, not biases and norms."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, fused=True)


def rate(step: int, steps: int, warmup: int, highest: float, lowest: float) -> float:
    """Give the learning rate of a step: up in a line, then down along half a cosine."""
    if step < warmup:
        return highest * (step + 1) / (warmup + 1)
    done = (step - warmup) / (steps - warmup)
    return lowest + (highest - lowest) * (1 + math.cos(math.pi * done)) / 2


def update(
    model: nn.Module, batch: Tensor, optimizer: torch.optim.Optimizer, grad_clip: float
) -> float:
    """Do one step on windows (B, T + 1): inputs and targets are the same, shifted by one place."""
    logits = logits_of(model, batch[:, :-1])  # (B, T, V)
    loss = cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
    if not math.isfinite(value := loss.item()):
        raise FloatingPointError(
            f"the loss became {value}, so training stops: make the model anew and try a smaller "
            "learning_rate"
            if optimizer.state  # else no step was done, and the learning rate cannot be why
            else f"the loss is {value} before the first step, as after a training that blew up: "
            "make the model anew"
        )
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), grad_clip)
    optimizer.step()
    return value


def logits_of(model: nn.Module, ids: Tensor) -> Tensor:
    """Give a model's logits (B, T, V) after each of ids (B, T), also those within an `Output`."""
    out = model(ids)
    return out.logits if isinstance(out, Output) else out


def note(
    history: History,
    model: nn.Module,
    val_ids: Sequence[int] | Tensor | None,
    sample: Callable[[nn.Module], str] | None,
    block_size: int,
) -> None:
    """Measure and sample the model as it is now."""
    model.eval()
    done = len(history.losses)
    if val_ids is not None:
        history.val.append((done, -log_probs(model, val_ids, stride=block_size).mean().item()))
    if sample is not None:
        history.samples.append((done, sample(model)))
    model.train()


@torch.no_grad()
def log_probs(model: nn.Module, ids: Sequence[int] | Tensor, stride: int = 1) -> Tensor:
    """Give each token's natural log probability (N - 1,), all but the first, given those before.

    A model whose config has an n_context sees as many tokens before as that allows. A longer
    `stride` between two windows is faster and leaves all but the last of each window with less
    to see. Raises ValueError for fewer than two tokens.
    """
    given.kind(model, "model", nn.Module, "a torch module")
    given.whole(stride, "stride", 1)
    ids = as_ids(ids)
    if (n := len(ids) - 1) < 1:
        raise ValueError("the text has fewer than two tokens: there is nothing to predict")
    context = min(n, getattr(getattr(model, "config", None), "n_context", n))
    device = next(model.parameters()).device
    window = torch.arange(context + 1)
    starts = torch.tensor([*range(0, n - context, stride), n - context])
    out = torch.empty(n)
    for some in starts.flip(0).split(128):  # the earliest window knows most: it is written last
        batch = ids[some[:, None] + window].to(device)  # (B, context + 1)
        log_p = logits_of(model, batch[:, :-1]).log_softmax(-1)  # (B, context, V)
        log_p = log_p.gather(-1, batch[:, 1:, None])[..., 0].cpu()
        for start, row in zip(some.tolist(), log_p, strict=True):
            out[start : start + context] = row
    return out


def bits_per_character(model: nn.Module, ids: Sequence[int] | Tensor, stride: int = 1) -> float:
    """Give the mean of -log₂ P over all characters but the first (chapter 4, eq. 4.15)."""
    return -log_probs(model, ids, stride).mean().item() / math.log(2)

"""Checkpoints: a trained model in one safetensors file, with its config and its vocabulary.

save("gpt.safetensors", model, tokenizer, steps=2000)
model, tokenizer = load("gpt.safetensors")
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import nn

from lmkit import given
from lmkit.rnn import CharRNN
from lmkit.tokenizers import CharTokenizer
from lmkit.transformer import GPT, GPTConfig

FOLDER = Path(__file__).parent / "weights"  # the book's own: `python -m tools.checkpoints`
MODELS: dict[str, Callable[[dict[str, Any]], CharRNN | GPT]] = {
    "CharRNN": lambda config: CharRNN(**config),
    "GPT": lambda config: GPT(GPTConfig(**config)),
}


def save(
    path: str | Path,
    model: nn.Module,
    tokenizer: CharTokenizer,
    dtype: torch.dtype = torch.float32,
    **notes: Any,
) -> None:
    """Write weights, config, vocabulary and notes into one safetensors file, all or nothing."""
    path = given.path(path)
    given.kind(model, "model", (CharRNN, GPT), "a GPT or CharRNN")
    given.kind(tokenizer, "tokenizer", CharTokenizer, "a CharTokenizer")
    given.kind(dtype, "dtype", torch.dtype, "one of torch's, such as torch.float16")
    config: Any = model.config
    about = {
        "model": type(model).__name__,
        "config": asdict(config),
        "vocab": list(tokenizer.vocab),
        **notes,
    }
    weights = {name: p.to("cpu", dtype).contiguous() for name, p in model.state_dict().items()}
    part = path.with_name(path.name + ".part")
    data = to_bytes(weights, {"lmkit": json.dumps(about, ensure_ascii=False)})
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load(path: str | Path) -> tuple[CharRNN | GPT, CharTokenizer]:
    """Read what `save` wrote: the model, its weights as float32, and its tokenizer.

    The model is given the tokenizer, so that it reads and writes text.
    """
    about = read_about(path)
    path = find(path)
    try:
        model = MODELS[about["model"]](about["config"])
        with safe_open(path, "pt") as file:
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        model.load_state_dict(weights)
        vocab = {token: i for i, token in enumerate(about["vocab"])}
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        why = " ".join(str(error).split())
        raise ValueError(f"{path} does not hold a model that this lmkit knows: {why}") from None
    model.tokenizer = tokenizer = CharTokenizer(vocab)
    return model.eval(), tokenizer


def read_about(path: str | Path) -> dict[str, Any]:
    """Give what a checkpoint says of itself: model, config, vocab, and notes such as steps."""
    path = find(path)
    try:
        with safe_open(path, "pt") as file:
            found = file.metadata() or {}
    except (SafetensorError, OSError):
        raise ValueError(f"{path} is damaged, or not a safetensors file: make it anew") from None
    try:
        about: dict[str, Any] = dict(json.loads(found["lmkit"]))
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path} holds weights, but not of a model that lmkit saved") from None
    return about


def find(path: str | Path) -> Path:
    """Give the file of a checkpoint: a path, or the name of one of the book's own, as "gpt"."""
    path = given.path(path)
    if not path.suffix and len(path.parts) == 1:
        path = FOLDER / f"{path}.safetensors"
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    return path

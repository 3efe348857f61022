"""Train the book's small models and keep their weights: `python -m tools.checkpoints [NAME …]`.

All see the same tokens of lmkit.assets' Shakespeare, less its last 100,000 characters, in the same
order, on one thread. What it cost and what it reached is noted in the file: the processor's
seconds, not the wall's, so that a busy machine makes no difference.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

from lmkit import assets, checkpoints
from lmkit.rnn import CharRNN
from lmkit.tokenizers import CharTokenizer
from lmkit.train import log_probs, train
from lmkit.transformer import GPT, GPTConfig

STEPS, BATCH, BLOCK, HELD_OUT, SEED = 4000, 12, 64, 100_000, 0
MODELS: dict[str, Callable[[int], nn.Module]] = {  # of the size of the vocabulary
    "gpt": lambda n: GPT(GPTConfig(n)),
    **{kind: partial(CharRNN, kind, n_embd=64, n_hidden=256) for kind in ("rnn", "lstm", "gru")},
}


def main(arguments: list[str] | None = None) -> int:
    """Train what the command line names, all when it names none."""
    parser = argparse.ArgumentParser(prog="python -m tools.checkpoints", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*MODELS, []], help="default: all of them")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--folder", type=Path, default=checkpoints.FOLDER)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    text = assets.path("shakespeare").read_text("utf-8")
    tokenizer = CharTokenizer.train(text, vocab_size=len(set(text)) + 1)
    ids = torch.tensor(tokenizer.encode(text))
    options.folder.mkdir(exist_ok=True)
    for name in options.names or MODELS:
        make(name, tokenizer, ids, options.steps, options.folder)
    return 0


def make(name: str, tokenizer: CharTokenizer, ids: torch.Tensor, steps: int, folder: Path) -> None:
    """Train one model and write it."""
    torch.manual_seed(SEED)
    model = MODELS[name](tokenizer.n_vocab)
    began = time.process_time()
    history = train(
        model, ids[:-HELD_OUT], steps=steps, batch_size=BATCH, block_size=BLOCK, seed=SEED
    )
    seconds = time.process_time() - began
    if history.stopped:
        raise SystemExit(f"{name} was not written")
    loss = -log_probs(model, ids[-HELD_OUT:], stride=BLOCK).mean().item()
    notes = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens": steps * BATCH * BLOCK,
        "steps": steps,
        "processor_seconds": round(seconds),
        "losses": [(n, round(y, 3)) for n, y in history.smooth()],
        "held_out_loss": round(loss, 4),  # nats a character, windows of 64 side by side
        "torch": torch.__version__,
    }
    file = folder / f"{name}.safetensors"
    checkpoints.save(file, model, tokenizer, torch.float16, **notes)
    print(f"{name}: {history} Held out {loss:.4f}, {seconds:.0f} s, {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    sys.exit(main())

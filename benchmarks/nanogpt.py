"""Training in lmkit against nanoGPT's own code: tokens a second, and the loss they reach.

Run: python benchmarks/nanogpt.py [--repo FOLDER] [--steps 2000]
nanoGPT's train.py runs as it is, from a pinned commit: cloned, or read from a clone that is given.
Both train on the same text with nanoGPT's settings for a CPU, each on one thread, taking turns of
ten steps in one process, so that whatever else the machine does slows both. The clocks are the
wall's and the processor's. Both are measured by lmkit.train.log_probs on the text's last 100,000
characters. A second comparison gives both the same weights and the same windows. Writes
results/nanogpt.json.
"""

import argparse
import builtins
import contextlib
import json
import pickle
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from lmkit import assets
from lmkit.train import adamw, log_probs, train, update
from lmkit.transformer import GPT, GPTConfig

URL = "https://github.com/karpathy/nanoGPT"
COMMIT = "3adf61e154c3fe3fca428ad6bc3818b27a3b8291"
FILES = ("train.py", "model.py", "configurator.py", "config/train_shakespeare_char.py")
HELD_OUT, TURN = 100_000, 10  # characters; steps
# from nanoGPT's README, "I only have a macbook"
SETTINGS = {"device": "cpu", "compile": False, "eval_iters": 1, "log_interval": 1000}
SETTINGS |= {"block_size": 64, "batch_size": 12, "n_layer": 4, "n_head": 4, "n_embd": 128}
RESULTS = Path(__file__).parent / "results" / "nanogpt.json"
NAMES = {  # theirs -> ours
    "wte.weight": "embed.weight",
    "wpe.weight": "positions",
    "h.": "blocks.",
    "ln_f": "norm",
    "ln_1": "attn_norm",
    "ln_2": "mlp_norm",
    "attn.c_attn": "attn.qkv",
    "attn.c_proj": "attn.out",
    "mlp.c_fc": "mlp.up",
    "mlp.c_proj": "mlp.down",
}


class Theirs:
    """nanoGPT's train.py, unchanged, in a thread that pauses where it reads the clock.

    It does so before the first step and at the end of each.
    """

    def __init__(self, folder: Path, steps: int) -> None:
        options = SETTINGS | {"max_iters": steps, "lr_decay_iters": steps, "dropout": 0.0}
        options["eval_interval"] = 10 * steps  # before the first step only
        sys.argv = ["train.py", "config/train_shakespeare_char.py"]
        sys.argv += [f"--{name}={value}" for name, value in options.items()]
        sys.path.insert(0, str(folder))  # its model.py
        self.code = compile((folder / "train.py").read_text("utf-8"), "train.py", "exec")
        its_own = {**vars(builtins), "__import__": self.find}
        self.names: dict[str, Any] = {"__name__": "__main__", "__builtins__": its_own}
        self.go, self.paused = threading.Semaphore(0), threading.Semaphore(0)
        self.error: BaseException | None = None
        threading.Thread(target=self.run, daemon=True).start()
        self.wait()

    def find(self, name: str, *where: Any) -> Any:
        """Import as Python does, but for the clock."""
        return (
            types.SimpleNamespace(time=self.pause) if name == "time" else __import__(name, *where)
        )

    def run(self) -> None:
        """Run to the end, which never comes: the last pause is for ever."""
        try:
            exec(self.code, self.names)
        except BaseException as error:
            self.error = error
        self.paused.release()

    def pause(self) -> float:
        """Tell the time, when it may go on."""
        self.paused.release()
        self.go.acquire()
        return time.time()

    def wait(self) -> None:
        """Wait until it pauses."""
        self.paused.acquire()
        if self.error:
            raise self.error

    def turn(self, steps: int) -> None:
        """Let it do some steps."""
        for _ in range(steps):
            self.go.release()
            self.wait()


class Logits(nn.Module):
    """Their model with our call: ids (B, T) -> logits (B, T, V)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model.eval()
        self.config = types.SimpleNamespace(n_context=model.config.block_size)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Give the logits of all places; without targets it would give the last alone."""
        return self.model(ids, targets=ids.contiguous())[0]


def prepare(folder: Path, repo: Path | None, ids: torch.Tensor, n_vocab: int) -> None:
    """Put nanoGPT's files and the text, as its prepare.py leaves it, into the folder."""
    if repo is None:
        repo = folder / "clone"
        subprocess.run(["git", "clone", "--quiet", URL, str(repo)], check=True)
    for name in FILES:
        shown = subprocess.run(
            ["git", "-C", str(repo), "show", f"{COMMIT}:{name}"], capture_output=True, check=True
        )
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(shown.stdout)
    data = folder / "data" / "shakespeare_char"
    data.mkdir(parents=True)
    ids[:-HELD_OUT].numpy().astype(np.uint16).tofile(data / "train.bin")
    ids[-HELD_OUT:].numpy().astype(np.uint16).tofile(data / "val.bin")
    (data / "meta.pkl").write_bytes(pickle.dumps({"vocab_size": n_vocab}))


def race(theirs: Theirs, ids: torch.Tensor, n_vocab: int, steps: int) -> tuple[Any, list[Any]]:
    """Train both in turns; give our model, and (wall, processor) seconds of each turn of both."""
    torch.manual_seed(0)
    model = GPT(GPTConfig(n_vocab))
    turns: list[Any] = []
    began = clocks()

    def their_turn(_: nn.Module) -> str:
        nonlocal began
        middle = clocks()
        theirs.turn(TURN)
        end = clocks()
        turns.append((middle - began, end - middle))
        began = clocks()
        return ""

    train(model, ids[:-HELD_OUT], steps=steps, every=TURN, sample=their_turn)
    return model, turns[1:]  # the first warms up, and has their first evaluation


def clocks() -> np.ndarray:
    """Give the wall's time and the processor's, in seconds."""
    return np.array([time.perf_counter(), time.process_time()])


def same_start(theirs: Theirs, ids: torch.Tensor, n_vocab: int, steps: int = 100) -> float:
    """Give the largest difference of the losses when both start alike and see the same windows."""
    names = theirs.names
    make, config = names["GPT"], names["GPTConfig"]
    their_model = make(config(**names["model_args"]))
    model = GPT(GPTConfig(n_vocab))
    model.load_state_dict(translated(their_model.state_dict()))
    options = (0.1, 1e-3, (0.9, 0.99), "cpu")
    their_optimizer = their_model.configure_optimizers(*options)
    optimizer = adamw(model, 1e-3, (0.9, 0.99), 0.1)
    difference = 0.0
    for step in range(steps):
        batch = ids[torch.arange(12)[:, None] * 777 + step * 65 + torch.arange(65)]
        _, loss = their_model(batch[:, :-1], batch[:, 1:].contiguous())
        their_optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(their_model.parameters(), 1.0)
        their_optimizer.step()
        difference = max(difference, abs(update(model, batch, optimizer, 1.0) - loss.item()))
    return difference


def translated(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Give nanoGPT's weights our names; the logits' matrix is the embedding's."""
    found = {}
    for name, tensor in weights.items():
        if name.startswith("transformer."):
            name = name.removeprefix("transformer.")
            for theirs, ours in NAMES.items():
                name = name.replace(theirs, ours)
            found[name] = tensor
    return found


def main() -> None:
    """Run both, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repo", type=Path, help="a clone of nanoGPT, or its git folder")
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    text = assets.path("shakespeare").read_text("utf-8")
    vocab = {char: i for i, char in enumerate(sorted(set(text)))}
    ids = torch.tensor([vocab[char] for char in text])
    repo = options.repo.resolve() if options.repo else None
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        prepare(Path(name), repo, ids, len(vocab))
        theirs = Theirs(Path(name), options.steps)
        difference = same_start(theirs, ids, len(vocab))
        model, turns = race(theirs, ids, len(vocab), options.steps)
    models = {"lmkit": model, "nanoGPT": Logits(theirs.names["model"])}
    seconds = np.array(turns).sum(0)  # (ours, theirs) of (wall, processor)
    tokens = len(turns) * TURN * 12 * 64
    ratios = [float(b[0] / a[0]) for a, b in turns]
    figures = {
        "machine": f"{platform.machine()}, {torch.get_num_threads()} thread",
        "versions": {"torch": torch.__version__, "nanoGPT": COMMIT},
        "steps": options.steps,
        "parameters": {name: sum(p.numel() for p in m.parameters()) for name, m in models.items()},
        "tokens_per_second": dict(zip(models, (tokens / seconds[:, 0]).round(), strict=True)),
        "tokens_per_processor_second": dict(
            zip(models, (tokens / seconds[:, 1]).round(), strict=True)
        ),
        "ratio": {
            "wall": round(seconds[1, 0] / seconds[0, 0], 3),
            "processor": round(seconds[1, 1] / seconds[0, 1], 3),
            "median_turn": round(statistics.median(ratios), 3),
        },
        "held_out_loss": {
            name: round(-log_probs(m, ids[-HELD_OUT:], stride=64).mean().item(), 4)
            for name, m in models.items()
        },
        "same_start": {"steps": 100, "largest_difference_of_loss": float(f"{difference:.1e}")},
    }
    print(json.dumps(figures, indent=1))
    if options.steps == 2000:
        RESULTS.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()

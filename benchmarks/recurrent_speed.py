"""Training steps of lmkit.rnn's layers beside torch's own: `python benchmarks/recurrent_speed.py`.

One step is forward and backward at the sizes with which the book trains (12 texts of 64 steps, 64
numbers in, 256 units), on one thread, in the processor's seconds. The layers take turns, and each
counts with its median. torch hands its LSTM, and it alone, to oneDNN's fused kernel; the column
"loop" is torch with oneDNN switched off, which is its own loop over the steps in C++.
Writes results/recurrent_speed.json.
"""

import json
import platform
import statistics
import time
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from lmkit.rnn import LAYERS

B, T, D, H, ROUNDS = 12, 64, 64, 256, 40
RESULTS = Path(__file__).parent / "results" / "recurrent_speed.json"


def main() -> None:
    """Measure the three layers, print a table and keep it."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    warnings.filterwarnings("ignore", message="TF32")  # of the flag below, about other devices
    x = torch.randn(B, T, D)
    rows = {}
    for kind, ours in LAYERS.items():
        theirs = getattr(nn, kind.upper())
        runs = {
            "ours": (ours(D, H), True),
            "torch": (theirs(D, H, batch_first=True), True),
            "loop": (theirs(D, H, batch_first=True), False),
        }
        times: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(ROUNDS):
            for name, (layer, onednn) in runs.items():
                times[name].append(step(layer, x, onednn))
        ms = {name: 1000 * statistics.median(some[3:]) for name, some in times.items()}
        speed = {name: round(ms[name] / ms["ours"], 2) for name in ("torch", "loop")}
        rows[kind] = {"ms": {k: round(v, 1) for k, v in ms.items()}, "our_speed_over": speed}
        print(f"{kind:5}", rows[kind])
    notes = {"torch": torch.__version__, "machine": platform.machine(), "threads": 1}
    RESULTS.write_text(json.dumps({**notes, "sizes": [B, T, D, H], **rows}, indent=1) + "\n")


def step(layer: nn.Module, x: Tensor, onednn: bool) -> float:
    """Give the processor's seconds of one forward and backward."""
    with torch.backends.mkldnn.flags(enabled=onednn):
        began = time.process_time()
        output, _ = layer(x)
        output.square().mean().backward()
        return time.process_time() - began


if __name__ == "__main__":
    main()

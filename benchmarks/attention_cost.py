"""What attention costs: time and memory against n, the key-value cache, reading and writing.

Run: python benchmarks/attention_cost.py
Everything on one thread, in the processor's seconds (the least of several tries), so that a busy
machine makes little difference. The GPT has the book's size and random weights, which cost the
same as trained ones; the LSTM is torch's own, with about as many weights. Memory is the most that
the process held, from /proc (Linux). Writes results/attention_cost.json.
"""

import ctypes
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from lmkit.transformer import GPT, GPTConfig, attention, causal_mask

HEADS, D, VOCAB, CONTEXT, TRIES = 4, 32, 80, 1024, 5
RESULTS = Path(__file__).parent / "results" / "attention_cost.json"


class LSTM(nn.Module):
    """A language model on torch's LSTM: ids (B, T) -> logits (B, T, V)."""

    def __init__(self, n_embd: int = 128, n_hidden: int = 384) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCAB, n_embd)
        self.lstm = nn.LSTM(n_embd, n_hidden, batch_first=True)
        self.out = nn.Linear(n_hidden, VOCAB)

    def forward(self, ids: Tensor) -> Tensor:
        """Give the logits of all places."""
        return self.out(self.lstm(self.embed(ids))[0])

    def step(self, i: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read one more token (1, 1)."""
        y, state = self.lstm(self.embed(i), state)
        return self.out(y), state


def seconds(run: Callable[[], object], tries: int = TRIES) -> float:
    """Give the least processor time of several tries, after one that warms up."""
    run()
    found = []
    for _ in range(tries):
        began, times = time.process_time(), 0
        while times == 0 or time.process_time() - began < 0.02:  # short runs are repeated
            run()
            times += 1
        found.append((time.process_time() - began) / times)
    return min(found)


def megabytes(run: Callable[[], object]) -> float:
    """Give by how much a run raises the most that this process holds."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # what was freed goes back
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew, from what is held now
    before = peak()
    run()
    return peak() - before


def peak() -> float:
    """Give the most memory held since it began anew, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def attention_against_n() -> list[dict[str, float]]:
    """Time and memory of causal attention alone, by the formula and by torch's kernel."""
    rows = []
    for n in (128, 256, 512, 1024, 2048, 4096):
        q, k, v = torch.randn(3, 1, HEADS, n, D)
        mask = causal_mask(n, n)

        def formula(q=q, k=k, v=v, mask=mask) -> Tensor:
            return attention(q, k, v, mask)[0]

        def kernel(q=q, k=k, v=v) -> Tensor:
            return scaled_dot_product_attention(q, k, v, is_causal=True)

        matrix = torch.randn(HEADS * D, 12 * HEADS * D)  # what else a block multiplies a token by
        x = torch.randn(n, HEADS * D)
        rows.append(
            {
                "n": n,
                "formula_ms": round(1000 * seconds(formula), 3),
                "kernel_ms": round(1000 * seconds(kernel), 3),
                "other_matrices_ms": round(1000 * seconds(lambda x=x, m=matrix: x @ m), 3),
                "formula_mb": round(megabytes(formula), 1),
                "kernel_mb": round(megabytes(kernel), 1),
            }
        )
        print(rows[-1], flush=True)
    return rows


def cache_against_n(model: GPT) -> list[dict[str, float]]:
    """Time of one further token after n, with the cache and without."""
    rows = []
    for n in (32, 64, 128, 256, 512, 768, 1000):
        ids = torch.randint(VOCAB, (n + 1,))
        cache = model.new_cache()
        model.next_logits(ids[:n], cache)

        def one(cache=cache, last=ids[n:], n=n) -> None:
            cache.n_seen = n  # the one before is forgotten
            model.next_logits(last, cache)

        again = seconds(lambda ids=ids: model.next_logits(ids))
        rows.append(
            {
                "n": n,
                "cache_ms": round(1000 * seconds(one), 3),
                "no_cache_ms": round(1000 * again, 3),
            }
        )
        print(rows[-1], flush=True)
    return rows


def reading_and_writing(gpt: GPT, lstm: LSTM, n: int = 512) -> dict[str, dict[str, float]]:
    """Tokens a second of a training step, of reading a text at once, of writing one."""
    ids = torch.randint(VOCAB, (1, n))
    batch = torch.randint(VOCAB, (12, 65))
    rows = {}
    for name, model in {"GPT": gpt, "LSTM": lstm}.items():

        def step(model: nn.Module = model) -> None:
            logits = model(batch[:, :-1])
            cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten()).backward()

        def read(model: nn.Module = model) -> None:
            with torch.no_grad():
                model(ids)

        write = write_gpt if isinstance(model, GPT) else write_lstm
        rows[name] = {
            "parameters": sum(p.numel() for p in model.parameters()),
            "train": round(12 * 64 / seconds(step)),
            "read": round(n / seconds(read)),
            "write": round(n / seconds(lambda model=model, write=write: write(model, n), 2)),
        }
        print(name, rows[name], flush=True)
    rows["GPT"]["write_no_cache"] = round(n / seconds(lambda: write_slowly(gpt, n), 1))
    return rows


def write_gpt(model: GPT, n: int) -> None:
    """Write n tokens, the likeliest each time."""
    cache, last = model.new_cache(), torch.zeros(1, dtype=torch.long)
    for _ in range(n):
        last = model.next_logits(last, cache).argmax()[None]


def write_slowly(model: GPT, n: int) -> None:
    """Write n tokens with no cache: all are read again for each."""
    ids = torch.zeros(1, dtype=torch.long)
    for _ in range(n):
        ids = torch.cat([ids, model.next_logits(ids).argmax()[None]])


@torch.no_grad()
def write_lstm(model: LSTM, n: int) -> None:
    """Write n tokens, carrying the state along."""
    state, last = None, torch.zeros(1, 1, dtype=torch.long)
    for _ in range(n):
        logits, state = model.step(last, state)
        last = logits.argmax(-1)


def main() -> None:
    """Measure, print and store."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    gpt, lstm = GPT(GPTConfig(VOCAB, n_context=CONTEXT)).eval(), LSTM().eval()
    figures = {
        "machine": f"{platform.machine()}, {torch.get_num_threads()} thread",
        "torch": torch.__version__,
        "sizes": {"n_head": HEADS, "head_dim": D, "n_layer": gpt.config.n_layer},
        "attention": attention_against_n(),
        "next_token": cache_against_n(gpt),
        "tokens_per_second": reading_and_writing(gpt, lstm),
    }
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()

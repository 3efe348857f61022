"""SmolLM2 in lmkit against transformers: greedy tokens a second, load times, memory.

Run: python benchmarks/smollm_speed.py [--rounds 7] [--tokens 64]
Both have the same fp32 weights, two threads, one process each for the memory, and take turns in
one process for the speed. Needs requirements-test.txt; writes results/smollm_speed.json.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

PROMPT = "Once upon a time, in a small village by the sea, there lived"
RESULTS = Path(__file__).parent / "results" / "smollm_speed.json"

OURS = "from lmkit import smollm; model = smollm.load(); model.next_token('a')"
THEIRS = (
    "from transformers import LlamaForCausalLM; "
    "model = LlamaForCausalLM.from_pretrained({folder!r}); "
    "model(torch.tensor([[0, 330]]))"
)
MEMORY = """
import time, torch
torch.set_num_threads(2)
start = time.perf_counter()
{code}
seconds = time.perf_counter() - start
fields = dict(line.split(":") for line in open("/proc/self/smaps_rollup").readlines()[1:])
mb = lambda name: int(fields[name].split()[0]) / 1024
print(seconds, mb("Rss"), mb("Pss"), mb("Private_Dirty") + mb("Private_Clean"))
"""


def save_for_transformers(folder: str) -> None:
    """Save the GGUF's weights as transformers' own checkpoint, read by transformers' own code."""
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    from lmkit import assets

    file = assets.path("smollm2")
    llama = LlamaForCausalLM(LlamaConfig(**load_gguf_checkpoint(file)["config"]))
    weights = load_gguf_checkpoint(file, return_tensors=True, model_to_load=llama)["tensors"]
    llama.load_state_dict(weights, strict=False)
    llama.tie_weights()
    llama.save_pretrained(folder)


def process_figures(code: str, beside: str | None = None) -> dict[str, float]:
    """Load and run one token in a fresh process; `beside` keeps a second one alive meanwhile."""
    other = None
    if beside:
        wait = f"import torch\n{beside}\nprint('ready', flush=True); input()"
        pipe = subprocess.PIPE
        other = subprocess.Popen([sys.executable, "-c", wait], stdin=pipe, stdout=pipe, text=True)
        assert other.stdout is not None
        other.stdout.readline()
    run = subprocess.run(
        [sys.executable, "-c", MEMORY.format(code=code)], capture_output=True, text=True, check=True
    )
    if other:
        other.communicate("\n")
    names = ("load_and_one_token_s", "rss_mb", "pss_mb", "private_mb")
    return {
        name: round(float(x), 2) for name, x in zip(names, run.stdout.split()[-4:], strict=True)
    }


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=64)
    options = parser.parse_args()
    torch.set_num_threads(2)

    from transformers import LlamaForCausalLM
    from transformers import __version__ as transformers_version

    from lmkit import smollm

    smollm.load()  # fetched and converted, if this is the first time
    loads = []
    for _ in range(5):
        start = time.perf_counter()
        model = smollm.load()
        loads.append(time.perf_counter() - start)

    with tempfile.TemporaryDirectory() as folder:
        save_for_transformers(folder)
        theirs = LlamaForCausalLM.from_pretrained(folder).eval()
        ids = [0, *model.tokenizer.encode(PROMPT)]

        def run_ours() -> list[int]:
            return list(model.generate_ids(ids, options.tokens, temperature=0))

        def run_theirs() -> list[int]:
            with torch.inference_mode():
                out = theirs.generate(
                    torch.tensor([ids]), max_new_tokens=options.tokens, do_sample=False
                )
            return out[0, len(ids) :].tolist()

        same = run_ours() == run_theirs()  # also warms both up
        speeds: dict[str, list[float]] = {"lmkit": [], "transformers": []}
        for _ in range(options.rounds):
            for name, run in (("lmkit", run_ours), ("transformers", run_theirs)):
                start = time.perf_counter()
                n = len(run())
                speeds[name].append(n / (time.perf_counter() - start))
        ratios = [a / b for a, b in zip(*speeds.values(), strict=True)]
        figures = {
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
            "versions": {"torch": torch.__version__, "transformers": transformers_version},
            "new_tokens": options.tokens,
            "same_tokens": same,
            "tokens_per_second": {
                name: {
                    "median": round(statistics.median(v), 2),
                    "all": [round(x, 2) for x in v],
                }
                for name, v in speeds.items()
            },
            "ratio": {
                "median": round(statistics.median(ratios), 3),
                "least": round(min(ratios), 3),
            },
            "load_s": [round(x, 3) for x in loads],
            "process": {
                "lmkit": process_figures(OURS),
                "lmkit, a second one": process_figures(OURS, beside=OURS),
                "transformers": process_figures(THEIRS.format(folder=folder)),
            },
        }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()

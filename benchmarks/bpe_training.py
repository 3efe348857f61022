"""Training byte-level BPE: lmkit's kept-up pair counts against counting anew for each merge.

Run: python benchmarks/bpe_training.py [--characters 1000000] [--merges 1000] [--minbpe CLONE]
The baseline is the method of minbpe (Andrej Karpathy, MIT licence, github.com/karpathy/minbpe,
`RegexTokenizer.train`), written anew: every piece of the text is a list of ids; for each merge all
pairs are counted, the most frequent one is taken, and all lists are made anew. Where there is a
clone of minbpe, its own code is timed beside the baseline, on a tenth of the text and the merges.
The `tokenizers` package (Rust) is measured too. All split the text as GPT-2 does, in one process,
one thread. Seconds are the processor's, which other programs on the machine change little.
"""

import argparse
import itertools
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import regex
import tokenizers

from lmkit import assets
from lmkit.tokenizers import BYTE_TO_CHAR, GPT2_SPLIT, BPETokenizer

RESULTS = Path(__file__).parent / "results" / "bpe_training.json"
CHARS = list(BYTE_TO_CHAR.values())
Pair = tuple[int, int]


def naive(text: str, n_merges: int) -> list[tuple[str, str]]:
    """Train by minbpe's method; merges are written in the byte alphabet."""
    order = {b: i for i, b in enumerate(BYTE_TO_CHAR)}
    chunks = [[order[b] for b in piece.encode()] for piece in regex.findall(GPT2_SPLIT, text)]
    texts, merges = list(CHARS), []
    for _ in range(n_merges):
        counts: dict[Pair, int] = {}
        for chunk in chunks:
            for pair in itertools.pairwise(chunk):
                counts[pair] = counts.get(pair, 0) + 1
        best = max(counts, key=lambda pair: counts[pair])
        chunks = [replaced(chunk, best, len(texts)) for chunk in chunks]
        merges.append((texts[best[0]], texts[best[1]]))
        texts.append(texts[best[0]] + texts[best[1]])
    return merges


def replaced(ids: list[int], pair: Pair, new: int) -> list[int]:
    """Put `new` wherever the pair stands, as minbpe's `merge`."""
    out, i = [], 0
    while i < len(ids):
        if ids[i] == pair[0] and i < len(ids) - 1 and ids[i + 1] == pair[1]:
            out.append(new)
            i += 2
        else:
            out.append(ids[i])
            i += 1
    return out


def ours(text: str, n_merges: int) -> list[tuple[str, str]]:
    """Train by lmkit."""
    return BPETokenizer.train(text, 256 + n_merges).merges


def rust(text: str, n_merges: int) -> list[tuple[str, str]]:
    """Train by the `tokenizers` package."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    byte_level = tokenizers.pre_tokenizers.ByteLevel
    tokenizer.pre_tokenizer = byte_level(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=256 + n_merges, initial_alphabet=byte_level.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([text], trainer)
    return [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]


def theirs(text: str, n_merges: int) -> None:
    """Train by minbpe's own code."""
    from minbpe.regex import RegexTokenizer

    RegexTokenizer(GPT2_SPLIT).train(text, 256 + n_merges)


def timed(train: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Return the seconds of processor time that a training took, and its merges."""
    start = time.process_time()
    merges = train(*arguments)
    return time.process_time() - start, merges


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--characters", type=int, default=1_000_000)
    parser.add_argument("--merges", type=int, default=1000)
    parser.add_argument("--minbpe", type=Path, help="the folder of a clone")
    options = parser.parse_args()
    text = assets.path("shakespeare").read_text("utf-8")[: options.characters]

    fast, merges = [], []
    for _ in range(3):  # before and after the slow one
        seconds, merges = timed(ours, text, options.merges)
        fast.append(seconds)
    rust_s, rust_merges = timed(rust, text, options.merges)
    slow, naive_merges = timed(naive, text, options.merges)
    for _ in range(3):
        fast.append(timed(ours, text, options.merges)[0])

    own = {}
    if options.minbpe:
        sys.path.insert(0, str(options.minbpe))
        tenth = text[: len(text) // 10], options.merges // 10
        own = {
            "on_a_tenth_minbpe_s": round(timed(theirs, *tenth)[0], 2),
            "on_a_tenth_its_method_s": round(timed(naive, *tenth)[0], 2),
        }

    figures = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}, one thread",
        "text": f"{len(text):,} characters of Shakespeare, {options.merges:,} merges",
        "minbpe_method_s": round(slow, 2),
        "lmkit_s": [round(s, 2) for s in sorted(fast)],
        "tokenizers_rust_s": round(rust_s, 2),
        **own,
        "times_faster_than_minbpe_method": round(slow / max(fast), 1),
        "same_merges_as_tokenizers": merges == rust_merges,
        # ties are broken otherwise: minbpe takes the pair that was seen first
        "merges_shared_with_minbpe_method": len(set(merges) & set(naive_merges)),
    }
    print(json.dumps(figures, indent=1))
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""The real vocabularies beside the site, for readers who type their own text into chapter 2.

`write(site)` makes `site`/vocab/smollm2.txt and minilm.txt, 0.7 MB. A line is a token, the first
with id 0. In SmolLM2's, written in the byte alphabet, a special token begins with a tab, and a
line with a space is a merge: it makes the next token of its two parts.
"""

import json
import shutil
from pathlib import Path

from lmkit import assets, gguf


def write(site: Path) -> None:
    """Lay both files into the site. Raises AssetError when they cannot be had."""
    folder = site / "vocab"
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (("smollm2", smollm2()), ("minilm", minilm())):
        (folder / f"{name}.txt").write_text("\n".join(lines), "utf-8")


def smollm2() -> list[str]:
    """Return the lines of SmolLM2's vocabulary: special tokens, bytes, merges."""
    metadata, _ = gguf.read(assets.path("smollm2"))
    tokens, kinds = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    merges = metadata["tokenizer.ggml.merges"]
    first = len(tokens) - len(merges)
    if [merge.replace(" ", "") for merge in merges] != tokens[first:]:
        raise ValueError("the vocabulary's merges do not make its tokens one after another")
    start = [("\t" if kind == 3 else "") + token for token, kind in zip(tokens, kinds, strict=True)]
    return [*start[:first], *merges]


def minilm() -> list[str]:
    """Return the lines of MiniLM's vocabulary."""
    text = (assets.path("minilm") / "tokenizer.json").read_text("utf-8")
    vocab = json.loads(text)["model"]["vocab"]
    return sorted(vocab, key=vocab.__getitem__)


def remove(site: Path) -> None:
    """Take what `write` made out of the site."""
    shutil.rmtree(site / "vocab", ignore_errors=True)

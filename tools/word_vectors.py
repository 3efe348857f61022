"""GloVe's 20,000 most frequent words beside the site, for the figures of chapter 3: 1.2 MB.

`write(site)` makes `site`/vectors/<16 hex of its sha256>.bin: the length of the words' text in four
bytes, the text with a word a line, then for each word 50 numbers as int8, scaled so that the
largest is 127. Figures compare directions, so the scale is not kept.
"""

import hashlib
import shutil
from pathlib import Path
from typing import TypedDict

from lmkit import embeddings

WORDS = 20_000


class Vectors(TypedDict):
    """Where the file lies, and its size."""

    file: str
    bytes: int


def write(site: Path) -> Vectors:
    """Lay the file into the site, and return where it is; raises AssetError."""
    data = pack()
    folder = site / "vectors"
    remove(site)
    folder.mkdir(parents=True)
    name = f"{hashlib.sha256(data).hexdigest()[:16]}.bin"
    (folder / name).write_bytes(data)
    return {"file": f"vectors/{name}", "bytes": len(data)}


def pack(n: int = WORDS) -> bytes:
    """Return the n most frequent words and their vectors in one block."""
    glove = embeddings.load_glove(n)
    words = "\n".join(glove.words).encode()
    return len(words).to_bytes(4, "little") + words + embeddings.quantise(glove.vectors).tobytes()


def remove(site: Path) -> None:
    """Take what `write` made out of the site."""
    shutil.rmtree(site / "vectors", ignore_errors=True)

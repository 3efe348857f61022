"""GloVe's 20,000 most frequent words beside the site, for the figures of chapter 3: 1.2 MB.

`write(site)` makes `site`/vectors/<16 hex of its sha256>.bin: the length of the words' text in four
bytes, the text with a word a line, then for each word 50 numbers as int8, scaled so that the
largest is 127. Figures compare directions, so the scale is not kept. Needs the standard library.
"""

import array
import hashlib
import shutil
import sys
from pathlib import Path
from typing import TypedDict

from lmkit import assets

WORDS = 20_000
WIDTH = 50


class Vectors(TypedDict):
    """Where the file lies, and its size."""

    file: str
    bytes: int


def write(site: Path) -> Vectors:
    """Lay the file into the site, and return where it is; raises AssetError."""
    data = pack(assets.path("glove"))
    folder = site / "vectors"
    remove(site)
    folder.mkdir(parents=True)
    name = f"{hashlib.sha256(data).hexdigest()[:16]}.bin"
    (folder / name).write_bytes(data)
    return {"file": f"vectors/{name}", "bytes": len(data)}


def pack(glove: Path, n: int = WORDS) -> bytes:
    """Return the n most frequent words and their vectors in one block."""
    with (glove / "words.txt").open(encoding="utf-8") as lines:
        words = "".join(next(lines) for _ in range(n))[:-1].encode()
    entries = array.array("f")
    with (glove / "vectors.npy").open("rb") as file:
        entries.frombytes(file.read(_header(file.read(10)) - 10 + 4 * WIDTH * n)[-4 * WIDTH * n :])
    if sys.byteorder == "big":
        entries.byteswap()
    rounded = array.array("b")
    for at in range(0, len(entries), WIDTH):
        row = entries[at : at + WIDTH]
        largest = max(map(abs, row))
        rounded.extend(round(127 * (x / largest)) for x in row)
    return len(words).to_bytes(4, "little") + words + rounded.tobytes()


def _header(start: bytes) -> int:
    """Return where the numbers of a .npy file of version 1 begin."""
    return 10 + int.from_bytes(start[8:10], "little")


def remove(site: Path) -> None:
    """Take what `write` made out of the site."""
    shutil.rmtree(site / "vectors", ignore_errors=True)

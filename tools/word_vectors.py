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
    columns = _columns(glove / "vectors.npy", n)
    rounded = array.array("b")
    for row in zip(*columns, strict=True):
        largest = max(map(abs, row))
        rounded.extend(round(127 * (x / largest)) for x in row)
    return len(words).to_bytes(4, "little") + words + rounded.tobytes()


def _columns(file: Path, n: int) -> "list[array.array[float]]":
    """Read the first n entries of each column of a .npy file that holds column after column."""
    columns = []
    with file.open("rb") as stream:
        start = 10 + int.from_bytes(stream.read(10)[8:], "little")
        header = stream.read(start - 10).decode()
        if "'fortran_order': True" not in header or "'<f4'" not in header:
            raise ValueError(f"{file.name} is not stored column by column in 32 bits: {header}")
        height = (file.stat().st_size - start) // (4 * WIDTH)
        for k in range(WIDTH):
            stream.seek(start + 4 * k * height)
            column = array.array("f", stream.read(4 * n))
            if sys.byteorder == "big":
                column.byteswap()
            columns.append(column)
    return columns


def remove(site: Path) -> None:
    """Take what `write` made out of the site."""
    shutil.rmtree(site / "vectors", ignore_errors=True)

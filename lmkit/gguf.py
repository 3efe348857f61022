"""GGUF, the file format of llama.cpp: how a trained model lies on disk.

A file is a header, then named settings (the metadata: sizes of the model, the tokenizer's
vocabulary), then a table of tensors, then their numbers, most of them quantised in blocks of 32.
Specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import math
import mmap
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lmkit import given

Array = npt.NDArray[Any]

# number of a value's type -> its letter in `struct`
SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
STRING, ARRAY = 8, 9

Q8_0 = np.dtype([("scale", "<f2"), ("q", "i1", 32)])
Q4_1 = np.dtype([("scale", "<f2"), ("min", "<f2"), ("q", "u1", 16)])


def dequantise_q8_0(blocks: Array) -> Array:
    """Turn Q8_0 blocks (N,) into floats (N, 32): w = scale · q with q in -128…127."""
    return blocks["q"] * blocks["scale"].astype("f4")[:, None]


def dequantise_q4_1(blocks: Array) -> Array:
    """Turn Q4_1 blocks (N,) into floats (N, 32): w = scale · q + min with q in 0…15."""
    # a byte holds two weights: the low halves are weights 0…15, the high halves 16…31
    q = np.concatenate([blocks["q"] & 15, blocks["q"] >> 4], axis=1)
    return q * blocks["scale"].astype("f4")[:, None] + blocks["min"].astype("f4")[:, None]


# type number -> name, numbers in a block, layout of a block, how a block becomes floats
TYPES: dict[int, tuple[str, int, np.dtype[Any], Callable[[Array], Array]]] = {
    0: ("F32", 1, np.dtype("<f4"), lambda blocks: blocks),
    1: ("F16", 1, np.dtype("<f2"), lambda blocks: blocks.astype("f4")),
    3: ("Q4_1", 32, Q4_1, dequantise_q4_1),
    8: ("Q8_0", 32, Q8_0, dequantise_q8_0),
}


class _Reader:
    """Takes one value after another from a buffer, never beyond its end."""

    def __init__(self, buffer: mmap.mmap) -> None:
        self.buffer, self.at = buffer, 0

    def skip(self, size: int) -> int:
        """Step over `size` bytes and give where they began."""
        if size > len(self.buffer) - self.at:
            raise ValueError(f"the file ends too early (at byte {len(self.buffer)})")
        self.at += size
        return self.at - size

    def take(self, fmt: str) -> tuple[Any, ...]:
        fmt = "<" + fmt
        return struct.unpack_from(fmt, self.buffer, self.skip(struct.calcsize(fmt)))

    def string(self) -> str:
        (size,) = self.take("Q")
        start = self.skip(size)
        return self.buffer[start : start + size].decode("utf-8")

    def value(self, kind: int) -> Any:
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            item, count = self.take("IQ")
            # the count is the file's claim: the smallest item takes a byte, so this bounds it
            if count > len(self.buffer) - self.at or item == ARRAY:
                raise ValueError(f"an array claims {count} items of type {item}")
            if item == STRING:
                return [self.string() for _ in range(count)]
            return list(self.take(f"{count}{self.scalar(item)}"))
        return self.take(self.scalar(kind))[0]

    def scalar(self, kind: int) -> str:
        if kind not in SCALARS:
            raise ValueError(f"unknown value type {kind}")
        return SCALARS[kind]


def read(path: str | Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read a GGUF file: its metadata, and its tensors as float32 arrays by name.

    The file is memory-mapped; F32 tensors are read-only views of it, F16, Q8_0 and Q4_1 are
    dequantised. Raises FileNotFoundError, and ValueError in one sentence when the file is no GGUF,
    damaged, cut short, or uses another number format.
    """
    with given.path(path).open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ValueError(f"{path} is not a GGUF file: it does not begin with 'GGUF'")
        buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        return _parse(_Reader(buffer))
    except (ValueError, struct.error, OverflowError) as error:
        raise ValueError(f"{path} is a damaged or unsupported GGUF file: {error}") from None


def _parse(reader: _Reader) -> tuple[dict[str, Any], dict[str, Array]]:
    reader.skip(4)
    version, n_tensors, n_settings = reader.take("IQQ")
    if version not in (2, 3):
        raise ValueError(f"version {version} is neither 2 nor 3")
    metadata: dict[str, Any] = {}
    for _ in range(n_settings):
        name = reader.string()
        metadata[name] = reader.value(reader.take("I")[0])
    table = [_entry(reader) for _ in range(n_tensors)]
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment < 1:
        raise ValueError(f"alignment {alignment!r} is not a positive number")
    start = math.ceil(reader.at / alignment) * alignment
    return metadata, {n: _tensor(reader.buffer, n, s, k, start + o) for n, s, k, o in table}


def _entry(reader: _Reader) -> tuple[str, tuple[int, ...], int, int]:
    name = reader.string()
    (n_dims,) = reader.take("I")
    if n_dims > 4:
        raise ValueError(f"tensor {name!r} claims {n_dims} dimensions")
    shape = reader.take(f"{n_dims}Q")[::-1]  # GGUF names the fastest dimension first, numpy last
    kind, offset = reader.take("IQ")
    return name, shape, kind, offset


def _tensor(buffer: mmap.mmap, name: str, shape: tuple[int, ...], kind: int, offset: int) -> Array:
    if kind not in TYPES:
        known = ", ".join(t[0] for t in TYPES.values())
        raise ValueError(f"tensor {name!r} has number format {kind}; this reader knows {known}")
    _, per_block, layout, dequantise = TYPES[kind]
    size = math.prod(shape)
    if size % per_block or offset + size // per_block * layout.itemsize > len(buffer):
        raise ValueError(f"tensor {name!r} of shape {shape} is not whole blocks within the file")
    blocks = np.frombuffer(buffer, layout, size // per_block, offset)
    return dequantise(blocks).reshape(shape)

"""The live model beside the site: SmolLM2's GGUF file in parts that a static host accepts.

`write(site)` makes `site`/model/<16 hex of its sha256>.bin, about 20 MB each, since common hosts
refuse files over 25 or 100 MB, and a browser that lost its connection need not start anew. The
page's script holds the list of parts too; manifest.json is for whoever looks at the folder.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import TypedDict

from lmkit import assets

PART = 20_000_000  # bytes; the last part is what remains
SERVICE_WORKER = Path(__file__).parent.parent / "book" / "site" / "sw.js"


class Part(TypedDict):
    """One file of the folder, with the digest of its bytes."""

    name: str
    bytes: int
    sha256: str


class Model(TypedDict):
    """The model's whole file and its parts in order."""

    bytes: int
    sha256: str
    parts: list[Part]


def write(site: Path) -> Model:
    """Lay the model's parts, their manifest and the service worker into the site.

    What is there and right is not written again. Raises AssetError when the model cannot be had.
    """
    source = assets.path("smollm2")
    folder = site / "model"
    folder.mkdir(parents=True, exist_ok=True)
    whole, parts = hashlib.sha256(), list[Part]()
    with source.open("rb") as file:
        while data := file.read(PART):
            whole.update(data)
            digest = hashlib.sha256(data).hexdigest()
            parts.append({"name": f"{digest[:16]}.bin", "bytes": len(data), "sha256": digest})
            _put(folder / parts[-1]["name"], data)
    size = sum(part["bytes"] for part in parts)
    model: Model = {"bytes": size, "sha256": whole.hexdigest(), "parts": parts}
    _put(folder / "manifest.json", json.dumps(model, indent=1).encode() + b"\n")
    _put(site / "sw.js", SERVICE_WORKER.read_bytes())
    names = {"manifest.json", *(part["name"] for part in parts)}
    for other in folder.iterdir():
        if other.name not in names:
            other.unlink()
    return model


def _put(target: Path, data: bytes) -> None:
    """Write a file, whole or not at all, unless it holds this already."""
    if target.is_file() and target.read_bytes() == data:
        return
    temporary = target.with_suffix(".new")
    temporary.write_bytes(data)
    temporary.replace(target)


def remove(site: Path) -> None:
    """Take what `write` made out of the site."""
    shutil.rmtree(site / "model", ignore_errors=True)
    (site / "sw.js").unlink(missing_ok=True)

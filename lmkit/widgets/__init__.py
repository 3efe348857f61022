"""The book's widgets: figures that answer when touched, with a kernel and without one.

A figure is a folder, and its class has the folder's name in other letters: `ChainRule` stands in
`chain_rule/`, `BPETrainer` in `bpe_trainer/`.
"""

import importlib
import re
from functools import cache
from typing import Any

from .source import HERE, figures


@cache
def _folder(name: str) -> str | None:
    """Return the folder of a class, or None: nothing is loaded to find it."""
    folders = {figure.replace("-", ""): figure.replace("-", "_") for figure in figures()}
    return folders.get(name.lower()) if name[:1].isupper() else None


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return __dir__()
    if folder := _folder(name):
        return getattr(importlib.import_module(f"lmkit.widgets.{folder}"), name)
    raise AttributeError(f"module 'lmkit.widgets' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the figures' classes, as each folder's own text declares them."""
    texts = "\n".join(file.read_text("utf-8") for file in HERE.glob("*/__init__.py"))
    return sorted(filter(_folder, re.findall(r"^class (\w+)\(", texts, re.MULTILINE)))

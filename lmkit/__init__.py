"""Language models small enough to read: the package behind the book.

Submodules load when they are first used, so that `import lmkit` is instant.
"""

import importlib
from types import ModuleType

__version__ = "0.1.0"
__all__ = [
    "answers",
    "assets",
    "checkpoints",
    "checks",
    "embeddings",
    "generate",
    "gguf",
    "given",
    "heads",
    "lm",
    "minilm",
    "ngram",
    "plot",
    "progress",
    "questions",
    "rnn",
    "smollm",
    "tokenizers",
    "train",
    "transformer",
    "widgets",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"lmkit.{name}")
    raise AttributeError(f"module 'lmkit' has no attribute {name!r}")

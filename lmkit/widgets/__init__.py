"""The book's widgets: figures that answer when touched, with a kernel and without one."""

import importlib
from typing import Any

_HOME = {
    "NextToken": "next_token",
    "ChainRule": "chain_rule",
    "AttentionMap": "attention_map",
    "AttentionSteps": "attention_steps",
    "Generate": "generate",
    "Live": "live",
    "ContextualBank": "contextual_bank",
    "EmbeddingArithmetic": "embedding_arithmetic",
    "EmbeddingMap": "embedding_map",
    "GradientFlow": "gradient_flow",
    "MultiHead": "multi_head",
    "PositionalEncoding": "positional_encoding",
    "RecurrentUnroll": "recurrent_unroll",
    "QuickCheck": "quick_check",
    "SoftmaxExplorer": "softmax_explorer",
    "SynthesisQuestion": "synthesis_question",
    "TokenizerPlayground": "tokenizer_playground",
    "BPETrainer": "bpe_trainer",
}
__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"lmkit.widgets.{_HOME[name]}"), name)
    raise AttributeError(f"module 'lmkit.widgets' has no attribute {name!r}")

"""Tokenizers: text to numbers and back (chapter 2).

Words, characters, bytes, byte-pair encoding and WordPiece. All have `encode`, `decode`, `tokens`
and `n_vocab`; those that learn a vocabulary have `train`, `save` and `load`. Files are
`tokenizer.json` as the `tokenizers` package writes and reads them.

What is a letter or a number is Unicode's to say, and each year's version has more of them. Here it
is that of the `regex` package, on the book's pages the browser's: of about 13,000 characters, most
of recently added scripts, the two may cut a text differently.
"""

from .bpe import (
    BYTE_TO_CHAR,
    CHAR_TO_BYTE,
    GPT2_SPLIT,
    BPETokenizer,
    PairCounts,
    byte_alphabet,
    learn_merges,
    merge,
    replace_pair,
)
from .wordpiece import WordPiece
from .words import ByteTokenizer, CharTokenizer, WordTokenizer, well_formed

__all__ = [
    "BYTE_TO_CHAR",
    "CHAR_TO_BYTE",
    "GPT2_SPLIT",
    "BPETokenizer",
    "ByteTokenizer",
    "CharTokenizer",
    "PairCounts",
    "WordPiece",
    "WordTokenizer",
    "byte_alphabet",
    "learn_merges",
    "merge",
    "replace_pair",
    "well_formed",
]

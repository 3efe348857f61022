"""HTML of one attention map, ours and bertviz's, for the same 16 tokens.

`python benchmarks/attention_size.py` installs bertviz into a temporary folder, without what it
needs beside torch and IPython, and has both write all 270 heads of SmolLM2 over one text.
"""

import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from lmkit import smollm
from lmkit.widgets import AttentionMap

VERSION = "1.4.1"
TEXT = "The cat sat on the mat because it was tired, and the dog slept"
RESULTS = Path(__file__).parent / "results" / "attention_size.json"


def main() -> None:
    """Measure both, print the ratio and keep it."""
    lm = smollm.load()
    ids = [lm.start_id, *lm.tokenizer.encode(TEXT)]
    ours = AttentionMap(lm, TEXT)._repr_page()
    theirs = bertviz(lm(ids).attentions, lm.tokenizer.tokens(ids))
    results = {
        "tokens": len(ids),
        "bertviz": VERSION,
        "html_bytes": {"lmkit": len(ours.encode()), "bertviz": len(theirs.encode())},
        "gzip_bytes": {
            "lmkit": len(gzip.compress(ours.encode())),
            "bertviz": len(gzip.compress(theirs.encode())),
        },
        "ratio": round(len(theirs.encode()) / len(ours.encode()), 1),
    }
    print(json.dumps(results, indent=1))
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def bertviz(attentions, tokens):
    """Return the HTML that bertviz's head view shows: attentions (L, H, T, T)."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder]
        subprocess.run([*command, f"bertviz=={VERSION}"], check=True)
        sys.path.insert(0, folder)
        from bertviz import head_view

        layers = tuple(layer[None] for layer in attentions)  # one (1, H, T, T) a layer
        return head_view(layers, tokens, html_action="return").data


if __name__ == "__main__":
    main()

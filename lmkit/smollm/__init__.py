"""SmolLM2-135M-Instruct in plain torch: a Llama (Touvron et al. 2023) small enough to read.

    model = load()
    model.next_token("The quick brown fox jumps")   # [(' over', 0.99…), …]
    model(ids).attentions                            # (L, H, T, T)
    ids, mask = pad([ids, longer])                   # (B, T) each
    model(ids, mask=mask).logits                     # (B, T, V)

Shapes: T tokens now, S tokens seen so far (T and those in the cache), D = n_embd numbers a token,
H = n_head heads that look, G = n_kv_head heads that are looked at, V tokens in the vocabulary. Of a
batch, B texts at once, all have B in front of T or of the heads; `…` stands for it.
"""

from lmkit.transformer import KVCache

from .net import Config, SmolLM, pad, rotate
from .weights import load

__all__ = ["Config", "KVCache", "SmolLM", "load", "pad", "rotate"]

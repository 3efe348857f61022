"""AttentionMap keeps a byte a weight; a model's maps are those of transformers, within a byte."""

import json

import numpy as np
import pytest
from test_next_token import Toy

from lmkit import smollm
from lmkit.widgets import AttentionMap
from lmkit.widgets.attention_map import pack, unpack


def causal(n_layer, n_head, n_tokens, seed=0):
    raw = np.exp(np.random.default_rng(seed).normal(size=(n_layer, n_head, n_tokens, n_tokens)))
    raw *= np.tri(n_tokens)
    return raw / raw.sum(-1, keepdims=True)


@pytest.mark.parametrize("n_tokens", [1, 2, 7])
def test_a_weight_comes_back_within_half_a_byte(n_tokens):
    attn = causal(3, 2, n_tokens)
    packed = json.loads(json.dumps(pack(attn)))
    np.testing.assert_allclose(unpack(packed), attn, atol=0.5 / 255 + 1e-9)


def test_the_models_maps_and_the_limit():
    lm = smollm.load()
    widget = AttentionMap(lm, "The cat sat on the mat.", layer=16, head=0)
    attn = lm([lm.start_id, *lm.tokenizer.encode("The cat sat on the mat.")]).attentions.numpy()
    np.testing.assert_allclose(unpack(widget.maps[0]), attn, atol=0.5 / 255 + 1e-6)
    assert "layer 16, head 0" in widget.summary()
    assert widget.answer({"kind": "attention", "text": ""})["shape"] == [30, 9, 1]
    with pytest.raises(ValueError, match="201 tokens with its start; a map may have 64"):
        widget.answer({"kind": "attention", "text": " a" * 200})


def test_it_needs_a_text():
    with pytest.raises(ValueError, match="at least one text"):
        AttentionMap(Toy())

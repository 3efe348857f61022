"""AttentionMap keeps a byte a weight; a model's maps are those of transformers, within a byte."""

import json

import numpy as np
import pytest
from test_next_token import Toy

from lmkit import smollm
from lmkit.widgets import AttentionMap
from lmkit.widgets.attention_map import compare, pack, unpack


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


class Counted:
    """A model that counts how often it is run."""

    def __init__(self, lm):
        self.lm, self.runs = lm, []

    def inside(self, ids, **options):
        self.runs.append(options)
        return self.lm.inside(ids, **options)

    def __getattr__(self, name):
        return getattr(self.lm, name)


def test_a_text_is_run_once_and_once_more_for_each_head():
    lm = Counted(smollm.load())
    widget = AttentionMap(lm, "a")
    assert (widget.heads, widget.effects, widget.off) == ([], [], False)
    assert lm.runs == [{}]
    found = [{"label": "one", "layer": 1, "head": 2, "score": 1}]
    AttentionMap(lm, "a", "b", heads=found)
    assert lm.runs[1:] == [{}, {}, *2 * [{"ablate": [(1, 2)]}]]


def test_the_effect_of_each_head_is_stored_and_any_other_is_answered():
    lm = smollm.load()
    text = "The capital of France is"
    found = [{"label": "is → France", "layer": 23, "head": 4, "score": 0.95, "text": text}]
    widget = AttentionMap(lm, "Hello", text, heads=found, layer=23, head=4)
    assert [(e["text"], e["layer"], e["head"]) for e in widget.effects] == [
        ("Hello", 23, 4),
        (text, 23, 4),
    ]
    effect = widget.effects[1]
    ids = [lm.start_id, *lm.tokenizer.encode(text)]
    p, q = (lm(ids, ablate=off).logits[-1].softmax(-1) for off in ([], [(23, 4)]))
    assert effect["moved"] == pytest.approx((p - q).clamp(min=0).sum().item(), abs=1e-4)
    paris = effect["next"][0]
    assert paris["t"] == " Paris"
    assert (paris["p"], paris["q"]) == pytest.approx((p.max().item(), q[paris["i"]].item()), 1e-3)
    assert {token["i"] for token in effect["next"]} == {
        *p.topk(5)[1].tolist(),
        *q.topk(5)[1].tolist(),
    }
    asked = widget.answer({"kind": "ablate", "text": text, "layer": 13, "head": 8})
    assert asked["moved"] < 0.1 < effect["moved"]
    assert "is → France: layer 23, head 4, 0.95" in widget.summary()
    assert "<caption>Heads found</caption>" in widget.fallback()


@pytest.mark.parametrize("place", [(30, 0), (0, 9), (0, -1)])
def test_a_head_that_is_not_there_is_a_sentence(place):
    widget = AttentionMap(smollm.load(), "a")
    with pytest.raises(ValueError, match=r"there is no head .* layers are 0 to 29"):
        widget.answer({"kind": "ablate", "text": "a", "layer": place[0], "head": place[1]})


def test_a_head_belongs_to_a_text_that_is_there():
    found = [{"label": "x", "layer": 0, "head": 0, "score": 1, "text": "b"}]
    with pytest.raises(ValueError, match="'x' has a text that is not among those"):
        AttentionMap(smollm.load(), "a", heads=found)


def test_compare_takes_the_likeliest_of_both():
    p, q = np.array([0.6, 0.3, 0.1, 0.0]), np.array([0.0, 0.3, 0.1, 0.6])
    assert compare(p, q, 1) == {
        "moved": 0.6,
        "next": [{"i": 0, "p": 0.6, "q": 0.0}, {"i": 3, "p": 0.0, "q": 0.6}],
    }

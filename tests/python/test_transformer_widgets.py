"""AttentionSteps, PositionalEncoding and MultiHead show what torch computes."""

import json
import math
from pathlib import Path

import pytest
import torch
from torch.nn import functional
from traitlets import TraitError

from lmkit.widgets import AttentionSteps, MultiHead, PositionalEncoding

VECTORS = Path(__file__).parent.parent / "data" / "transformer_widgets.json"
SHAPES = [(5, 3, 2, 2), (1, 1, 1, 1), (8, 4, 4, 3)]
PAIRS = [(4, 10), (64, 10_000), (128, 100_000)]


def oracle(x, w_q, w_k, w_v, causal, scaled):
    """torch's own attention."""
    q, k, v = x @ w_q, x @ w_k, x @ w_v
    scale = None if scaled else 1.0
    return functional.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=scale)


def cases():
    generator = torch.Generator().manual_seed(6)
    for n, d, d_k, d_v in SHAPES:
        sizes = [(n, d), (d, d_k), (d, d_k), (d, d_v)]
        made = [torch.randn(size, generator=generator, dtype=torch.float64) * 2 for size in sizes]
        for causal in (True, False):
            for scaled in (True, False):
                yield [m.round(decimals=2) for m in made], causal, scaled


def contents():
    attention = [
        {
            **dict(zip(("x", "w_q", "w_k", "w_v"), (m.tolist() for m in given), strict=True)),
            "causal": causal,
            "scaled": scaled,
            "output": oracle(*given, causal, scaled).numpy().round(9).tolist(),
        }
        for given, causal, scaled in cases()
    ]
    positions = [0, 1, 7, 99]
    encodings = [
        {"size": d, "base": base, "position": p, "row": formula(p, d, base)}
        for d, base in PAIRS
        for p in positions
    ]
    return {"attention": attention, "encodings": encodings}


def formula(p, d, base):
    """The unit's formula, entry by entry, with Python's own sine and cosine."""
    angles = [p / base ** (2 * (k // 2) / d) for k in range(d)]
    return [round((math.cos if k % 2 else math.sin)(a), 9) for k, a in enumerate(angles)]


def test_shared_vectors_are_current():
    """To write them anew: `python tests/python/test_transformer_widgets.py`."""
    stored, now = json.loads(VECTORS.read_text()), contents()
    assert len(stored["attention"]) == len(now["attention"]) == 12
    for old, new in zip(stored["attention"], now["attention"], strict=True):
        assert torch.tensor(old["output"]).allclose(torch.tensor(new["output"]), atol=1e-7)
    assert stored["encodings"] == now["encodings"]


@pytest.mark.parametrize(("given", "causal", "scaled"), list(cases()))
def test_steps_end_where_torchs_attention_ends(given, causal, scaled):
    words = [f"t{k}" for k in range(len(given[0]))]
    widget = AttentionSteps(words, *(m.tolist() for m in given), causal=causal, scaled=scaled)
    steps = widget.steps()
    torch.testing.assert_close(steps["output"], oracle(*given, causal, scaled))
    torch.testing.assert_close(steps["weights"].sum(-1), torch.ones(len(words)).double())
    assert (steps["weights"].triu(1) == 0).all() or not causal or len(words) == 1


def test_the_default_makes_its_point():
    weights = AttentionSteps().steps()["weights"]
    assert weights[2, 1] > 0.95, "sat looks at cat"
    assert "97.2%" in AttentionSteps().summary()
    both = AttentionSteps(causal=False).steps()["weights"][2]
    assert both[1] == both[4] > 0.45, "without the mask mat is as good as cat"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"x": [[1, 2]]}, "5 tokens need x with 5 rows"),
        ({"w_k": [[1], [2], [3]]}, "w_q and w_k must have the same shape"),
        ({"w_v": [[1, 2]]}, "as many rows as x has columns"),
        ({"x": [[0, 0, math.nan]] * 5}, "must be a number between"),
        ({"x": [[0, 0, 100]] * 5}, "must be a number between"),
        ({"x": []}, "must be matrices"),
        ({"tokens": ["a"] * 9, "x": [[1, 1, 1]] * 9}, "at most 8 tokens"),
    ],
)
def test_what_does_not_fit_is_a_sentence(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        AttentionSteps(**change)


@pytest.mark.parametrize(("d", "base"), PAIRS)
def test_encoding_is_the_units_formula(d, base):
    table = PositionalEncoding(size=d, base=base).encoding()
    rows = torch.tensor([formula(p, d, base) for p in range(100)])
    torch.testing.assert_close(table, rows, atol=1e-6, rtol=0)
    assert "0.84" in PositionalEncoding(size=d, base=base).summary()


@pytest.mark.parametrize("traits", [{"size": 5}, {"base": 2}, {"position": 100}, {"view": "x"}])
def test_no_other_encodings(traits):
    with pytest.raises(TraitError):
        PositionalEncoding(**traits)


# ---------------------------------------------------------------- MultiHead


def test_head_outputs_sum_to_what_the_oracles_attention_adds(model, oracle):
    ids = [model.start_id, *model.tokenizer.encode("The cat sat on the mat.")]
    added = {}
    hooks = [
        layer.self_attn.register_forward_hook(lambda m, i, o, k=k: added.update({k: o[0][0]}))
        for k, layer in enumerate(oracle.model.layers)
    ]
    with torch.no_grad():
        oracle(torch.tensor([ids]))
    for hook in hooks:
        hook.remove()
    for layer in (0, 13, 29):
        parts = model.head_outputs(model(ids))[layer]
        assert parts.shape == (9, len(ids), 576)
        torch.testing.assert_close(parts.sum(0), added[layer], atol=2e-3, rtol=1e-3)


def test_one_head_alone_is_what_the_oracle_adds_when_the_others_are_off(model, oracle):
    ids = [model.start_id, *model.tokenizer.encode("The cat sat")]
    attn = oracle.model.layers[4].self_attn
    found = []
    only = torch.zeros(576)
    only[64:128] = 1  # head 1
    keep = attn.o_proj.register_forward_pre_hook(lambda m, args: (args[0] * only,))
    take = attn.register_forward_hook(lambda m, i, o: found.append(o[0][0]))
    with torch.no_grad():
        oracle(torch.tensor([ids]))
    keep.remove(), take.remove()
    torch.testing.assert_close(model.head_outputs(model(ids))[4, 1], found[0], atol=1e-3, rtol=1e-3)


def test_multi_head_stores_weights_and_lengths(model):
    widget = MultiHead(model, "The cat sat on the mat.", layer=19, token=6)
    one = widget.texts[0]
    assert one["shape"] == [30, 9, 8]
    assert (one["width"], widget.head) == (576, -1)
    assert len(one["sizes"]) == 30 and len(one["sizes"][0][0]) == 8
    parts = model.head_outputs(model([token["i"] for token in one["tokens"]]))[19]
    assert one["sizes"][19][4][6] == pytest.approx(parts[4, 6].norm().item(), abs=0.006)
    assert one["total"][19][6] == pytest.approx(parts[:, 6].sum(0).norm().item(), abs=0.006)
    assert "layer 19, from token 6" in widget.summary()
    assert len(widget._repr_page()) < 50_000


def test_multi_head_refuses_what_does_not_fit(model):
    with pytest.raises(ValueError, match="at least one text"):
        MultiHead(model)
    widget = MultiHead(model, "a")
    for text in ("", "word " * 40):
        with pytest.raises(ValueError, match="this figure takes 1 to 23"):
            widget.answer({"kind": "multi-head", "text": text})


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(contents(), indent=None) + "\n")

"""GradientFlow against Jacobians multiplied step by step; what RecurrentUnroll stores."""

import base64
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.autograd.functional import jacobian
from traitlets import TraitError

from lmkit.rnn import CharRNN
from lmkit.widgets import GradientFlow, RecurrentUnroll
from lmkit.widgets.generate import random

VECTORS = Path(__file__).parent.parent / "data" / "recurrent_widgets.json"
H, CURVES = 12, ("RNN", "LSTM", "GRU", "f alone")
SETTINGS = [(0.9, 2.0, 50), (0.1, -2.0, 10), (1.5, 0.0, 35), (3.0, 6.0, 40), (1.0, 4.0, 100)]


def normal(seed, n):
    """Box and Muller's numbers, in numpy."""
    u = np.fromiter(itertools.islice(random(seed), n + n % 2), float).reshape(-1, 2)
    size, angle = np.sqrt(-2 * np.log1p(-u[:, 0])), 2 * np.pi * u[:, 1]
    return np.stack([size * np.cos(angle), size * np.sin(angle)], 1).ravel()[:n]


def orthogonal(seed):
    """Gram and Schmidt's rows, by Householder's QR."""
    q, r = np.linalg.qr(normal(seed, H * H).reshape(H, H).T)
    return torch.tensor((q * np.sign(np.diag(r))).T)


def oracle(kind, radius, bias, length):
    """The equations of the chapter, and their Jacobians as matrices, multiplied one by one."""
    u, w = ([orthogonal(seed) for seed in range(first, first + 8, 2)] for first in (1, 2))
    noise = torch.tensor(0.3 * normal(77, (length + 1) * H)).view(-1, H)

    def gates(s, x):
        return [w[k] @ x + radius * u[k] @ s[:H] for k in range(4)]

    def step(s, x):
        h, gate = s[:H], gates(s, x)
        if kind == "RNN":
            return gate[0].tanh()
        if kind != "GRU":
            c = (gate[1] + bias).sigmoid() * s[H:] + gate[0].sigmoid() * gate[2].tanh()
            return torch.cat([gate[3].sigmoid() * c.tanh(), c])
        z = (gate[1] + bias).sigmoid()
        n = (w[2] @ x + gate[0].sigmoid() * (radius * u[2] @ h)).tanh()
        return (1 - z) * n + z * h

    states = [torch.zeros(H if kind in ("RNN", "GRU") else 2 * H, dtype=torch.float64)]
    for x in noise:
        states.append(step(states[-1], x))
    g = torch.zeros_like(states[0])
    g[:H] = 1
    norms = [g.norm().item()]
    if kind == "f alone":  # formula (5.6): o (1 - tanh² c) of the last step, then forget gates
        g = gates(states[-2], noise[-1])[3].sigmoid() * (1 - states[-1][H:].tanh() ** 2)
    for s, x in reversed(list(zip(states[:-1], noise, strict=True))[1:]):
        if kind == "f alone":
            g = g * (gates(s, x)[1] + bias).sigmoid()
        else:
            g = g @ jacobian(lambda before, x=x: step(before, x), s)
        norms.append(g.norm().item())
    return [norm / norms[0] for norm in norms]


def contents():
    curves = [
        {
            "radius": radius,
            "bias": bias,
            "length": length,
            "curves": {
                kind: [float(f"{x:.9g}") for x in oracle(kind, radius, bias, length)]
                for kind in CURVES
            },
        }
        for radius, bias, length in SETTINGS
    ]
    h = torch.tensor([[0.5, -1.0], [0.0, 0.25], [-0.75, 1.0]])
    arrays = {"h": h, "c": 4 * h}
    packed = RecurrentUnroll(["a", "b", "c"], {"LSTM": arrays}).networks[0]["arrays"]
    return {
        "flow": curves,
        "packed": packed,
        "arrays": {name: a.tolist() for name, a in arrays.items()},
    }


def test_shared_vectors_are_current():
    """To write them anew: `python tests/python/test_recurrent_widgets.py`."""
    stored, now = json.loads(VECTORS.read_text()), contents()
    assert len(stored["flow"]) == len(now["flow"]) == 5
    for old, new in zip(stored.pop("flow"), now.pop("flow"), strict=True):
        assert [old[k] for k in ("radius", "bias", "length")] == [
            new[k] for k in ("radius", "bias", "length")
        ]
        for kind in CURVES:
            assert old["curves"][kind] == pytest.approx(new["curves"][kind], rel=1e-6)
    assert stored == now


@pytest.mark.parametrize(("radius", "bias", "length"), SETTINGS)
def test_curves_are_products_of_jacobians(radius, bias, length):
    curves = GradientFlow(radius=radius, bias=bias, length=length).curves()
    assert tuple(curves) == CURVES
    for kind, curve in curves.items():
        assert len(curve) == length + 1 and curve[0] == 1
        assert curve == pytest.approx(oracle(kind, radius, bias, length), rel=1e-7), kind


def left(**traits):
    return {name: curve[-1] for name, curve in GradientFlow(**traits).curves().items()}


def test_the_default_shows_an_lstm_that_mitigates_and_does_not_abolish():
    at_first = left()
    assert at_first["RNN"] < at_first["GRU"] < at_first["LSTM"] / 10 < 0.001
    assert at_first["f alone"] < at_first["LSTM"] / 1000, "most of it takes other ways"
    closed = left(bias=0)
    assert max(closed["LSTM"], closed["GRU"]) < closed["RNN"], "it hangs on the bias"
    opened = left(bias=4)
    assert min(opened["LSTM"], opened["GRU"]) > 0.3


def test_gradients_explode():
    assert left(radius=3)["RNN"] > 1000


def test_the_plain_face_of_the_flow():
    text = GradientFlow(length=20).summary()
    assert "spectral radius 0.9, bias 1" in text
    assert [line.split()[0] for line in text.splitlines()[2:]] == ["0", "5", "10", "20"]
    assert "<td>1</td>" in GradientFlow(length=20).fallback()


@pytest.mark.parametrize(
    "traits", [{"radius": 3.5}, {"bias": -3.0}, {"length": 5}, {"length": 1.5}]
)
def test_no_other_flow(traits):
    with pytest.raises(TraitError):
        GradientFlow(**traits)


# ---------------------------------------------------------- RecurrentUnroll


def traced(kind, n_steps=7, n_hidden=60):
    torch.manual_seed(0)
    model = CharRNN(kind, 9, n_embd=4, n_hidden=n_hidden)
    ids = torch.randint(9, (1, n_steps))
    return {name: a[0] for name, a in model.trace(ids).items()}


def unpacked(packed, n_steps):
    raw = np.frombuffer(base64.b64decode(packed["data"]), np.int8).reshape(n_steps, -1)
    return raw / 127 * packed["most"]


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_units_whose_state_varies_most_are_stored(kind):
    arrays = traced(kind)
    stored = RecurrentUnroll(list("The sun"), {kind.upper(): arrays}).networks[0]
    h = arrays["h"].numpy()
    assert stored["of"] == 60
    assert sorted(stored["units"]) == sorted(np.argsort(-h.std(0))[:40].tolist())
    moves = np.abs(np.diff(h, axis=0)).sum(0)[stored["units"]]
    assert (np.diff(moves) >= -1e-6).all(), "slow ones first"
    assert set(stored["arrays"]) == set(arrays)
    for name, packed in stored["arrays"].items():
        want = arrays[name][:, stored["units"]].numpy()
        assert np.abs(unpacked(packed, 7) - want).max() <= 0.51 * packed["most"] / 127


def test_cells_beyond_one_are_scaled():
    arrays = {"h": torch.zeros(2, 3), "c": torch.tensor([[-7.25, 0.0, 1.0], [3.0, 0.5, 2.0]])}
    stored = RecurrentUnroll(["a", "b"], {"LSTM": arrays}).networks[0]["arrays"]
    assert stored["h"]["most"] == 1 and stored["c"]["most"] == 7.25
    assert unpacked(stored["c"], 2)[0, 0] == -7.25


def test_the_plain_face_says_what_is_expected():
    expected = {"GRU": [[("<h", 0.5), ("x", 0.25)]] * 7}
    widget = RecurrentUnroll(
        list("The sun"), {"GRU": traced("gru"), "RNN": traced("rnn")}, expected
    )
    assert (widget.network, widget.step) == ("GRU", 6)
    assert widget.networks[1]["expected"] == []
    assert "GRU over 'The sun'" in widget.summary() and "'<h' 50%" in widget.summary()
    assert "<h" not in widget._repr_page()
    assert len(widget._repr_page()) < 20_000


def test_what_does_not_fit_is_a_sentence():
    h = torch.zeros(3, 4)
    for tokens, networks, sentence in [
        ([], {"RNN": {"h": h}}, "1 to 64 tokens, not 0"),
        (["a"] * 65, {"RNN": {"h": h}}, "1 to 64 tokens, not 65"),
        (["a"] * 3, {}, "at least one network"),
        (["a"] * 2, {"RNN": {"h": h}}, r"RNN must have an array h.*it has h \(3, 4\)"),
        (["a"] * 3, {"RNN": {"c": h}}, "must have an array h"),
        (["a"] * 3, {"RNN": {"h": h, "c": h[:, 1:]}}, r"c \(3, 3\)"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            RecurrentUnroll(tokens, networks)
    for options, sentence in [
        ({"network": "rnn"}, "network is 'rnn', not one of RNN"),
        ({"expected": {"rnn": [[]] * 3}}, "for any of RNN; it has 3 for rnn"),
        ({"expected": {"RNN": [[]] * 2}}, "expected must have 3 rows.*it has 2 for RNN"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            RecurrentUnroll(["a"] * 3, {"RNN": {"h": h}}, **options)


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(contents(), indent=None) + "\n")

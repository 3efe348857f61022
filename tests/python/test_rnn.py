"""The recurrent layers against torch's own: outputs, states and gradients."""

import doctest

import pytest
import torch
from torch import nn

from lmkit import rnn
from lmkit.rnn import CharRNN, CharRNNConfig, Recurrent

CLOSE = {"atol": 1e-5, "rtol": 1e-5}
PAIRS = [(rnn.RNN, nn.RNN), (rnn.LSTM, nn.LSTM), (rnn.GRU, nn.GRU)]
SIZES = [(1, 1, 1, 1), (3, 7, 5, 4), (2, 30, 3, 16)]  # B, T, D, H


def test_doctests():
    results = doctest.testmod(rnn)
    assert results.attempted == 5 and results.failed == 0


def twins(ours, theirs, d, h):
    torch.manual_seed(0)
    oracle = theirs(d, h, batch_first=True)
    layer = ours(d, h)
    layer.load_state_dict(oracle.state_dict())
    return layer, oracle


def flat(result):
    output, state = result
    return [output, *(state if isinstance(state, tuple) else (state,))]


def random_state(oracle, b, h):
    states = [
        torch.randn(1, b, h, requires_grad=True) for _ in range(1 + isinstance(oracle, nn.LSTM))
    ]
    return tuple(states) if len(states) > 1 else states[0]


@pytest.mark.parametrize("given", [False, True], ids=["zeros", "given"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_layer_is_torchs(ours, theirs, size, given):
    b, t, d, h = size
    layer, oracle = twins(ours, theirs, d, h)
    x = torch.randn(b, t, d, requires_grad=True)
    state = random_state(oracle, b, h) if given else None
    got, want = flat(layer(x, state)), flat(oracle(x, state))
    leaves = [x, *(flat((x, state))[1:] if given else [])]
    assert len(got) == len(want)
    for a, e in zip(got, want, strict=True):
        torch.testing.assert_close(a, e, **CLOSE)
    weight = [torch.randn_like(a) for a in got]
    grads = []
    for module, results in [(layer, got), (oracle, want)]:
        loss = sum((w * a).sum() for w, a in zip(weight, results, strict=True))
        grads.append(torch.autograd.grad(loss, [*leaves, *module.parameters()]))
    for a, e in zip(*grads, strict=True):
        torch.testing.assert_close(a, e, **CLOSE)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_parameters_have_torchs_names_and_count(ours, theirs):
    a, b = ours(5, 7), theirs(5, 7)
    assert {n: p.shape for n, p in a.named_parameters()} == {
        n: p.shape for n, p in b.named_parameters()
    }


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_state_is_all_that_is_carried(ours, theirs):
    layer = ours(3, 4)
    x = torch.randn(2, 9, 3)
    whole, last = layer(x)
    first, state = layer(x[:, :5])
    second, end = layer(x[:, 5:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, **CLOSE)
    for a, b in zip(flat((whole, end)), flat((whole, last)), strict=True):
        torch.testing.assert_close(a, b, **CLOSE)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_trace_gives_what_makes_the_state(ours, theirs):
    layer, oracle = twins(ours, theirs, 3, 4)
    x = torch.randn(2, 9, 3)
    seen = layer.trace(x)
    assert tuple(seen) == (*layer.gates, *layer.states)
    torch.testing.assert_close(seen["h"], oracle(x)[0], **CLOSE)
    before = {s: torch.cat([torch.zeros(2, 1, 4), seen[s][:, :-1]], 1) for s in layer.states}
    if ours is rnn.LSTM:
        torch.testing.assert_close(seen["f"] * before["c"] + seen["i"] * seen["g"], seen["c"])
        torch.testing.assert_close(seen["o"] * seen["c"].tanh(), seen["h"])
    if ours is rnn.GRU:
        z = seen["z"]
        torch.testing.assert_close((1 - z) * seen["n"] + z * before["h"], seen["h"], **CLOSE)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_says_what_is_wrong(ours, theirs):
    with pytest.raises(ValueError, match="one layer in one direction"):
        ours(3, 4, num_layers=2)
    with pytest.raises(ValueError, match="one layer in one direction"):
        ours(3, 4, bidirectional=True)
    with pytest.raises(ValueError, match="has no weight_ih_l1"):
        ours(3, 4).load_state_dict(theirs(3, 4, num_layers=2).state_dict())
    with pytest.raises(ValueError, match=r"not \(2, 5\)"):
        ours(3, 4)(torch.zeros(2, 5))
    with pytest.raises(ValueError, match="with a step or more"):
        ours(3, 4)(torch.zeros(2, 0, 3))
    wrong = (torch.zeros(1, 3, 4),) * 2 if ours is rnn.LSTM else torch.zeros(1, 3, 4)
    right = torch.zeros(1, 2, 4)
    others = right if ours is rnn.LSTM else (right, right)  # an LSTM's state to a GRU, or back
    for state in (wrong, others):
        with pytest.raises(ValueError, match="the state must be h"):
            ours(3, 4)(torch.zeros(2, 5, 3), state)


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_language_model_is_torchs(kind):
    torch.manual_seed(0)
    model = CharRNN(kind, 11, n_embd=5, n_hidden=6)
    oracle = getattr(nn, kind.upper())(5, 6, batch_first=True)
    oracle.load_state_dict(model.layer.state_dict())
    ids = torch.randint(11, (3, 8))
    want = model.head(oracle(model.embed(ids))[0])
    torch.testing.assert_close(model(ids), want, **CLOSE)
    assert model.config == CharRNNConfig(kind, 11, 5, 6)
    assert isinstance(model.layer, Recurrent)


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_generation_carries_the_state(kind):
    torch.manual_seed(0)
    model = CharRNN(kind, 11, n_embd=5, n_hidden=6)
    start = [3, 1, 4]
    got = list(model.generate_ids(start, 12, temperature=0))
    ids = list(start)
    for _ in range(12):  # without a state: the whole text again at each step
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    assert got == ids[3:]
    assert list(model.generate_ids(start, 20, seed=1)) == list(
        model.generate_ids(start, 20, seed=1)
    )


def test_language_model_says_what_is_wrong():
    with pytest.raises(ValueError, match="kind must be one of rnn, lstm, gru"):
        CharRNN("tree", 11)
    model = CharRNN("rnn", 11, 4, 4)
    with pytest.raises(ValueError, match="ids are empty"):
        model.generate_ids([])
    with pytest.raises(ValueError, match="temperature"):
        model.generate_ids([1], temperature=-1)

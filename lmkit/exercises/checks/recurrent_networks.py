"""Checks of the coding exercises of chapter 5. A docstring's later lines are the staged hints."""

import torch
from torch import nn

from lmkit.checks import expect


def rnn_states(student):
    """All hidden states of a vanilla network.

    The first state before any input is h0; each later one is made of the input and the one before.
    Which matrix has D columns, and which has as many as it has rows?
    tanh is taken of the whole sum, once a step; collect every h_t and stack them.
    """
    one = torch.ones(1, 1, dtype=torch.float64)
    x = torch.tensor([[1.0], [0.0], [0.0]], dtype=torch.float64)
    h0 = torch.zeros(1, dtype=torch.float64)
    got = student(x, one, 2 * one, 0 * one[0], h0)
    want = [[0.761594], [0.909314], [0.948740]]  # tanh 1, tanh(2 tanh 1), …
    call = "rnn_states([[1], [0], [0]], W_x = [[1]], W_h = [[2]], b = [0], h0 = [0])"
    expect(got, torch.tensor(want), call, "Feed the new state back, not the old one or the input.")
    oracle, x, h0 = _oracle(nn.RNN, 3, 4)
    want = oracle(x[None], h0[None, None])[0][0]
    w_x, w_h = oracle.weight_ih_l0, oracle.weight_hh_l0
    b = oracle.bias_ih_l0 + oracle.bias_hh_l0
    call = "rnn_states of 5 random inputs with D = 3, H = 4 and a given h0"
    hint = "Is h0 where it begins, is b in the sum, and is it W_h @ h, not h @ W_h?"
    expect(student(x, w_x, w_h, b, h0), want, call, hint)


def clip_by_norm(student):
    """Gradients of several parameters, scaled down together to a norm of at most c.

    The norm is taken over all numbers of all gradients at once.
    If it is c or less, also where it is 0, nothing changes; no gradient is ever made longer.
    Multiply each gradient by the same number, so that the direction stays.
    """
    a, b = torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])
    shown = "clip_by_norm([[3, 0], [[4]]], {})"
    hint = "Together they have the norm 5, so each number is divided by 5 and multiplied by c."
    given = [a.clone(), b.clone()]
    expect(student(given, 1.0), [a / 5, b / 5], shown.format(1), hint)
    again = "clip_by_norm([[3, 0], [[4]]], 1) changed what it was given, which then"
    expect(given, [a, b], again, "Make new tensors: g * s changes nothing, g *= s does.")
    expect(student([a, b], 2.5), [a / 2, b / 2], shown.format(2.5), hint)
    expect(student([a, b], 10.0), [a, b], shown.format(10), "A short gradient stays as it is.")
    expect(student([-a, b], 1.0), [-a / 5, b / 5], "clip_by_norm([[-3, 0], [[4]]], 1)")
    call = "clip_by_norm([[0, 0], [[0]]], 1)"
    expect(student([0 * a, 0 * b], 1.0), [0 * a, 0 * b], call, "Do not divide by a norm of 0.")


def lstm_step(student):
    """One step of an LSTM: the new h and the new c.

    W x + U h + b has 4H rows: those of i, then f, then g, then o.
    Three of the four pass a sigmoid; the candidate g passes a tanh.
    The new cell is f · c + i · g; the new state is o · tanh of the new cell.
    """
    oracle, x, _ = _oracle(nn.LSTM, 3, 4)
    weights = _weights(oracle)
    call = "lstm_step with random weights, D = 3, H = 4, {}"
    h, c = torch.zeros(2, 4)
    hint = "Check the order i, f, g, o, and which of them passes a tanh."
    for name, x_t in zip(["h = c = 0", "the h and c of the step before"], x, strict=False):
        want_h, want_c = (
            s[0, 0] for s in oracle(x_t[None, None], (h[None, None], c[None, None]))[1]
        )
        expect(student(x_t, h, c, *weights), (want_h, want_c), call.format(name), hint)
        h, c = want_h, want_c
    c = torch.tensor([3.0, -3.0, 1.0, 0.0])
    want_h, want_c = (s[0, 0] for s in oracle(x[:1][None], (h[None, None], c[None, None]))[1])
    expect(student(x[0], h, c, *weights), (want_h, want_c), call.format("a large c"), hint)


def gru_step(student):
    """One step of a GRU: the new h.

    W x + b_W and U h + b_U have 3H rows each: those of r, then z, then n.
    The reset gate r multiplies the candidate's part of U h + b_U, before the tanh.
    The update gate z says how much of the old h stays: h = (1 - z) · n + z · h.
    """
    oracle, x, h = _oracle(nn.GRU, 3, 4)
    weights = (oracle.weight_ih_l0, oracle.weight_hh_l0, oracle.bias_ih_l0, oracle.bias_hh_l0)
    call = "gru_step with random weights, D = 3, H = 4, {}"
    hint = "Check the order r, z, n, which part r multiplies, and which part z keeps."
    for name, x_t in zip(["a random h", "the h of the step before"], x, strict=False):
        want = oracle(x_t[None, None], h[None, None])[1][0, 0]
        expect(student(x_t, h, *weights), want, call.format(name), hint)
        h = want


@torch.no_grad()
def _oracle(layer, d, n):
    """Torch's layer with random weights, five inputs (5, d) and a state (n,)."""
    draw = torch.Generator().manual_seed(5)
    oracle = layer(d, n, batch_first=True).requires_grad_(False)
    for p in oracle.parameters():
        p.copy_(torch.randn(p.shape, generator=draw))
    return oracle, torch.randn(5, d, generator=draw), torch.randn(n, generator=draw).tanh()


def _weights(oracle):
    return oracle.weight_ih_l0, oracle.weight_hh_l0, oracle.bias_ih_l0 + oracle.bias_hh_l0

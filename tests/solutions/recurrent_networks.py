"""Right and wrong answers to the coding exercises of chapter 5."""

import math

import numpy as np
import torch
from torch import nn

# ---------------------------------------------------------------- rnn_states


def _states_loop(x, w_x, w_h, b, h0):
    states, h = [], h0
    for x_t in x:
        h = (w_x @ x_t + w_h @ h + b).tanh()
        states.append(h)
    return torch.stack(states)


def _states_numpy(x, w_x, w_h, b, h):
    x, w_x, w_h, b, h = (np.asarray(a) for a in (x, w_x, w_h, b, h))
    out = np.empty((len(x), len(b)))
    inputs = x @ w_x.T + b
    for t in range(len(x)):
        h = out[t] = np.tanh(inputs[t] + w_h @ h)
    return out


def _states_torch(x, w_x, w_h, b, h0):
    layer = nn.RNNCell(x.shape[1], len(b)).to(x.dtype)
    layer.load_state_dict(
        {"weight_ih": w_x, "weight_hh": w_h, "bias_ih": b, "bias_hh": torch.zeros_like(b)}
    )
    states = [h0]
    for x_t in x:
        states.append(layer(x_t, states[-1]).detach())
    return [s.tolist() for s in states[1:]]


def _states_with(step, keep=lambda states: torch.stack(states)):
    def answer(x, w_x, w_h, b, h0):
        states, h = [], h0
        for x_t in x:
            h = step(x_t, h, w_x, w_h, b)
            states.append(h)
        return keep(states)

    return answer


def _states_not_fed_back(x, w_x, w_h, b, h0):
    return torch.stack([(w_x @ x_t + w_h @ h0 + b).tanh() for x_t in x])


def _states_from_zero(x, w_x, w_h, b, h0):
    return _states_loop(x, w_x, w_h, b, torch.zeros_like(h0))


def _states_early(x, w_x, w_h, b, h0):
    return torch.stack([h0, *_states_loop(x, w_x, w_h, b, h0)[:-1]])


# -------------------------------------------------------------- clip_by_norm


def _clip_loop(grads, c):
    norm = _norm(grads)
    return [g * c / norm if norm > c else g for g in grads]


def _clip_cat(grads, c):
    norm = torch.cat([g.flatten() for g in grads]).norm()
    return tuple(g * min(1.0, c / norm) for g in grads)


def _clip_torch(grads, c):
    params = [nn.Parameter(torch.zeros_like(g)) for g in grads]
    for p, g in zip(params, grads, strict=True):
        p.grad = g.clone()
    nn.utils.clip_grad_norm_(params, c)
    return [p.grad for p in params]


def _clip_squared(grads, c):
    norm = sum((g**2).sum() for g in grads)
    return [g * min(1.0, c / norm) for g in grads]


def _clip_always(grads, c):
    return [g * c / _norm(grads) for g in grads]


def _clip_in_place(grads, c):
    norm = _norm(grads)
    return [g.mul_(c / norm) if norm > c else g for g in grads]


def _norm(grads):
    return math.sqrt(sum(float((g**2).sum()) for g in grads))


# ----------------------------------------------------------------- lstm_step


def _lstm(x, h, c, w, u, b, order="ifgo", cell=torch.tanh, leak=None):
    a = dict(zip(order, (w @ x + u @ h + b).chunk(4), strict=True))
    i, f, o = (a[k].sigmoid() for k in "ifo")
    new = (leak(f) if leak else f) * c + i * cell(a["g"])
    return o * new.tanh(), new


def _lstm_rows(x, h, c, w, u, b):
    n = len(h)
    a = w @ x + u @ h + b
    i, f, o = a[:n].sigmoid(), a[n : 2 * n].sigmoid(), a[3 * n :].sigmoid()
    new = f * c + i * torch.tanh(a[2 * n : 3 * n])
    return [o * torch.tanh(new), new]


def _lstm_numpy(x, h, c, w, u, b):
    x, h, c, w, u, b = (np.asarray(a) for a in (x, h, c, w, u, b))
    i, f, g, o = np.split(np.concatenate([w, u], 1) @ np.concatenate([x, h]) + b, 4)
    i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
    new = f * c + i * np.tanh(g)
    return o * np.tanh(new), new


def _lstm_cell(x, h, c, w, u, b):
    cell = nn.LSTMCell(len(x), len(h))
    cell.load_state_dict(
        {"weight_ih": w, "weight_hh": u, "bias_ih": b, "bias_hh": torch.zeros_like(b)}
    )
    new_h, new_c = cell(x, (h, c))
    return new_h.detach(), new_c.detach()


def _lstm_no_last_tanh(x, h, c, w, u, b):
    o = (w @ x + u @ h + b).chunk(4)[3].sigmoid()
    new = _lstm(x, h, c, w, u, b)[1]
    return o * new, new


def _lstm_old_cell(x, h, c, w, u, b):
    o = (w @ x + u @ h + b).chunk(4)[3].sigmoid()
    return o * c.tanh(), _lstm(x, h, c, w, u, b)[1]


# ------------------------------------------------------------------ gru_step


def _gru(x, h, w, u, b_w, b_u, order="rzn", swap=False):
    a = dict(zip(order, (w @ x + b_w).chunk(3), strict=True))
    v = dict(zip(order, (u @ h + b_u).chunk(3), strict=True))
    r, z = ((a[k] + v[k]).sigmoid() for k in "rz")
    n = (a["n"] + r * v["n"]).tanh()
    return z * n + (1 - z) * h if swap else (1 - z) * n + z * h


def _gru_rows(x, h, w, u, b_w, b_u):
    k = len(h)
    r = torch.sigmoid(w[:k] @ x + b_w[:k] + u[:k] @ h + b_u[:k])
    z = torch.sigmoid(w[k : 2 * k] @ x + b_w[k : 2 * k] + u[k : 2 * k] @ h + b_u[k : 2 * k])
    n = torch.tanh(w[2 * k :] @ x + b_w[2 * k :] + r * (u[2 * k :] @ h + b_u[2 * k :]))
    return n + z * (h - n)


def _gru_cell(x, h, w, u, b_w, b_u):
    cell = nn.GRUCell(len(x), len(h))
    cell.load_state_dict({"weight_ih": w, "weight_hh": u, "bias_ih": b_w, "bias_hh": b_u})
    return cell(x, h).tolist()


def _gru_reset_on_h(x, h, w, u, b_w, b_u):
    """As Cho et al. have it: r multiplies h before the matrix."""
    r, z, _ = (a.sigmoid() for a in (w @ x + b_w + u @ h + b_u).chunk(3))
    k = len(h)
    n = (w[2 * k :] @ x + b_w[2 * k :] + u[2 * k :] @ (r * h) + b_u[2 * k :]).tanh()
    return (1 - z) * n + z * h


def _gru_no_reset(x, h, w, u, b_w, b_u):
    a, v = w @ x + b_w, u @ h + b_u
    _, z, _ = ((a + v).sigmoid()).chunk(3)
    n = (a + v).chunk(3)[2].tanh()
    return (1 - z) * n + z * h


def _gru_reset_all(x, h, w, u, b_w, b_u):
    a, v = (w @ x + b_w).chunk(3), (u @ h + b_u).chunk(3)
    r, z = (a[0] + v[0]).sigmoid(), (a[1] + v[1]).sigmoid()
    n = (r * (a[2] + v[2])).tanh()
    return (1 - z) * n + z * h


RIGHT = {
    "rnn_states": [_states_loop, _states_numpy, _states_torch],
    "clip_by_norm": [_clip_loop, _clip_cat, _clip_torch],
    "lstm_step": [_lstm, _lstm_rows, _lstm_numpy, _lstm_cell],
    "gru_step": [_gru, _gru_rows, _gru_cell],
}
WRONG = {
    "rnn_states": [
        _states_not_fed_back,
        _states_from_zero,
        _states_early,  # h0 … h_{T-1}
        _states_with(lambda x, h, w_x, w_h, b: (w_x @ x + b).tanh() + w_h @ h),  # tanh too early
        _states_with(lambda x, h, w_x, w_h, b: w_x @ x + w_h @ h + b),  # no tanh
        _states_with(lambda x, h, w_x, w_h, b: (w_x @ x + w_h.T @ h + b).tanh()),  # transposed
        _states_with(lambda x, h, w_x, w_h, b: (w_x @ x + w_h @ h).tanh()),  # no bias
        _states_with(
            lambda x, h, w_x, w_h, b: (w_x @ x + w_h @ h + b).tanh(), lambda states: states[-1]
        ),  # the last alone
    ],
    "clip_by_norm": [
        lambda grads, c: [g.clamp(-c, c) for g in grads],  # each number
        lambda grads, c: [g * min(1.0, c / g.norm()) for g in grads],  # each gradient by itself
        _clip_always,  # lengthens short ones
        _clip_in_place,  # the given tensors
        lambda grads, c: [g * min(1.0, c / _norm(grads)) for g in grads],  # 0 / 0 of no gradient
        _clip_squared,  # without the root
        lambda grads, c: [g / max(1.0, float(g.abs().max()) / c) for g in grads],  # greatest entry
    ],
    "lstm_step": [
        lambda *a: _lstm(*a, order="figo"),
        lambda *a: _lstm(*a, order="ifog"),
        lambda *a: _lstm(*a, cell=torch.sigmoid),  # the candidate too passes a sigmoid
        lambda *a: _lstm(*a, leak=lambda f: 1 - f),  # forget gate upside down
        lambda *a: _lstm(*a, leak=torch.ones_like),  # 1997: no forget gate
        lambda *a: _lstm(*a)[::-1],  # c, h
        _lstm_no_last_tanh,
        _lstm_old_cell,
    ],
    "gru_step": [
        lambda *a: _gru(*a, order="zrn"),
        lambda *a: _gru(*a, swap=True),  # z upside down, as Chung et al. have it
        _gru_reset_on_h,
        _gru_no_reset,
        _gru_reset_all,
    ],
}

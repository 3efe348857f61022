"""Right and wrong answers to the coding exercises of chapter 6."""

import math

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

# ------------------------------------------------------------ causal_weights


def _causal(q, k, root=None, axis=-1, shift=1, late=False):
    scores = q @ k.T / (math.sqrt(q.shape[-1]) if root is None else root)
    hidden = torch.ones(len(q), len(k), dtype=torch.bool).triu(shift)
    if late:
        return scores.softmax(axis).masked_fill(hidden, 0)
    return scores.masked_fill(hidden, -torch.inf).softmax(axis)


def _causal_loop(q, k):
    rows = []
    for t in range(len(q)):
        powers = [math.exp(float(q[t] @ k[s]) / len(q[t]) ** 0.5) for s in range(t + 1)]
        rows.append([p / sum(powers) for p in powers] + [0.0] * (len(k) - t - 1))
    return rows


def _causal_numpy(q, k):
    q, k = np.asarray(q), np.asarray(k)
    powers = np.tril(np.exp(q @ k.T / np.sqrt(q.shape[1])))
    return powers / powers.sum(1, keepdims=True)


# ------------------------------------------------------------- several_heads


def _heads(x, w_q, w_k, w_v, w_o, n_head, width=None):
    def split(y):
        return y.view(len(x), n_head, -1).transpose(0, 1)

    q, k, v = split(x @ w_q), split(x @ w_k), split(x @ w_v)
    weights = (q @ k.mT / math.sqrt(width or q.shape[-1])).softmax(-1)
    return (weights @ v).transpose(0, 1).reshape(x.shape) @ w_o


def _heads_loop(x, w_q, w_k, w_v, w_o, n_head):
    d_k = x.shape[1] // n_head
    out = 0
    for i in range(n_head):
        part = slice(i * d_k, (i + 1) * d_k)
        scores = (x @ w_q[:, part]) @ (x @ w_k[:, part]).T / d_k**0.5
        out = out + scores.softmax(1) @ (x @ w_v[:, part]) @ w_o[part]
    return out


def _heads_einsum(x, w_q, w_k, w_v, w_o, n_head):
    q, k, v = ((x @ w).unflatten(1, (n_head, -1)) for w in (w_q, w_k, w_v))  # (T, H, d_k)
    weights = torch.einsum("thd,shd->hts", q, k).div(q.shape[-1] ** 0.5).softmax(-1)
    return torch.einsum("hts,shd->thd", weights, v).flatten(1) @ w_o


def _heads_interleaved(x, w_q, w_k, w_v, w_o, n_head):
    q, k, v = ((x @ w).view(len(x), -1, n_head).permute(2, 0, 1) for w in (w_q, w_k, w_v))
    weights = (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1)
    return (weights @ v).permute(1, 2, 0).reshape(x.shape) @ w_o


def _heads_not_back(x, w_q, w_k, w_v, w_o, n_head):
    q, k, v = ((x @ w).view(len(x), n_head, -1).transpose(0, 1) for w in (w_q, w_k, w_v))
    weights = (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1)
    return (weights @ v).reshape(x.shape) @ w_o


def _heads_wrong_split(x, w_q, w_k, w_v, w_o, n_head):
    q, k, v = ((x @ w).view(n_head, len(x), -1) for w in (w_q, w_k, w_v))
    weights = (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1)
    return (weights @ v).transpose(0, 1).reshape(x.shape) @ w_o


# ----------------------------------------------------------------- sinusoids


def _sinusoids(n, d, base=10000, first=0, power=2.0, swap=False, halves=False):
    pos = torch.arange(first, n + first)[:, None]
    angle = pos / base ** (power * torch.arange(d // 2) / d)
    pair = [angle.cos(), angle.sin()] if swap else [angle.sin(), angle.cos()]
    return torch.cat(pair, 1) if halves else torch.stack(pair, -1).flatten(1)


def _sinusoids_loop(n, d, base=10000):
    table = torch.zeros(n, d)
    for pos in range(n):
        for i in range(0, d, 2):
            angle = pos / base ** (i / d)
            table[pos, i], table[pos, i + 1] = math.sin(angle), math.cos(angle)
    return table


def _sinusoids_numpy(n, d, base=10000):
    column = np.arange(d)
    angle = np.outer(np.arange(n), np.power(float(base), -(column - column % 2) / d))
    return np.where(column % 2, np.cos(angle), np.sin(angle))


# --------------------------------------------------------------- attend_next


def _next(q, k, v, keys, values, root=None):
    keys, values = torch.cat([keys, k[None]]), torch.cat([values, v[None]])
    weights = (keys @ q / (root or math.sqrt(len(q)))).softmax(-1)
    return weights @ values, keys, values


def _next_torch(q, k, v, keys, values):
    keys, values = torch.vstack([keys, k]), torch.vstack([values, v])
    out = F.scaled_dot_product_attention(q[None, None], keys[None], values[None])
    return [out[0, 0], keys, values]


def _next_loop(q, k, v, keys, values):
    keys, values = [*keys, k], [*values, v]
    powers = [torch.exp(key @ q / len(q) ** 0.5) for key in keys]
    out = sum(p * value for p, value in zip(powers, values, strict=True)) / sum(powers)
    return out, torch.stack(keys), torch.stack(values)


def _next_without_itself(q, k, v, keys, values):
    weights = (keys @ q / math.sqrt(len(q))).softmax(-1)
    return weights @ values, torch.cat([keys, k[None]]), torch.cat([values, v[None]])


def _next_on_top(q, k, v, keys, values):
    keys, values = torch.cat([k[None], keys]), torch.cat([v[None], values])
    return (keys @ q / math.sqrt(len(q))).softmax(-1) @ values, keys, values


def _next_forgets(q, k, v, keys, values):
    return _next(q, k, v, keys, values)[0], keys, values


def _next_sums(q, k, v, keys, values):
    keys, values = torch.cat([keys, k[None]]), torch.cat([values, v[None]])
    return (keys @ q / math.sqrt(len(q))) @ values, keys, values


RIGHT = {
    "causal_weights": [_causal, _causal_loop, _causal_numpy],
    "several_heads": [_heads, _heads_loop, _heads_einsum],
    "sinusoids": [_sinusoids, _sinusoids_loop, _sinusoids_numpy],
    "attend_next": [_next, _next_torch, _next_loop],
}
WRONG = {
    "causal_weights": [
        lambda q, k: _causal(q, k, root=1),  # not scaled
        lambda q, k: _causal(q, k, root=q.shape[-1]),  # by d_k, not its root
        lambda q, k: _causal(q, k, root=math.sqrt(len(q))),  # by the root of T
        lambda q, k: _causal(q, k, shift=2),  # sees one token too many
        lambda q, k: _causal(q, k, late=True),  # masked after the softmax
        lambda q, k: _causal(q, k, axis=0),  # wrong axis
        lambda q, k: _causal(k, q),  # keys ask
        lambda q, k: _causal(q.flip(0), k.flip(0)).flip(0, 1),  # looks forward
        lambda q, k: (q @ k.T / math.sqrt(q.shape[-1])).softmax(-1),  # no mask
        lambda q, k: (q @ k.T / math.sqrt(q.shape[-1])).tril().softmax(-1),  # 0 instead of −∞
    ],
    "several_heads": [
        lambda x, *w: _heads(x, *w[:-1], 1),  # one wide head
        lambda x, *w: _heads(x, *w, width=x.shape[1]),  # scaled by the width of x
        lambda x, *w: _heads(x, *w, width=1),  # not scaled
        lambda x, *w: _heads(x, *w[:3], torch.eye(len(w[3])), w[4]),  # without W_o
        lambda x, *w: _heads(x, *w[:3], w[3].T, w[4]),  # W_o transposed
        _heads_interleaved,
        _heads_not_back,
        _heads_wrong_split,
    ],
    "sinusoids": [
        lambda n, d, base=10000: _sinusoids(n, d, base, swap=True),  # cosine first
        lambda n, d, base=10000: _sinusoids(n, d, base, halves=True),  # all sines first
        lambda n, d, base=10000: _sinusoids(n, d, base, power=1.0),  # i for 2i
        lambda n, d, base=10000: _sinusoids(n, d, base, first=1),  # places from 1
        lambda n, d, base=10000: _sinusoids(n, d),  # deaf to the base
        lambda n, d, base=10000: _sinusoids(n, d, 1 / base),  # upside down
        lambda n, d, base=10000: _sinusoids(n, d, base).T,  # rows and columns
    ],
    "attend_next": [
        lambda *a: _next(*a, root=1),  # not scaled
        lambda *a: _next(*a, root=len(a[0])),  # by d_k, not its root
        _next_without_itself,
        _next_on_top,
        _next_forgets,
        _next_sums,
        lambda q, k, v, keys, values: _next(k, q, v, keys, values),  # query and key exchanged
    ],
}

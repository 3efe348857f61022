"""Checks of the coding exercises of chapter 6. A docstring's later lines are the staged hints."""

from math import log, sqrt

import torch

from lmkit.checks import expect


def causal_weights(student):
    """The attention weights of a causal head, from its queries and keys.

    Row t holds the weights of token t: the softmax goes along the row, over the keys.
    Scores are divided by the root of d_k, the number of columns of q.
    Hide what comes later before the softmax, by −∞; a token may look at itself.
    """
    zero = torch.zeros(3, 2)
    want = torch.tensor([[1, 0, 0], [1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3]])
    hint = "With equal scores token t shares its weight among itself and those before."
    expect(student(zero, zero), want, "causal_weights(zeros (3, 2), zeros (3, 2))", hint)
    q = torch.tensor([[1.0, 0, 0, 0], [0, 2 * log(3), 0, 0], [2 * log(2), 2 * log(4), 0, 0]])
    k = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0]])
    # scores of the last rows: 0, log 3 and log 2, log 4, log 8
    want = torch.tensor([[1, 0, 0], [1 / 4, 3 / 4, 0], [2 / 14, 4 / 14, 8 / 14]])
    call = "causal_weights([[1, 0, 0, 0], [0, 2.197, 0, 0], [1.386, 2.773, 0, 0]], "
    call += "[[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0]])"
    hint = "The scores of its last row are log 2, log 4 and log 8."
    expect(student(q, k), want, call, hint)


def several_heads(student):
    """Several attention heads side by side, without a mask, joined by a matrix.

    Head i has columns i · d_k to (i + 1) · d_k of x @ W_q, and the same of the others.
    Scores are divided by the root of d_k, the width of a head and not of x.
    Lay the heads side by side again, (T, d), and multiply by W_o.
    """
    one = torch.eye(4)
    x = torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8], [0, 1, 0, 1]])
    zero = torch.zeros(4, 4)
    call = "several_heads(x, 0, 0, the identity, the identity, 2) for x of 3 rows"
    hint = "With equal scores each head's result is the mean of its columns, for each token."
    want = x.mean(0).expand(3, 4)
    expect(student(x, zero, zero, one, one, 2), want, call, hint)
    x = torch.tensor([[1.0, 0, 0, 2], [0, 1, 3, 0], [1, 1, 0, 1]])
    w_o = torch.tensor([[1.0, 2, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0], [3, 0, 0, 1]])
    w_v = torch.tensor([[1.0, 0, 0, 1], [0, 1, 1, 0], [2, 0, 1, 0], [0, 0, 1, 1]])
    w_q = torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 2]])
    for n_head in (1, 2):
        want = _heads(x, w_q, one, w_v, w_o, n_head)
        call = f"several_heads(x, W_q, W_k, W_v, W_o, {n_head}) for matrices of whole numbers"
        expect(student(x, w_q, one, w_v, w_o, n_head), want, call, "Compare it with a loop.")


def sinusoids(student):
    """The sinusoidal position encodings, a row for each place and a column for each dimension.

    Columns come in pairs: 2i is a sine and 2i + 1 the cosine of the same angle.
    The angle is pos / base^(2i/d): pairs are counted from 0, and the first turns by 1 a place.
    Places are counted from 0, so the first row is 0, 1, 0, 1 and so on.
    """
    hint = "At place 0 all sines are 0 and all cosines 1."
    expect(student(1, 4), torch.tensor([[0.0, 1, 0, 1]]), "sinusoids(1, 4)", hint)
    want = torch.tensor([[0, 1, 0, 1], [0.841471, 0.540302, 0.099833, 0.995004]])
    hint = "Row 1 is sin 1, cos 1, sin 0.1, cos 0.1."
    expect(student(2, 4, base=100), want, "sinusoids(2, 4, base=100)", hint)
    got = student(3, 6)[2]
    want = torch.tensor([0.909297, -0.416147, 0.092699, 0.995694, 0.004309, 0.999991])
    hint = "The base is 10000 unless another is given: angles are 2, 2/21.54 and 2/464.2."
    expect(got, want, "the last row of sinusoids(3, 6)", hint)


def attend_next(student):
    """One step of attention with a cache: a new token looks at those before and at itself.

    First put the new key and value below those in the cache: the new token may look at itself.
    Score every key with the one query, divide by the root of d_k, take the softmax.
    Return three things: the weighted sum of the values, and the longer keys and values.
    """
    q, k, v = (torch.tensor(x) for x in ([0.0, 0.0], [1.0, 1.0], [6.0]))
    keys, values = torch.zeros(2, 2), torch.tensor([[0.0], [3.0]])
    call = "attend_next([0, 0], [1, 1], [6], two keys, values [[0], [3]])"
    out, more_keys, more_values = student(q, k, v, keys, values)
    expect(out, torch.tensor([3.0]), f"the first result of {call}", "The mean of 0, 3 and 6.")
    want = torch.tensor([[0.0, 0], [0, 0], [1, 1]])
    expect(more_keys, want, f"the keys of {call}", "The new key is the last row.")
    want = torch.tensor([[0.0], [3.0], [6.0]])
    expect(more_values, want, f"the values of {call}", "The new value is the last row.")
    q = sqrt(2) * torch.tensor([log(2), log(3)])
    keys, values = torch.tensor([[1.0, 0], [0, 1]]), torch.tensor([[1.0, 0], [0, 1]])
    k, v = torch.tensor([1.0, 1.0]), torch.tensor([11.0, 11.0])
    call = "attend_next([0.980, 1.554], [1, 1], [11, 11], [[1, 0], [0, 1]], [[1, 0], [0, 1]])"
    hint = "The scores are log 2, log 3 and log 6, so the weights are 2/11, 3/11 and 6/11."
    want = torch.tensor([68 / 11, 69 / 11])
    expect(student(q, k, v, keys, values)[0], want, f"the first result of {call}", hint)
    first = student(q, k, v, torch.empty(0, 2), torch.empty(0, 2))[0]
    expect(first, v, "the first result of attend_next(q, k, [11, 11], no keys, no values)")


def _heads(x, w_q, w_k, w_v, w_o, n_head):
    """The same as a loop, by torch's own attention."""
    d_k = x.shape[1] // n_head
    heads = zip(*((x @ w)[None].split(d_k, dim=-1) for w in (w_q, w_k, w_v)), strict=True)
    attend = torch.nn.functional.scaled_dot_product_attention
    return torch.cat([attend(q, k, v)[0] for q, k, v in heads], dim=1) @ w_o

"""Right and wrong answers to the coding exercises of chapter 3."""

import math

import numpy as np
import torch

from lmkit.embeddings import WordVectors


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _analogy(
    words,
    vectors,
    a,
    b,
    c,
    scale=_unit,
    left_out=(0, 1, 2),
    signs=(-1, 1, 1),
    rows=None,
    low=-np.inf,
):
    unit = scale(vectors)
    ids = [words.index(word) for word in (a, b, c)]
    scores = (unit if rows is None else rows(vectors)) @ sum(
        s * unit[i] for s, i in zip(signs, ids, strict=True)
    )
    scores[[ids[k] for k in left_out]] = low
    return words[int(scores.argmax())]


def _analogy_loop(words, vectors, a, b, c):
    at = dict(zip(words, vectors / np.sqrt((vectors**2).sum(1))[:, None], strict=True))
    target = at[b] - at[a] + at[c]
    best = None
    for word in words:
        if word not in (a, b, c) and (best is None or at[word] @ target > at[best] @ target):
            best = word
    return best


def _pairs_loop(tokens, window):
    pairs = []
    for i, word in enumerate(tokens):
        for j in range(max(0, i - window), min(len(tokens), i + window + 1)):
            if i != j:
                pairs.append((word, tokens[j]))
    return sorted(pairs)


def _pairs_by_shift(tokens, window):
    after = [pair for k in range(1, window + 1) for pair in zip(tokens, tokens[k:], strict=False)]
    return sorted(after + [(b, a) for a, b in after])


def _pairs(tokens, window, test=lambda i, j, window, tokens: 0 < abs(i - j) <= window):
    n = range(len(tokens))
    return sorted((tokens[i], tokens[j]) for i in n for j in n if test(i, j, window, tokens))


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


def _loss_loop(u, v, noise):
    loss = -math.log(_sigmoid(u @ v))
    for drawn in noise:
        loss -= math.log(_sigmoid(-(u @ drawn)))
    return loss


def _loss_torch(u, v, noise):
    u, v, noise = (torch.as_tensor(x) for x in (u, v, noise))
    z = torch.cat([(u @ v)[None], noise @ u])
    target = torch.tensor([1.0] + [0.0] * len(noise), dtype=z.dtype)
    return torch.nn.functional.binary_cross_entropy_with_logits(z, target, reduction="sum").item()


RIGHT = {
    "cosine_similarity": [
        lambda u, v: u @ v / (np.linalg.norm(u) * np.linalg.norm(v)),
        lambda u, v: sum(a * b for a, b in zip(u, v, strict=True)) / math.sqrt((u @ u) * (v @ v)),
        lambda u, v: torch.cosine_similarity(torch.tensor(u), torch.tensor(v), dim=0).item(),
    ],
    "analogy": [
        _analogy,
        _analogy_loop,
        lambda words, vectors, a, b, c: WordVectors(words, vectors).analogy(a, b, c, 1)[0][0],
    ],
    "skip_gram_pairs": [_pairs_loop, _pairs_by_shift, _pairs],
    "sgns_loss": [
        _loss_loop,
        _loss_torch,
        lambda u, v, noise: float(np.log1p(np.exp(-(u @ v))) + np.log1p(np.exp(noise @ u)).sum()),
    ],
}
WRONG = {
    "cosine_similarity": [
        lambda u, v: u @ v,  # a dot product
        lambda u, v: u @ v / np.linalg.norm(u),  # one length only
        lambda u, v: u @ v / ((u @ u) * (v @ v)),  # squared lengths
        lambda u, v: abs(u @ v) / (np.linalg.norm(u) * np.linalg.norm(v)),  # no sign
        lambda u, v: u @ v / (np.abs(u).sum() * np.abs(v).sum()),  # another norm
    ],
    "analogy": [
        lambda *given: _analogy(*given, left_out=()),  # the inputs come back
        lambda *given: _analogy(*given, left_out=(0, 1)),  # c may win
        lambda *given: _analogy(*given, left_out=(1, 2)),  # a may win
        lambda *given: _analogy(*given, left_out=(0, 2)),  # b may win
        lambda *given: _analogy(*given, low=0),  # 0 is not the least score
        lambda *given: _analogy(*given, signs=(1, -1, 1)),  # the wrong way round
        lambda *given: _analogy(*given, scale=lambda x: x),  # lengths left in
        lambda *given: _analogy(*given, rows=lambda x: x),  # lengths left in the candidates
        lambda *given: _analogy(*given, scale=lambda x: x / np.linalg.norm(x, axis=0)),  # axis
    ],
    "skip_gram_pairs": [
        lambda t, w: _pairs(t, w, lambda i, j, w, t: 0 < abs(i - j) < w),  # off by one
        lambda t, w: _pairs(t, w, lambda i, j, w, t: 0 < j - i <= w),  # one direction
        lambda t, w: _pairs(t, w, lambda i, j, w, t: abs(i - j) <= w),  # with the word itself
        lambda t, w: _pairs(t, w, lambda i, j, w, t: t[i] != t[j] and abs(i - j) <= w),  # words
        lambda t, w: sorted(set(_pairs(t, w))),  # repeated pairs lost
        lambda t, w: _pairs(t, w)[::-1],  # not sorted
    ],
    "sgns_loss": [
        lambda u, v, noise: _loss_loop(u, v, -noise),  # sign of the drawn words
        lambda u, v, noise: -_loss_loop(u, v, noise),  # sign of the loss
        lambda u, v, noise: _loss_loop(u, v, noise[:-1]),  # off by one
        lambda u, v, noise: -math.log(_sigmoid(u @ v)),  # no drawn words
        lambda u, v, noise: _loss_loop(u, v, noise) / (1 + len(noise)),  # a mean
        lambda u, v, noise: -math.log(_sigmoid(u @ v)) - math.log(_sigmoid(-(noise @ u).sum())),
    ],
}

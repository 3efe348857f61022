"""Right and wrong answers to the coding exercises of chapter 4."""

import heapq
import math
from collections import Counter
from itertools import pairwise

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

# ------------------------------------------------------------------ mean_nll


def _nll_loop(logits, ids):
    total = 0.0
    for t in range(len(ids) - 1):
        row = logits[t].tolist()
        total += math.log(sum(math.exp(z) for z in row)) - row[ids[t + 1]]
    return total / (len(ids) - 1)


def _nll_numpy(logits, ids):
    z, came = np.asarray(logits)[:-1], np.asarray(ids)[1:]
    log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
    return -log_p[np.arange(len(came)), came].mean()


def _nll(logits, ids, axis=-1):
    return -logits.log_softmax(axis)[torch.arange(len(ids)), ids].mean()


# --------------------------------------------------------------------- add_k


def _add_k_loop(word, context, corpus, vocab, k):
    both = total = 0
    for i in range(len(corpus) - 1):
        if corpus[i] == context:
            total += 1
            both += corpus[i + 1] == word
    return (both + k) / (total + k * len(vocab))


def _add_k_counter(word, context, corpus, vocab, k):
    pairs = Counter((a, corpus[i + 1]) for i, a in enumerate(corpus[:-1]))
    return (pairs[context, word] + k) / sum(pairs[context, v] + k for v in vocab)


def _add_k_list(word, context, corpus, vocab, k):
    after = [b for a, b in pairwise(corpus) if a == context]
    return (after.count(word) + k) / (len(after) + k * len(vocab))


def _pairs(corpus):
    return Counter(pairwise(corpus)), Counter(corpus[:-1])


def _add_k_own_vocabulary(word, context, corpus, vocab, k):
    pairs, before = _pairs(corpus)
    return (pairs[context, word] + k) / (before[context] + k * len(set(corpus)))


def _add_k_once(word, context, corpus, vocab, k):
    pairs, before = _pairs(corpus)
    return (pairs[context, word] + k) / (before[context] + k)


def _add_k_not_above(word, context, corpus, vocab, k):
    pairs, before = _pairs(corpus)
    return pairs[context, word] / (before[context] + k * len(vocab))


def _add_k_reversed(word, context, corpus, vocab, k):
    pairs, before = _pairs(corpus)
    return (pairs[word, context] + k) / (before[context] + k * len(vocab))


def _add_k_last_too(word, context, corpus, vocab, k):
    pairs = Counter(pairwise(corpus))
    return (pairs[context, word] + k) / (corpus.count(context) + k * len(vocab))


# ----------------------------------------------------------------- beam_step


def _beam_lists(beams, next_probs, width):
    grown = []
    for ids, log_p in beams:
        for i, p in enumerate(next_probs(ids)):
            grown.append(((*ids, i), log_p + math.log(p)))
    grown.sort(key=lambda pair: pair[1], reverse=True)
    return grown[:width]


def _beam_heap(beams, next_probs, width):
    grown = (
        ((*ids, i), log_p + math.log(p))
        for ids, log_p in beams
        for i, p in enumerate(next_probs(ids))
    )
    return heapq.nlargest(width, grown, key=lambda pair: pair[1])


def _beam_torch(beams, next_probs, width):
    before = torch.tensor([log_p for _, log_p in beams], dtype=torch.float64)
    scores = before[:, None] + torch.tensor([next_probs(ids) for ids, _ in beams]).double().log()
    best = scores.flatten().topk(width)
    size = scores.shape[1]
    return [
        [[*beams[at // size][0], at % size], value]
        for value, at in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ]


def _beam_each(beams, next_probs, width):
    return sorted(
        (_beam_lists([beam], next_probs, 1)[0] for beam in beams), key=lambda pair: -pair[1]
    )


def _beam_forgets(beams, next_probs, width):
    return _beam_lists([(ids, 0.0) for ids, _ in beams], next_probs, width)


def _beam_ascending(beams, next_probs, width):
    return _beam_lists(beams, next_probs, 99)[::-1][:width]


def _beam_multiplies(beams, next_probs, width):
    grown = [
        ((*ids, i), log_p * math.log(p))
        for ids, log_p in beams
        for i, p in enumerate(next_probs(ids))
    ]
    return sorted(grown, key=lambda pair: -pair[1])[:width]


RIGHT = {
    "mean_nll": [_nll_loop, _nll_numpy, lambda z, ids: F.cross_entropy(z[:-1], ids[1:]).item()],
    "add_k": [_add_k_loop, _add_k_counter, _add_k_list],
    "bits_per_character": [
        lambda log_probs, text: -sum(log_probs) / math.log(2) / len(text),
        lambda log_probs, text: -sum(math.log2(math.exp(x)) for x in log_probs) / len(text),
        lambda log_probs, text: float(-np.sum(log_probs) / (np.log(2) * len(list(text)))),
    ],
    "beam_step": [_beam_lists, _beam_heap, _beam_torch],
}
WRONG = {
    "mean_nll": [
        _nll,  # not shifted: each row is asked about its own token
        lambda z, ids: F.cross_entropy(z[:-1], ids[1:], reduction="sum"),  # a sum
        lambda z, ids: -F.cross_entropy(z[:-1], ids[1:]),  # sign
        lambda z, ids: _nll(z[:-1], ids[1:], axis=0),  # wrong axis
        lambda z, ids: _nll(z[1:], ids[:-1]),  # shifted the wrong way
        lambda z, ids: -z[:-1][torch.arange(len(ids) - 1), ids[1:]].mean(),  # not normalised
        lambda z, ids: F.cross_entropy(z[:-1], ids[1:], reduction="sum") / len(ids),  # off by one
    ],
    "add_k": [
        _add_k_own_vocabulary,
        _add_k_once,
        _add_k_not_above,
        _add_k_reversed,
        _add_k_last_too,
    ],
    "bits_per_character": [
        lambda log_probs, text: -sum(log_probs) / len(text),  # nats
        lambda log_probs, text: -sum(log_probs) / math.log(2) / len(log_probs),  # per token
        lambda log_probs, text: sum(log_probs) / math.log(2) / len(text),  # sign
        lambda log_probs, text: -sum(log_probs) / math.log(2),  # no division
        lambda log_probs, text: -sum(log_probs) / math.log(2) / len(text.encode()),  # bytes
        lambda log_probs, text: -sum(log_probs) * math.log(2) / len(text),  # base upside down
    ],
    "beam_step": [
        _beam_each,  # the best of each beam
        _beam_forgets,  # without the beginning's log P
        _beam_ascending,
        _beam_multiplies,  # logarithms multiplied
        lambda beams, next_probs, width: _beam_lists(beams, next_probs, width + 1),  # off by one
        lambda beams, next_probs, width: _beam_lists(beams[:1], next_probs, width),  # greedy
    ],
}

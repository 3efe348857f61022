"""Right and wrong answers to the coding exercises of chapter 1."""

import math

import numpy as np
import torch


def _loop(log_probs):
    total = 0.0
    for log_p in log_probs:
        total -= log_p
    return math.exp(total / len(log_probs))


RIGHT = {
    "perplexity": [
        _loop,
        lambda log_probs: float(np.exp(-np.mean(log_probs))),
        lambda log_probs: torch.tensor(log_probs).mean().neg().exp().item(),
    ],
}
WRONG = {
    "perplexity": [
        lambda log_probs: math.exp(-sum(log_probs)),  # not divided by the number of tokens
        lambda log_probs: math.exp(sum(log_probs) / len(log_probs)),  # sign
        lambda log_probs: 2 ** (-sum(log_probs) / len(log_probs)),  # base
        lambda log_probs: -sum(log_probs) / len(log_probs),  # no exponential
        lambda log_probs: math.exp(-sum(log_probs) / (len(log_probs) + 1)),  # off by one
    ],
}

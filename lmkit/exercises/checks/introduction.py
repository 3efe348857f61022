"""Checks of the coding exercises of chapter 1. A docstring's later lines are the staged hints."""

from math import exp, log

from lmkit.checks import expect


def perplexity(student):
    """The perplexity of a text from its tokens' log probabilities.

    Perplexity is the exponential of a mean. Of which numbers, and with which sign?
    The mean is over tokens: divide the sum of −log p by how many there are, then take exp.
    """
    half = [log(0.5)] * 3
    expect(student(half), 2.0, "perplexity([log 0.5] * 3)", "Three coin tosses: a choice of two.")
    mixed = [log(0.9), log(0.1), log(0.5), log(0.25)]
    right = exp(-sum(mixed) / 4)
    expect(student(mixed), right, "perplexity([log 0.9, log 0.1, log 0.5, log 0.25])")
    expect(student([0.0]), 1.0, "perplexity([log 1])", "A model that is sure and right has 1.")

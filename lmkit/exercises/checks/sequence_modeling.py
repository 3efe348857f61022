"""Checks of the coding exercises of chapter 4. A docstring's later lines are the staged hints."""

from math import log

from lmkit.checks import expect


def mean_nll(student):
    """The mean negative log-likelihood of a sequence, from the logits at each of its places.

    Which token does row t of the logits predict? It is not the one at place t.
    The last row predicts a token that is not there, and no row predicts the first: T − 1 are left.
    Take log_softmax over the vocabulary, the last axis, then the entry of the token that came.
    """
    import torch

    uniform = torch.zeros(4, 5)
    call = "mean_nll(zeros (4, 5), [0, 1, 2, 3])"
    expect(student(uniform, torch.arange(4)), log(5), call, "With equal logits each has 1/V.")
    logits = torch.tensor([[1.0, 3.0, 0.0], [0.0, 0.0, 2.0], [5.0, 1.0, 1.0]])
    want = (2.169846 + 0.239545) / 2  # log(e + e³ + 1) − 1 and log(1 + 1 + e²) − 2
    call = "mean_nll([[1, 3, 0], [0, 0, 2], [5, 1, 1]], [1, 0, 2])"
    hint = "Row 0 is asked about token 0, which stands at place 1; row 1 about token 2."
    expect(student(logits, torch.tensor([1, 0, 2])), want, call, hint)
    call, hint = (
        "mean_nll of the same logits + 7",
        "A constant added to all logits changes nothing.",
    )
    expect(student(logits + 7, torch.tensor([1, 0, 2])), want, call, hint)


def add_k(student):
    """The probability of a word after another, from counts with k added.

    How often was the context followed by the word, and by anything at all?
    The last word of the corpus is followed by nothing: as a context it does not count there.
    k is added once for each word of the vocabulary, also for those that are not in the corpus.
    """
    corpus = ["the", "cat", "sat", "on", "the", "mat", "the"]
    vocab = ["the", "cat", "sat", "on", "mat", "dog"]
    cases = [
        ("cat", "the", 0, 1 / 2, "With k = 0 it is a relative frequency: two words follow 'the'."),
        (
            "cat",
            "the",
            1,
            2 / 8,
            "One of two pairs, 1 added above, and 1 for each of 6 words below.",
        ),
        ("dog", "the", 1, 1 / 8, "What was never seen after 'the' has the k alone."),
        ("the", "on", 0.5, 1.5 / 4, "k need not be whole."),
        ("the", "dog", 2, 1 / 6, "After a context that was never seen all words are alike."),
        ("cat", "on", 1, 1 / 7, "'on' is followed by 'the' alone."),
    ]
    for word, context, k, want, hint in cases:
        call = f"add_k({word!r}, {context!r}, 'the cat sat on the mat the'.split(), 6 words, {k})"
        expect(student(word, context, corpus, vocab, k), want, call, hint)
    total = sum(student(word, "sat", corpus, vocab, 0.1) for word in vocab)
    hint = "It should be one: what is added above the bar must be added below it too."
    expect(total, 1.0, "the sum of add_k(word, 'sat', …, k=0.1) over the 6 words", hint)


def bits_per_character(student):
    """The bits per character of a text from the log probabilities of its tokens.

    The log probabilities are natural: how many nats is a bit?
    The unit is the character: divide by those of the text, however many tokens there are.
    Surprise is positive: mind the sign.
    """
    call = "bits_per_character([log 0.25, log 0.5], {!r})"
    hint = "Two bits and one bit are three, for three characters."
    expect(student([log(0.25), log(0.5)], "abc"), 1.0, call.format("abc"), hint)
    hint = "Twice the characters, half the bits for each."
    expect(student([log(0.25), log(0.5)], "abcdef"), 0.5, call.format("abcdef"), hint)
    call, hint = "bits_per_character([log 0.125], 'é')", "The text has one character, of two bytes."
    expect(student([log(0.125)], "é"), 3.0, call, hint)


def beam_step(student):
    """One step of beam search: extend every beam by every token, keep the best.

    The log probability of an extended sequence is that of its beginning plus that of the new token.
    All candidates compete in one list: a good beam may have two successors and a poor one none.
    Sort by log probability, the greatest first, and keep `width` of them.
    """
    table = {(0,): [0.6, 0.3, 0.1], (1,): [0.25, 0.35, 0.4], (): [0.5, 0.3, 0.2]}

    def call(beams, width):
        shown = ", ".join(f"({ids}, log {p})" for ids, p in beams)
        got = student([(ids, log(p)) for ids, p in beams], table.__getitem__, width)
        return got, f"beam_step([{shown}], next_probs, {width})"

    got, text = call([((), 1.0)], 2)
    expect(
        got, [((0,), log(0.5)), ((1,), log(0.3))], text, "From the empty sequence: 0.5, 0.3, 0.2."
    )
    got, text = call([((0,), 0.7), ((1,), 0.3)], 2)
    expect(got, [((0, 0), log(0.42)), ((0, 1), log(0.21))], text, "Both are of the first beam.")
    got, text = call([((0,), 0.5), ((1,), 0.4)], 3)
    want = [((0, 0), log(0.3)), ((1, 2), log(0.16)), ((0, 1), log(0.15))]
    expect(got, want, text, "The candidates are 0.3, 0.15, 0.05 and 0.1, 0.14, 0.16.")

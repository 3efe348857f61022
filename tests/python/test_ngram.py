"""lmkit.ngram against definitions written out with Fractions and loops over the text itself."""

import doctest
import itertools
import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lmkit import ngram
from lmkit.ngram import SMOOTHINGS, NGram

TEXTS = st.text("abc", min_size=1, max_size=25)
D = Fraction(3, 4)


def times(text, run):
    """How often a run occurs, looking at every place."""
    return sum(text[i : i + len(run)] == run for i in range(len(text) - len(run) + 1))


def followers(text, h):
    return {w: c for w in "abcd" if (c := times(text, h + w))}


def add_k(text, w, h, k):
    total = sum(followers(text, h).values()) + k * 4
    return (times(text, h + w) + k) / total if total else Fraction(0)


def interpolated(text, w, h):
    """Witten–Bell, as λ · relative frequency + (1 − λ) · shorter."""
    shorter = interpolated(text, w, h[1:]) if h else Fraction(1, 4)
    seen = followers(text, h)
    if not seen:
        return shorter
    total = sum(seen.values())
    weight = Fraction(total, total + len(seen))
    return weight * Fraction(times(text, h + w), total) + (1 - weight) * shorter


def backed_off(text, w, h):
    """Discounted frequency if seen; else what is missing to 1, in proportion to shorter."""
    shorter = {v: backed_off(text, v, h[1:]) if h else Fraction(1, 4) for v in "abcd"}
    seen = followers(text, h)
    if not seen:
        return shorter[w]
    total = sum(seen.values())
    if len(seen) == 4:
        return Fraction(seen[w], total)
    if w in seen:
        return (seen[w] - D) / total
    missing = 1 - sum((c - D) / total for c in seen.values())
    return missing * shorter[w] / sum(shorter[v] for v in shorter if v not in seen)


ORACLES = {
    "add_k": lambda text, w, h: add_k(text, w, h, Fraction(1, 2)),
    "interpolate": interpolated,
    "backoff": backed_off,
}


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@given(text=TEXTS, context=st.text("abcd", max_size=5), n=st.integers(1, 4))
def test_probabilities_are_those_of_the_definition(smoothing, text, context, n):
    model = NGram(text, n, "abcd", smoothing, k=0.5)
    h = context[len(context) - n + 1 :] if len(context) >= n - 1 else context
    got = model.distribution(context)
    assert list(got) == list("abcd")
    for w, p in got.items():
        assert p == pytest.approx(float(ORACLES[smoothing](text, w, h)), abs=1e-12)
        assert p == model.prob(w, context)
    assert math.fsum(got.values()) == pytest.approx(1, abs=1e-12)
    assert min(got.values()) > 0


def test_a_long_vocabulary_that_is_seen_whole_loses_no_mass():
    model = NGram("abcdabcd", 2, "abcd", "backoff")
    assert model.distribution("") == dict.fromkeys("abcd", 0.25)


def log_ps(model, text):
    assert [symbol for symbol, _ in model.log_probs(text)] == list(text)
    return [log_p for _, log_p in model.log_probs(text)]


@given(text=st.text("ab", min_size=3, max_size=30), n=st.integers(1, 3))
def test_relative_frequencies_fit_their_own_text_best(text, n):
    """Gibbs' inequality, where contexts are whole: no other model of the order is likelier."""
    plain = NGram(text, n, smoothing="add_k", k=0)
    best = sum(log_ps(plain, text)[n - 1 :])
    for smoothing in SMOOTHINGS:
        assert sum(log_ps(NGram(text, n, smoothing=smoothing), text)[n - 1 :]) <= best + 1e-9


def test_log_probs_and_perplexity_are_torchs_cross_entropy():
    """A table of logits log P, and torch's own loss on it."""
    text, held_out = "the cat sat on the mat, the dog on the log", "the dog sat on the cat"
    vocab = sorted(set(text))
    model = NGram(text, 2, vocab)
    table = torch.tensor([[model.prob(w, h) for w in vocab] for h in vocab]).log()
    ids = torch.tensor([vocab.index(c) for c in held_out])
    loss = torch.nn.functional.cross_entropy(table[ids[:-1]], ids[1:], reduction="none")
    log_probs = log_ps(model, held_out)
    assert log_probs[1:] == pytest.approx((-loss).tolist(), abs=1e-5)
    assert log_probs[0] == math.log(model.prob(held_out[0]))
    assert model.perplexity(held_out) == pytest.approx(math.exp(-sum(log_probs) / len(held_out)))


def test_probabilities_of_all_texts_of_one_length_sum_to_one():
    for smoothing in SMOOTHINGS:
        model = NGram("abacab", 3, "abc", smoothing)
        texts = itertools.product("abc", repeat=4)
        total = math.fsum(math.exp(sum(log_ps(model, "".join(t)))) for t in texts)
        assert total == pytest.approx(1, abs=1e-12)


def test_words_are_symbols_as_well():
    model = NGram(["the", "cat", "sat", "on", "the", "mat"], 2, smoothing="add_k", k=0)
    assert model.prob("cat", ["sat", "on", "the"]) == 0.5
    assert model.sample(1, ["sat"]) == ["on"]


def test_zero_counts_make_the_perplexity_infinite():
    plain = NGram("abab", 2, "abc", "add_k", k=0)
    assert log_ps(plain, "aa") == [math.log(0.5), -math.inf]
    assert plain.perplexity("aa") == math.inf
    assert plain.distribution("c") == {"a": 0.0, "b": 0.0, "c": 0.0}
    with pytest.raises(ValueError, match=r"nothing ever followed \['c'\]: smooth the model"):
        plain.sample(1, "c")


def test_samples_follow_the_distribution_and_the_seed():
    model = NGram("aaab" * 50, 1, "ab", "add_k", k=0)
    drawn = model.sample(4000, seed=3)
    assert drawn == model.sample(4000, seed=3) != model.sample(4000, seed=4)
    assert drawn.count("a") / 4000 == pytest.approx(0.75, abs=0.025)  # 3.7 standard deviations
    cycle = NGram("abcabcabc", 2, smoothing="add_k", k=0)
    assert "".join(cycle.sample(6, "ab")) == "cabcab"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n must be a whole number, 1 or more, not 0"),
        ({"k": -1}, "k must be a number, 0 or more, not -1"),
        ({"k": math.nan}, "k must be a number, 0 or more, not nan"),
        (
            {"smoothing": "none"},
            "smoothing must be one of add_k, interpolate, backoff, not 'none'",
        ),
        ({"vocab": "a"}, "'b' is not in the vocabulary of 1 symbols"),
        ({"text": ""}, "there are no symbols: give a text or a vocabulary that has some"),
    ],
)
def test_what_makes_no_model_is_told(arguments, message):
    with pytest.raises(ValueError) as raised:
        NGram(**({"text": "ab", "n": 2} | arguments))
    assert str(raised.value) == message


def test_a_variant_is_the_model_that_would_be_counted_anew():
    text = "abracadabra"
    whole = NGram(text, 4, smoothing="add_k", k=0)
    for n, smoothing, k in [(4, "backoff", 1), (2, "add_k", 0.1), (1, "interpolate", 1)]:
        other = whole.variant(n=n, smoothing=smoothing, k=k)
        assert other.log_probs(text) == NGram(text, n, None, smoothing, k).log_probs(text)
        assert whole.log_probs("aa") == NGram(text, 4, None, "add_k", 0).log_probs("aa")
    with pytest.raises(ValueError, match="runs of 5 were not counted: n must be at most 4"):
        whole.variant(n=5)
    with pytest.raises(ValueError, match="smoothing must be one of"):
        whole.variant(smoothing="none")


def test_unknown_symbols_and_empty_texts_are_told():
    model = NGram("ab", 2)
    with pytest.raises(ValueError, match="'z' is not in the vocabulary of 2 symbols"):
        model.perplexity("az")
    with pytest.raises(ValueError, match="the text is empty"):
        model.perplexity("")


def test_examples_in_docstrings():
    results = doctest.testmod(ngram)
    assert results.attempted and not results.failed

"""lmkit.generate against transformers' logits warpers; the vectors that the browser shares."""

import doctest
import itertools
import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from lmkit import generate

VECTORS = Path(__file__).parents[1] / "data" / "sampling.json"


def oracle(logits, temperature=1.0, top_k=None, top_p=None):
    """The distribution by transformers: temperature, top-k, top-p, softmax."""
    scores = torch.tensor([logits], dtype=torch.float64)
    if temperature == 0:  # transformers has no such warper: greedy search is its argmax
        return torch.nn.functional.one_hot(scores[0].argmax(), len(logits)).double()
    scores = TemperatureLogitsWarper(float(temperature))(None, scores)
    if top_k is not None:
        scores = TopKLogitsWarper(top_k)(None, scores)
    if top_p is not None:
        scores = TopPLogitsWarper(top_p)(None, scores)
    return scores[0].softmax(-1)


def make_vectors():
    """The shared vectors: logits of several shapes, each with several settings."""
    generator = torch.Generator().manual_seed(0)
    shapes = [
        [round(3 * x, 3) for x in torch.randn(12, generator=generator).tolist()],
        [round(x, 3) for x in torch.randn(7, generator=generator).tolist()],
        [2.0, 2.0, 1.0, 1.0, 0.0],  # equal logits
        [50.0, -50.0, 49.0, 0.125],  # large ones
        [0.0, 0.0, 0.0],
        [-1.5],
    ]
    settings = [
        (1.0, None, None), (0.7, None, None), (2.0, None, None), (0, None, None),
        (1.0, 3, None), (1.0, None, 0.9), (0.5, 4, 0.83), (1.3, 1, 0.35), (1.0, 100, 1.0),
    ]  # fmt: skip
    chosen = [(0, s) for s in range(9)] + [(1, s) for s in (0, 1, 3, 4, 5, 6)]
    chosen += [(2, s) for s in (1, 3, 4, 5)] + [(3, s) for s in (2, 5, 6)] + [(4, 3), (5, 6)]
    vectors = []
    for shape, setting in chosen:
        temperature, top_k, top_p = settings[setting]
        probs = oracle(shapes[shape], temperature, top_k, top_p).tolist()
        vectors.append(
            {
                "logits": shapes[shape],
                "temperature": temperature,
                "top_k": top_k,
                "top_p": top_p,
                "probabilities": [float(f"{p:.9g}") for p in probs],
            }
        )
    return vectors


def as_text(vectors):
    return "[\n" + ",\n".join(json.dumps(v) for v in vectors) + "\n]\n"


def test_the_shared_vectors_are_current():
    """To write them anew: `python tests/python/test_generate.py`."""
    stored, made = json.loads(VECTORS.read_text()), make_vectors()
    assert len(stored) == len(made) >= 24
    for old, new in zip(stored, made, strict=True):
        assert old | {"probabilities": 0} == new | {"probabilities": 0}
        assert old["probabilities"] == pytest.approx(new["probabilities"], rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("vector", json.loads(VECTORS.read_text()) if VECTORS.exists() else [])
def test_shared_vectors(vector):
    logits = torch.tensor(vector["logits"], dtype=torch.float64)
    probs = generate.probabilities(logits, vector["temperature"], vector["top_k"], vector["top_p"])
    assert probs.tolist() == pytest.approx(vector["probabilities"], rel=1e-8, abs=1e-12)


# Whole eighths: equal logits come up often, and sums are far from a top_p of odd thirteenths.
LOGITS = st.lists(st.integers(-80, 80).map(lambda i: i / 8), min_size=1, max_size=12)


@given(
    LOGITS,
    st.sampled_from([0, 0.1, 0.5, 1.0, 1.7, 10.0]),
    st.none() | st.integers(1, 15),
    st.none() | st.integers(1, 12).map(lambda i: i / 13) | st.just(1.0),
)
def test_equal_to_transformers(logits, temperature, top_k, top_p):
    probs = generate.probabilities(torch.tensor(logits).double(), temperature, top_k, top_p)
    expected = oracle(logits, temperature, top_k, top_p)
    assert probs.tolist() == pytest.approx(expected.tolist(), rel=1e-8, abs=1e-12)


@given(LOGITS, st.floats(0.01, 1.0))
def test_top_p_keeps_the_fewest_tokens_that_reach_p(logits, p):
    probs = torch.tensor(logits).double().softmax(-1)
    kept = generate.filter_top_p(torch.tensor(logits).double(), p) > -math.inf
    assert kept.any()
    mass = float(probs[kept].sum())
    assert mass >= p - 1e-9
    if kept.sum() > 1:
        assert mass - float(probs[kept].min()) < p + 1e-9


@pytest.mark.parametrize("temperature", [1e-6, 1e-30, 1e30])
def test_extreme_temperatures_stay_finite(temperature):
    probs = generate.probabilities(torch.tensor([1000.0, 999.0, -1000.0]), temperature)
    assert probs.isfinite().all() and float(probs.sum()) == pytest.approx(1)


def test_samples_follow_the_probabilities():
    probs, generator = torch.tensor([0.7, 0.0, 0.3]), torch.Generator().manual_seed(1)
    draws = [generate.sample(probs, generator) for _ in range(3000)]
    assert 1 not in draws
    assert draws.count(0) / 3000 == pytest.approx(0.7, abs=0.03)  # 3.6 standard deviations


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1}, "temperature must be a number, 0 or more, not -1"),
        ({"temperature": math.nan}, "temperature must be a number, 0 or more, not nan"),
        ({"temperature": math.inf}, "temperature must be a number, 0 or more, not inf"),
        ({"top_k": 0}, "top_k must be a whole number, 1 or more, not 0"),
        ({"top_k": 2.5}, "top_k must be a whole number, 1 or more, not 2.5"),
        ({"top_p": 0}, "top_p must be above 0 and at most 1, not 0"),
        ({"top_p": 1.1}, "top_p must be above 0 and at most 1, not 1.1"),
    ],
)
def test_options_out_of_range_are_told(options, message):
    with pytest.raises((TypeError, ValueError)) as raised:
        generate.probabilities(torch.zeros(3), **options)
    assert str(raised.value) == message


# ------------------------------------------------------------- beam search


def tree(seed, size=4):
    """A random model of sequences: each prefix has its own distribution, some tokens none."""

    def next_log_probs(ids):
        generator = torch.Generator().manual_seed(hash((seed, *ids)) % 2**31)
        logits = 3 * torch.randn(size, generator=generator, dtype=torch.float64)
        logits[torch.rand(size, generator=generator) < 0.1] = -math.inf
        logits[0] = logits[0].clamp(min=-2)
        return logits.log_softmax(-1)

    return next_log_probs


def exhaustive(next_log_probs, length, stop_ids=(), size=4):
    """Every continuation there is, with its log P by the chain rule, the best first."""
    found = {}
    for ids in itertools.product(range(size), repeat=length):
        end = next((t + 1 for t, i in enumerate(ids) if i in stop_ids), length)
        steps = [float(next_log_probs(ids[:t])[ids[t]]) for t in range(end)]
        found[ids[:end]] = sum(steps)
    possible = [(ids, log_p) for ids, log_p in found.items() if log_p > -math.inf]
    return sorted(possible, key=lambda pair: -pair[1])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("stop_ids", [(), (2,)])
def test_a_wide_enough_beam_finds_what_exhaustive_search_finds(seed, stop_ids):
    best = exhaustive(tree(seed), 4, stop_ids)
    found = generate.beam_search(tree(seed), 4**3, 4, stop_ids)
    assert [ids for ids, _ in found] == [ids for ids, _ in best[: 4**3]]
    assert [p for _, p in found] == pytest.approx([p for _, p in best[: 4**3]], abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_a_narrow_beam_gives_true_log_probabilities_and_no_more_than_the_best(seed):
    every = dict(exhaustive(tree(seed), 5))
    for width in (1, 2, 3, 10):
        found = generate.beam_search(tree(seed), width, 5)
        assert 1 <= len(found) <= width
        assert len(dict(found)) == len(found)
        for ids, log_p in found:
            assert log_p == pytest.approx(every[ids], abs=1e-12)
        assert found == sorted(found, key=lambda pair: -pair[1])


def test_width_one_is_greedy():
    for seed in range(8):
        ids = ()
        for _ in range(6):
            ids += (int(tree(seed)(ids).argmax()),)
        assert generate.beam_search(tree(seed), 1, 6)[0][0] == ids


def test_greedy_misses_what_two_beams_find():
    """Worse somewhere is the rule that makes a beam worth its price; and it can still fail."""
    misses = dict.fromkeys((1, 2, 4), 0)
    for seed in range(40):
        best = exhaustive(tree(seed), 4)[0][1]
        for width in misses:
            misses[width] += generate.beam_search(tree(seed), width, 4)[0][1] < best - 1e-9
    assert misses[1] > misses[2] > 0


def test_an_ended_continuation_is_kept_and_not_asked_again():
    asked = []

    def next_log_probs(ids):
        asked.append(ids)
        return torch.tensor([0.9, 0.1]).log()

    found = generate.beam_search(next_log_probs, 2, 3, stop_ids={0})
    assert found[0] == ((0,), pytest.approx(math.log(0.9)))
    assert all(0 not in ids for ids in asked)
    with pytest.raises(ValueError, match="width must be a whole number, 1 or more, not 0"):
        generate.beam_search(next_log_probs, 0, 3)


def test_examples_in_docstrings():
    results = doctest.testmod(generate, extraglobs={"torch": torch})
    assert results.attempted and not results.failed


if __name__ == "__main__":
    VECTORS.write_text(as_text(make_vectors()))

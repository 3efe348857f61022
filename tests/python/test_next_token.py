"""NextToken keeps little of a distribution and still gives it exactly."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from lmkit.lm import LanguageModel
from lmkit.widgets.next_token import TEMPERATURES, TOP_PS, NextToken, distribution, pack

VECTORS = Path(__file__).parent.parent / "data" / "next_token.json"
TOP_KS = (0, 1, 2, 3, 5, 8)


def warped(logits, temperature, top_k, top_p):
    """Cut the whole vocabulary with transformers' own warpers, in float64."""
    if temperature == 0:
        return np.eye(len(logits))[int(np.argmax(logits))]
    warpers = LogitsProcessorList([TemperatureLogitsWarper(float(temperature))])
    if top_k:
        warpers.append(TopKLogitsWarper(top_k))
    if top_p < 1:
        warpers.append(TopPLogitsWarper(top_p))
    scores = warpers(torch.zeros(1, 1, dtype=torch.long), torch.tensor(logits)[None])
    return scores.softmax(-1)[0].numpy()


def contents():
    """Three distributions, sure, unsure and flat, under every setting that the view offers."""
    nodes, cases = [], []
    for seed, scale in enumerate((4.0, 1.5, 0.2)):
        logits = np.random.default_rng(seed).normal(size=600) * scale
        order, node = pack(logits)
        nodes.append(node)
        for t, k, p in itertools.product(TEMPERATURES, (0, 2, 8), TOP_PS):
            full = warped(logits, t, k, p)
            shares = [float(f"{full[i]:.6g}") for i in order]
            rest = float(f"{full.sum() - full[order].sum():.6g}")
            cases.append({"at": seed, "setting": [t, k, p], "p": shares, "rest": rest})
    stops = {"temperatures": [*TEMPERATURES], "top_ps": [*TOP_PS]}
    return {"stops": stops, "nodes": nodes, "cases": cases}


def test_shared_vectors_are_current():
    """The browser is tested on this file; `python tests/python/test_next_token.py` makes it."""
    assert json.loads(VECTORS.read_text()) == contents()


def test_distribution_is_that_of_the_whole_vocabulary():
    vectors = contents()
    for case in vectors["cases"]:
        p, rest = distribution(vectors["nodes"][case["at"]], *case["setting"])
        np.testing.assert_allclose(p, case["p"], rtol=4e-4, atol=1e-6)
        assert rest == pytest.approx(case["rest"], abs=4e-4)
        assert sum(p) + rest == pytest.approx(1, abs=1e-9)


class Toy(LanguageModel):
    """20 tokens, of which the next one is the likeliest."""

    start_id = 0

    class tokenizer:  # noqa: N801
        @staticmethod
        def encode(text):
            return [ord(c) % 20 for c in text]

        @staticmethod
        def token_bytes(i):
            return f" {i}<b>".encode()

    def next_logits(self, ids, cache=None):
        return -((torch.arange(20) - ids[-1] - 1) % 20).double()


def test_tree_is_three_levels_deep_by_the_five_likeliest():
    tree = NextToken(Toy(), "a").trees[0]
    level = [tree["root"]]
    for size in (1, 5, 25):
        assert len(level) == size
        assert all(len(node["i"]) == len(node["t"]) == len(node["l"]) == 8 for node in level)
        below = [child for node in level for child in node.get("c", [])]
        for node, first in zip(level, level, strict=True):
            for i, child in zip(first["i"], node.get("c", []), strict=False):
                assert child["i"][0] == (i + 1) % 20
        level = below
    assert level == []


def test_any_context_is_answered_with_a_kernel():
    widget = NextToken(Toy(), "a")
    answer = widget.answer({"kind": "next-token", "text": "ab", "path": [7]})
    assert [chip["i"] for chip in answer["start"]] == [ord("a") % 20, ord("b") % 20]
    assert answer["node"]["i"][0] == 8
    with pytest.raises(ValueError, match=r"has 2,001 characters; here it may have 2,000"):
        widget.answer({"kind": "next-token", "text": "a" * 2001, "path": []})
    with pytest.raises(ValueError, match="at least one context"):
        NextToken(Toy())


def test_stored_output_is_inert_and_the_same_each_time():
    first, second = (NextToken(Toy(), "<script>")._repr_mimebundle_()[0] for _ in range(2))
    assert first["text/html"] == second["text/html"]
    assert first["text/plain"] == second["text/plain"]
    state, face = first["text/html"].split("</script>", 1)
    assert "<b>" not in face and "<script>" not in face
    assert "<" not in state.split(">", 2)[2]
    assert json.loads(state.split(">", 2)[2])["text"] == "<script>"


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(contents(), separators=(",", ":")) + "\n")

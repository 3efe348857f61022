"""Generate writes what the model writes, one token a request, and keeps its cache right."""

import itertools
import json
from pathlib import Path

import pytest
import torch

from lmkit import smollm
from lmkit.widgets import Generate, Live, NextToken
from lmkit.widgets.generate import random

PROMPT = "The old lighthouse"


@pytest.fixture(scope="module")
def lm():
    return smollm.load()


def test_a_greedy_run_is_what_the_model_generates(lm):
    widget = Generate(lm, PROMPT, length=12)
    written = "".join(token["t"] for token in widget.runs[0]["tokens"])
    assert written == "".join(lm.generate(PROMPT, 12, temperature=0))
    assert all(token["top"][0]["i"] == token["i"] for token in widget.runs[0]["tokens"])


def test_probabilities_are_the_models_own_whatever_the_knobs(lm):
    widget = Generate(lm, PROMPT, length=3, settings=({"temperature": 2, "top_k": 3, "seed": 5},))
    start = [chip["i"] for chip in widget.runs[0]["start"]]
    ids = start + [token["i"] for token in widget.runs[0]["tokens"]]
    log_p = lm(ids).logits.log_softmax(-1)
    for at, token in enumerate(widget.runs[0]["tokens"], len(start) - 1):
        assert token["p"] == pytest.approx(log_p[at, token["i"]].exp().item(), rel=1e-3)
        assert token["i"] in log_p[at].topk(3).indices


def test_requests_in_any_order_give_the_same(lm):
    widget = Generate(lm, PROMPT, length=1)
    encode = {"kind": "encode", "text": PROMPT, "chat": False}
    ids = [chip["i"] for chip in widget.answer(encode)["tokens"]]
    ask = {"kind": "continue", "temperature": 1, "top_k": 0, "top_p": 1, "draw": 0.5}
    longer, other = [*ids, 335, 260], [*ids[:2], 260]
    first = [widget.answer({**ask, "ids": x}) for x in (ids, longer, other, ids)]
    fresh = [Generate(lm, PROMPT, length=0).answer({**ask, "ids": x}) for x in (ids, longer, other)]
    assert [x["token"] for x in first] == [x["token"] for x in (*fresh, fresh[0])]


def test_a_draw_falls_on_each_token_as_often_as_it_is_probable():
    p = torch.tensor([0.25, 0.0, 0.5, 0.25], dtype=torch.double)
    counts = torch.zeros(4)
    for u in itertools.islice(random(1), 4000):
        counts[int(torch.searchsorted(p.cumsum(-1), u, right=True))] += 1
    assert (counts / 4000 - p).abs().max() < 0.03
    assert counts[1] == 0


def test_random_numbers_are_those_of_the_browser():
    shared = json.loads((Path(__file__).parent.parent / "data" / "random.json").read_text())
    for case in shared:
        assert list(itertools.islice(random(case["seed"]), 5)) == case["numbers"]


def test_chat_and_limits(lm):
    widget = Generate(lm, "Hi", length=0, chat=True)
    chat = [
        chip["i"]
        for chip in widget.answer({"kind": "encode", "text": "Hi", "chat": True})["tokens"]
    ]
    assert chat == lm.chat_ids("Hi")
    special = widget.answer({"kind": "encode", "text": "<|im_end|>", "chat": True})["tokens"]
    assert [chip["i"] for chip in special].count(lm.tokenizer.special["<|im_end|>"]) == 2
    with pytest.raises(ValueError, match="tokens; here it may have 512"):
        widget.answer({"kind": "encode", "text": " a" * 600, "chat": False})
    ask = {"kind": "continue", "temperature": 1, "top_k": 0, "top_p": 1, "draw": 0.5}
    with pytest.raises(ValueError, match="has reached 512 tokens"):
        widget.answer({**ask, "ids": [0] * 512})


def test_live_gives_its_text_to_its_parts(lm):
    nexts = NextToken(lm, PROMPT, depth=1, linked=True)
    nexts.path = [{"t": " on", "i": 335}]
    texts = Generate(lm, PROMPT, length=0, linked=True)
    live = Live([("a story", PROMPT), ("another", "Once upon a time")], nexts, texts)
    assert [example["stored"] for example in live.examples] == [True, False]
    live.text = "Once upon a time"
    assert (nexts.text, nexts.path, texts.text) == ("Once upon a time", [], "Once upon a time")

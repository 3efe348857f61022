import math

import pytest
import torch
from test_next_token import Toy

from lmkit.widgets import ChainRule


def test_factors_are_those_of_the_model():
    text = "fox"
    widget = ChainRule(Toy(), text)
    tokens = widget.sentences[0]["tokens"]
    ids = Toy.tokenizer.encode(text)
    log_p = Toy().all_logits([0, *ids])[:-1].log_softmax(-1)
    expected = -torch.nn.functional.nll_loss(log_p, torch.tensor(ids), reduction="none")
    assert [token["i"] for token in tokens] == ids
    assert [token["l"] for token in tokens] == pytest.approx(expected.tolist(), abs=1e-4)
    assert [alt["i"] for alt in tokens[0]["alt"]] == log_p[0].topk(5).indices.tolist()
    product = math.exp(sum(token["l"] for token in tokens))
    assert f"= {product:.3g}" in widget.summary()


def test_empty_and_long_texts():
    widget = ChainRule(Toy(), "fox")
    assert widget.answer({"kind": "chain-rule", "text": ""}) == {"tokens": []}
    with pytest.raises(ValueError, match="201 tokens; here it may have 200"):
        widget.answer({"kind": "chain-rule", "text": "a" * 201})
    with pytest.raises(ValueError, match="at least one sentence"):
        ChainRule(Toy())

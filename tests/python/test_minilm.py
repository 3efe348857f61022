"""MiniLM in plain torch is transformers' BertModel on the same weights."""

import pytest
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from lmkit import assets, minilm

TEXTS = [
    "The bank is on the riverbank.",
    "Ünïcode: naïve café, don't pay $5 for under_score!",
    "unbelievably transformational 東京 😀 xyzzyqqq",
    "",
]


@pytest.fixture(scope="module")
def ours():
    return minilm.load()


@pytest.fixture(scope="module")
def bert():
    folder = assets.path("minilm")
    config = BertConfig.from_json_file(folder / "config.json")
    config._attn_implementation = "eager"
    model = BertModel(config, add_pooling_layer=False)
    from safetensors.torch import load_file

    missing, _ = model.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    assert not [name for name in missing if "position_ids" not in name]
    return model.eval()


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_hidden_states_and_attentions(ours, bert, text):
    tokenizer = Tokenizer.from_file(str(assets.path("minilm") / "tokenizer.json"))
    tokenizer.no_padding()
    encoding = tokenizer.encode(text)
    out = ours(text)
    assert out.tokens == encoding.tokens
    with torch.inference_mode():
        ids = torch.tensor([encoding.ids])
        theirs = bert(ids, output_hidden_states=True, output_attentions=True)
    torch.testing.assert_close(
        out.hidden_states, torch.cat(theirs.hidden_states), atol=2e-5, rtol=1e-4
    )
    torch.testing.assert_close(out.attentions, torch.cat(theirs.attentions), atol=2e-5, rtol=1e-4)
    mean = theirs.last_hidden_state[0].mean(0)
    torch.testing.assert_close(out.sentence, mean / mean.norm(), atol=2e-5, rtol=1e-4)


def test_sentences_that_mean_alike_are_near(ours):
    a, b, c = (ours(text).sentence for text in ["A cat sleeps.", "A kitten naps.", "Stocks fell."])
    assert a @ b > a @ c + 0.3


def test_too_long_a_text_is_a_sentence(ours):
    with pytest.raises(ValueError, match="the text has 602 tokens; at most 512 fit"):
        ours("word " * 600)

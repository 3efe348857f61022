"""Scores of heads on attention made by hand, and on SmolLM2 and MiniLM."""

import pytest
import torch

from lmkit import heads, minilm


def map_of(*looks):
    """One layer of one head: token t gives all its weight to token looks[t]."""
    return torch.eye(len(looks))[list(looks)][None, None]


def test_a_previous_token_head_scores_one_and_a_next_token_head_on_the_other_side():
    back, ahead = map_of(0, 0, 1, 2, 3), map_of(0, 2, 3, 4, 4)
    assert heads.offset(back, -1).item() == heads.offset(ahead, 1).item() == 1
    assert heads.offset(back, 1).item() == heads.offset(ahead, -1).item() == 0
    assert heads.offset(back, -2).item() == 0


def test_the_first_token_neither_looks_nor_is_seen():
    resting = map_of(0, 0, 0, 0)
    assert heads.offset(resting, -1).item() == 0
    assert heads.offset(map_of(0, 0, 1, 1), -1).item() == 0.5


def test_a_text_too_short_is_a_sentence():
    with pytest.raises(ValueError, match="no token of a text of 2 has one -1 places on"):
        heads.offset(map_of(0, 0), -1)


def test_a_sink_is_the_mean_weight_on_the_start_of_all_others():
    assert heads.sink(map_of(0, 0, 0)).item() == 1
    assert heads.sink(map_of(0, 1, 0, 2)).item() == pytest.approx(1 / 3)


def test_induction_looks_behind_the_earlier_copy():
    # start a b c a b c: from the second a on, each looks at what followed its first turn
    assert heads.induction(map_of(0, 0, 0, 0, 2, 3, 4), 3).item() == 1
    assert heads.induction(map_of(0, 0, 0, 0, 1, 2, 3), 3).item() == 0  # the copy itself
    assert heads.induction(map_of(0, 0, 0, 1, 0, 0, 0), 3).item() == 0  # in the first turn
    assert heads.induction(map_of(0, 0, 0, 0, 2, 0, 0), 3).item() == pytest.approx(1 / 3)


@pytest.mark.parametrize("period", [0, 4, 9])
def test_without_a_second_turn_there_is_no_induction(period):
    with pytest.raises(ValueError, match=f"a text of 5 does not repeat after {period} tokens"):
        heads.induction(map_of(0, 0, 0, 0, 0), period)


def test_a_pronoun_resolves_to_the_noun_with_more_weight():
    weights = torch.tensor([0.2, 0.5, 0.2, 0.1]).expand(1, 1, 4, 4)
    assert heads.resolves(weights, 3, 1, [0, 2]).item() == 1
    assert heads.resolves(weights, 3, 0, [1]).item() == 0
    assert heads.resolves(weights, 3, 0, [2]).item() == 0  # a draw is no choice
    assert heads.resolves(weights / 8, 3, 1, [2]).item() == 0  # too little weight


def test_best_heads_come_first_and_of_equals_the_first():
    scores = torch.tensor([[0.5, 0.9], [0.9, 0.1]])
    assert heads.best(scores, 3) == [(0, 1, 0.9), (1, 0, 0.9), (0, 0, 0.5)]


def test_a_repeated_string_repeats_after_the_start_and_by_its_seed():
    ids = heads.repeated(5, 100, start=7)
    assert ids[0] == 7
    assert ids[1:6] == ids[6:]
    assert ids == heads.repeated(5, 100, start=7) != heads.repeated(5, 100, start=7, seed=1)


def test_the_sentences_have_their_nouns_as_tokens_and_are_not_shared(model):
    assert len(set(heads.FIND) | set(heads.CHECK)) == 18
    for text, noun, other in heads.FIND + heads.CHECK:
        tokens = [token.strip() for token in model.tokenizer.tokens(model.tokenizer.encode(text))]
        assert tokens.count(noun) == tokens.count(other) == 1
        assert tokens[-1] in {"he", "she", "they"}


def test_heads_of_the_two_models(model):
    ids = heads.repeated(25, model.config.vocab_size, model.start_id)
    attn = model(ids).attentions
    assert heads.best(heads.induction(attn, 25))[0][:2] == (18, 6)
    assert heads.best(heads.offset(attn, -1))[0][:2] == (16, 0)
    assert heads.sink(attn)[18, 8] > 0.99
    text = "The old lighthouse keeper climbed the stairs every evening."
    seen = minilm.load()(text).attentions
    assert heads.best(heads.offset(seen, -1))[0][:2] == (0, 2)
    assert heads.best(heads.offset(seen, 1))[0][:2] == (1, 8)

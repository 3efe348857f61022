"""Every model is one to every figure, and reads, measures and writes by the same rules."""

import importlib
import inspect
import json
import math
import pkgutil

import pytest
import torch

import lmkit
from lmkit import checkpoints, smollm, train, widgets
from lmkit.lm import LanguageModel, Reading, as_ids
from lmkit.ngram import NGram
from lmkit.rnn import CharRNN
from lmkit.tokenizers import CharTokenizer, WordTokenizer
from lmkit.transformer import GPT, GPTConfig

LINES = "the cat sat on the mat.\nthe dog sat on the log.\n"
WORDS = LINES.replace(".\n", " . ").split()
BOOK = sorted(file.stem for file in checkpoints.FOLDER.glob("*.safetensors"))
MAKE = {
    "smollm": smollm.load,
    **{name: lambda name=name: checkpoints.load(name)[0] for name in BOOK},
    "characters": lambda: NGram(LINES, 3),
    "words": lambda: NGram(WORDS, 2),
    "unsmoothed": lambda: NGram(LINES, 2, smoothing="add_k", k=0),
}
TEXT = "the cat sat on"


@pytest.fixture(scope="module")
def lm(request, made={}):  # noqa: B006
    if request.param not in made:
        made[request.param] = MAKE[request.param]()
    return made[request.param]


every_model = pytest.mark.parametrize("lm", MAKE, indirect=True)


def figures():
    """The widgets that are made from a model and texts, found by their signature."""
    found = {name: getattr(widgets, name) for name in widgets.__all__}
    return {n: w for n, w in found.items() if "lm" in inspect.signature(w.__init__).parameters}


FIGURES = figures()
REQUESTS = {
    "NextToken": {"kind": "next-token", "text": "the cat", "path": []},
    "ChainRule": {"kind": "chain-rule", "text": "the cat"},
    "Generate": {"kind": "encode", "text": "the cat", "chat": False},
    "AttentionMap": {"kind": "attention", "text": "the cat"},
    "MultiHead": {"kind": "multi-head", "text": "the cat"},
}
INSIDE = {"AttentionMap": {"smollm", "gpt"}, "MultiHead": {"smollm"}}  # what needs a transformer


def subclasses(kind):
    for module in pkgutil.iter_modules(lmkit.__path__, "lmkit."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return {c for c in kind.__subclasses__() if c.__module__.startswith("lmkit.")}


@pytest.mark.slow
def test_the_models_tried_here_are_all_there_are():
    assert {type(make()) for make in MAKE.values()} == subclasses(LanguageModel)
    assert set(FIGURES) == set(REQUESTS)


@every_model
@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_takes_every_model_or_says_why_not(figure, lm, request):
    name = request.node.callspec.params["lm"]
    if name not in INSIDE.get(figure, MAKE):
        with pytest.raises(ValueError, match=f"{lm.name} (has no attention|does not tell what)"):
            FIGURES[figure](lm, TEXT)
        return
    widget = FIGURES[figure](lm, TEXT)
    state = json.loads(json.dumps(widget.state(), allow_nan=False))
    assert state["model_name"] == lm.name and state["text"] == TEXT
    assert "nan" not in widget.summary() + widget.fallback()
    assert len(widget.summary().splitlines()) >= 1 and widget.summary() != TEXT
    assert json.dumps(widget.answer(REQUESTS[figure]), allow_nan=False) != "{}"


@every_model
def test_live_leads_every_models_figures(lm):
    parts = [widgets.NextToken(lm, TEXT, depth=1), widgets.Generate(lm, TEXT, length=2)]
    live = widgets.Live([("a text", TEXT), ("another", "the dog")], *parts)
    live.text = "the dog"
    assert [part.text for part in parts] == ["the dog"] * 2
    assert [example["stored"] for example in live.examples] == [True, False]


@every_model
def test_a_greedy_run_is_what_the_model_generates(lm):
    widget = widgets.Generate(lm, TEXT, length=6)
    ids = [token["i"] for token in widget.runs[0]["tokens"]]
    assert ids == list(lm.generate_ids(lm.begin(TEXT), 6, temperature=0))
    assert "".join(lm.tokens(ids)) == "".join(lm.generate(TEXT, 6, temperature=0))


@every_model
def test_the_chain_rule_holds(lm):
    """log P(text) + log P(next | text) = log P(text + next)."""
    alone = sum(log_p for _, log_p in lm.log_probs(TEXT))
    for token, p in lm.next_token(TEXT, k=3):
        together = sum(log_p for _, log_p in lm.log_probs(TEXT + token))
        assert alone + (math.log(p) if p else -math.inf) == pytest.approx(together, abs=1e-3)
    assert sum(p for _, p in lm.next_token(TEXT, k=10**6)) == pytest.approx(1, abs=1e-4)
    assert lm.log_probs("") == []


@every_model
def test_the_chain_rules_figure_shows_the_models_own_measure(lm):
    tokens = widgets.ChainRule(lm, TEXT).sentences[0]["tokens"]
    measured = lm.log_probs(TEXT)
    assert "".join(token["t"] for token in tokens).strip() == TEXT
    assert [token["l"] for token in tokens] == pytest.approx([p for _, p in measured], abs=2e-4)


@every_model
def test_a_reading_in_any_order_gives_what_reading_anew_gives(lm):
    ids, other, reading = lm.begin(TEXT), lm.begin("the dog sat on"), Reading(lm)
    for text in (ids, ids[:3], other, [*other, ids[2]], ids):
        fresh = Reading(lm).logits(text)
        torch.testing.assert_close(reading.logits(text), fresh, atol=2e-4, rtol=1e-4)
    with pytest.raises(ValueError, match="ids are empty"):
        reading.logits([])
    torch.testing.assert_close(reading.logits(ids), lm.all_logits(ids)[-1], atol=2e-4, rtol=1e-4)


def test_a_reading_that_failed_is_not_taken_for_one_that_did_not():
    lm = smollm.load()
    reading, ids = Reading(lm), lm.begin("The cat sat")
    want = reading.logits(ids)
    with pytest.raises(ValueError, match="ids must lie between"):
        reading.logits([*ids[:2], 10**6])
    torch.testing.assert_close(reading.logits(ids), want, atol=2e-4, rtol=0)


@pytest.mark.parametrize("name", BOOK)
def test_log_probs_are_those_of_training_behind_a_line_end(name):
    model, tokenizer = checkpoints.load(name)
    text = "To be, or not to be, that is the question: whether 'tis nobler in the mind to suffer"
    want = train.log_probs(model, tokenizer.encode("\n" + text))  # more than the GPT's context
    got = torch.tensor([log_p for _, log_p in model.log_probs(text)])
    torch.testing.assert_close(got, want, atol=1e-4, rtol=1e-4)


def test_an_ngrams_words_are_joined_as_they_were():
    lm = MAKE["words"]()
    assert [token for token, _ in lm.log_probs("the cat sat")] == ["the", "cat", "sat"]
    assert widgets.Generate(lm, "the", length=3).summary().startswith("the ▸ ")
    assert lm.log_probs("the cat") == lm.log_probs(["the", "cat"])
    with pytest.raises(ValueError, match="'bird' is not in the vocabulary"):
        widgets.NextToken(lm, "the bird")
    assert lm.perplexity("the cat sat") == pytest.approx(lm.perplexity(["the", "cat", "sat"]))


def test_what_never_follows_has_a_probability_that_a_page_can_hold():
    lm = MAKE["unsmoothed"]()
    (tokens,) = (one["tokens"] for one in widgets.ChainRule(lm, "cd").sentences)
    assert tokens[-1]["l"] == -1000 and lm.log_probs("cd")[-1][1] == -math.inf
    with pytest.raises(ValueError, match=r"nothing ever followed .*: smooth the model"):
        widgets.NextToken(NGram(LINES, 3, smoothing="add_k", k=0), "ccc")


def test_chat_is_for_those_that_were_taught_it():
    with pytest.raises(ValueError, match="GPT was not taught to chat"):
        widgets.Generate(MAKE["gpt"](), "Hello", chat=True)


def untrained(tokenizer=None):
    torch.manual_seed(0)
    model = GPT(
        GPTConfig(
            tokenizer.n_vocab if tokenizer else 30, n_context=8, n_layer=1, n_head=1, n_embd=8
        )
    ).eval()
    model.tokenizer = tokenizer
    return model


def test_without_a_tokenizer_and_without_a_start_a_model_says_so():
    with pytest.raises(ValueError, match=r"GPT has no tokenizer yet: .*model\.tokenizer = "):
        widgets.NextToken(untrained(), TEXT)
    lm = untrained(CharTokenizer.train(TEXT, 30))
    assert lm.start_id is None
    assert [token for token, _ in lm.log_probs("cat")] == ["a", "t"]  # the first one is given
    assert [chip["t"] for chip in widgets.NextToken(lm, "cat", depth=1).trees[0]["start"]] == [
        *"cat"
    ]
    with pytest.raises(ValueError, match="GPT has no start token"):
        widgets.ChainRule(lm, "cat")
    with pytest.raises(ValueError, match="ids are empty"):
        lm.next_token("")


def test_words_go_on_behind_a_space():
    torch.manual_seed(0)
    lm = CharRNN("gru", 12, 8, 8).eval()
    lm.tokenizer = WordTokenizer.train(LINES, 12)
    written = "".join(lm.generate("the", 4, seed=1))
    assert written[0] == " " and len(written.split()) == 4


def test_the_start_goes_by_the_name_that_views_know():
    state = widgets.AttentionMap(MAKE["gpt"](), "the").maps[0]["tokens"]
    assert [token["t"] for token in state] == ["<|endoftext|>", "t", "h", "e"]
    run = widgets.Generate(MAKE["words"](), "the", length=1).runs[0]
    assert [token["t"] for token in run["start"]] == ["<|endoftext|>", " the"]


@pytest.mark.parametrize("ids", [["a"], [0.5], [True], [[1]], None, "text", 5])
def test_ids_are_whole_numbers(ids):
    with pytest.raises(TypeError, match="ids must be a list of whole numbers"):
        as_ids(ids)


@pytest.mark.parametrize("n", [-1, 1.5, "2"])
def test_no_model_writes_fewer_than_no_tokens(n):
    for name in BOOK:
        with pytest.raises((TypeError, ValueError), match="max_new_tokens must be a whole number"):
            MAKE[name]().generate_ids([1], n)

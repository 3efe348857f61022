"""Every public name of the package, given what is wrong, says in a sentence what would be right.

Names and parameters are found: a new function is met without a line here, as long as its
parameters have names that `GOOD` knows, and fails until it is. What is left out stands in
`EXCEPTIONS`, with its reason.
"""

import collections.abc
import functools
import inspect
import itertools
import math
import re
import traceback
import types
import typing
from pathlib import Path

import numpy as np
import pytest
import torch
import traitlets
from torch import nn

import lmkit
from lmkit import embeddings, generate, given, lm, minilm, ngram, plot, rnn, smollm, transformer
from lmkit.assets import ASSETS, AssetError
from lmkit.progress import History
from lmkit.smollm.net import END_OF_TEXT, MESSAGE_END, MESSAGE_START
from lmkit.tokenizers import BPETokenizer, CharTokenizer, WordPiece, WordTokenizer

HERE = Path(lmkit.__file__).parent
TEXT = "the cat sat on the mat. the dog sat on the log.\n"
SPECIAL = (END_OF_TEXT, MESSAGE_START, MESSAGE_END)
CHARS = CharTokenizer.train(TEXT, 60)


def gpt():
    torch.manual_seed(0)
    model = transformer.GPT(transformer.GPTConfig(CHARS.n_vocab, 16, 1, 2, 8)).eval()
    model.tokenizer = CHARS
    return model


def char_rnn():
    torch.manual_seed(0)
    return rnn.CharRNN("rnn", CHARS.n_vocab, 4, 8).eval()


def smol():
    torch.manual_seed(0)
    tokenizer = BPETokenizer.train(TEXT, 280, SPECIAL)
    model = smollm.SmolLM(smollm.Config(2, 2, 1, 8, 16, 280, 512, 1e4, 1e-5), tokenizer)
    for p in model.parameters():
        nn.init.normal_(p)
    return model.requires_grad_(False).eval()


@functools.cache
def bert():
    return minilm.load()


def glove():
    words = sorted({*TEXT.replace(".", "").split(), *["king", "man", "woman", "queen", "prince"]})
    torch.manual_seed(0)
    return embeddings.WordVectors(words, torch.randn(len(words), 6).numpy())


def saved(tokenizer):
    tokenizer.save("tokenizer.json")
    return "tokenizer.json"


# What is right, by the parameter's name; where that is not enough, by function and name.
GOOD = {
    "ablate": lambda: [],
    "answers": lambda: {},
    "alt": lambda: "A line.",
    "attentions": lambda: None,
    "attn": lambda: torch.rand(1, 2, 6, 6),
    "ax": lambda: plot.figure()[1],
    "bert": bert,
    "by": lambda: -1,
    "cache": lambda: None,
    "config": lambda: transformer.GPTConfig(20, 8, 1, 2, 8),
    "context": lambda: "a",
    "contexts": lambda: "the cat",
    "corpus": lambda: TEXT,
    "examples": lambda: ("A sentence", "the cat"),
    "fig": lambda: plot.figure()[0],
    "gpt": gpt,
    "height": lambda: 2,
    "id": lambda: 1,
    "ids": lambda: [1, 2],
    "k": lambda: 2,
    "kind": lambda: "rnn",
    "label": lambda: "level",
    "length": lambda: 3,
    "lm": gpt,
    "logits": lambda: torch.tensor([1.0, 2.0, 3.0]),
    "mask": lambda: None,
    "max_new_tokens": lambda: 2,
    "merges": lambda: [("a", "b")],
    "messages": lambda: "hello",
    "minilm": lambda: WordPiece.train(TEXT, 60),
    "model": gpt,
    "n": lambda: 2,
    "n_embd": lambda: 8,
    "n_head": lambda: 2,
    "n_hidden": lambda: 8,
    "n_new": lambda: 2,
    "n_seen": lambda: 3,
    "name": lambda: "intro-rules",
    "networks": lambda: {"RNN": {"h": torch.rand(2, 3)}},
    "next_log_probs": lambda: lambda ids: torch.tensor([0.5, 0.5]).log(),
    "next_logits": lambda: lambda ids: torch.tensor([1.0, 2.0]),
    "out": lambda: smol()([1, 2, 3]),
    "pad_id": lambda: 0,
    "pairs": lambda: [("king", "man", 3.0), ("queen", "woman", 4.0), ("king", "cat", 1.0)],
    "parts": lambda: lmkit.widgets.ChainRule(gpt_with_start(), "the cat"),
    "path": lambda: "answers.json",
    "positive": lambda: "king",
    "probs": lambda: torch.tensor([0.5, 0.5]),
    "prompts": lambda: "the cat",
    "questions": lambda: [("family", "king", "man", "queen", "woman")],
    "scores": lambda: torch.rand(2, 3),
    "sentences": lambda: "the cat",
    "smol": lambda: BPETokenizer.train(TEXT, 280),
    "special": lambda: (),
    "state": lambda: None,
    "stop_ids": lambda: (),
    "stride": lambda: 1,
    "student": lambda: len,
    "symbol": lambda: "a",
    "text": lambda: "the cat",
    "texts": lambda: "the cat",
    "token_id": lambda: 1,
    "tokenizer": lambda: CHARS,
    "tokens": lambda: ["a", "b"],
    "vectors": glove,
    "vocab": lambda: {"<unk>": 0, "[UNK]": 1, "a": 2, "b": 3, "ab": 4},
    "vocab_size": lambda: 300,
    "weights": lambda: {},
    "width": lambda: 2,
    "word": lambda: "king",
    "words": lambda: ["cat", "dog"],
    "x": lambda: [1.0, 2.0, 3.0],
    "y": lambda: [1.0, 3.0, 2.0],
    "answers.AnswerFile.save.seen": lambda: "",
    "answers.AnswerFile.save.ticks": lambda: [],
    "answers.AnswerFile.merge.text": lambda: '{"schema": "lmkit-answers/1", "answers": {}}',
    "answers.parse.text": lambda: '{"schema": "lmkit-answers/1", "answers": {}}',
    "assets.find.name": lambda: "smollm2",
    "assets.path.name": lambda: "shakespeare",
    "checkpoints.find.path": lambda: "gpt",
    "checkpoints.load.path": lambda: "gpt",
    "checkpoints.read_about.path": lambda: "gpt",
    "checks.check.name": lambda: "perplexity",
    "checks.verdict.name": lambda: "perplexity",
    "embeddings.WordVectors.vectors": lambda: np.eye(2),
    "embeddings.WordVectors.a": lambda: "king",
    "embeddings.WordVectors.b": lambda: "man",
    "embeddings.WordVectors.c": lambda: "woman",
    "embeddings.WordVectors.vector": lambda: "king",
    "embeddings.WordVectors.answers.questions": lambda: np.array([[0, 1, 2]]),
    "embeddings.WordVectors.pca.words": lambda: ["king", "man", "woman"],
    "embeddings.pca.vectors": lambda: np.eye(3),
    "embeddings.quantise.vectors": lambda: np.eye(3),
    "embeddings.load_glove.vocab_size": lambda: 10,
    "embeddings.read_analogies.path": lambda: None,
    "embeddings.read_pairs.name": lambda: "wordsim353",
    "generate.filter_top_p.p": lambda: 0.9,
    "gguf.read.path": lambda: ASSETS and lmkit.assets.path("smollm2"),
    "heads.induction.period": lambda: 2,
    "heads.repeated.start": lambda: 0,
    "heads.resolves.pronoun": lambda: 3,
    "heads.resolves.noun": lambda: 1,
    "heads.resolves.others": lambda: [2],
    "lm.LanguageModel.generate.text": lambda: "the",
    "ngram.NGram.vocab": lambda: ["a", "b"],
    "ngram.NGram.text": lambda: "abab",
    "ngram.NGram.k": lambda: 1.0,
    "ngram.SymbolTokenizer.text": lambda: "ab",
    "ngram.SymbolTokenizer.vocab": lambda: ["a", "b"],
    "plot.level.y": lambda: 1.0,
    "rnn.CharRNN.forward.ids": lambda: torch.tensor([[1, 2]]),
    "rnn.CharRNN.run.ids": lambda: torch.tensor([[1, 2]]),
    "rnn.CharRNN.trace.ids": lambda: torch.tensor([[1, 2]]),
    "rnn.Recurrent.input_size": lambda: 2,
    "rnn.Recurrent.hidden_size": lambda: 3,
    "rnn.Recurrent.x": lambda: torch.rand(1, 2, 2),
    "rnn.Recurrent.state_dict": lambda: rnn.RNN(2, 3).state_dict(),
    "smollm.SmolLM.config": lambda: smol().config,
    "smollm.SmolLM.tokenizer": lambda: smol().tokenizer,
    "smollm.load.dtype": lambda: torch.float32,
    "smollm.pad.texts": lambda: [[1], [1, 2]],
    "tokenizers.BPETokenizer.load.path": lambda: saved(BPETokenizer.train(TEXT, 280)),
    "tokenizers.WordPiece.load.path": lambda: saved(WordPiece.train(TEXT, 60)),
    "tokenizers.WordTokenizer.load.path": lambda: saved(WordTokenizer.train(TEXT, 60)),
    "train.log_probs.ids": lambda: [1, 2, 3],
    "train.train.ids": lambda: [1, 2, 3] * 10,
    "train.train.steps": lambda: 1,
    "train.train.block_size": lambda: 4,
    "transformer.GPT.ids": lambda: torch.tensor([[1, 2]]),
    "transformer.GPT.next_logits.ids": lambda: [1, 2],
    "transformer.GPT.inside.ids": lambda: [1, 2],
    "transformer.GPT.config": lambda: transformer.GPTConfig(20, 8, 1, 2, 8),
    "transformer.attention.q": lambda: torch.rand(2, 3),
    "transformer.attention.k": lambda: torch.rand(2, 3),
    "transformer.attention.v": lambda: torch.rand(2, 3),
    "transformer.sinusoidal.d": lambda: 4,
    "widgets.AttentionMap.lm": smol,
    "widgets.ChainRule.lm": lambda: gpt_with_start(),
    "widgets.ContextualBank.sentences": lambda: ["a cat", "the cat"],
    "widgets.ContextualBank.word": lambda: "cat",
    "widgets.EmbeddingArithmetic.examples": lambda: [("works", "king - man + woman", "See.")],
    "widgets.EmbeddingMap.groups": lambda: {"people": "king queen man woman"},
    "widgets.Live.examples": lambda: [("A sentence", "the cat")],
    "widgets.MultiHead.lm": smol,
    "widgets.QuickCheck.name": lambda: "intro-check-quick",
    "widgets.TokenizerPlayground.vocab_size": lambda: 300,
}
GOOD |= {name: GOOD[key] for name, key in (("negative", "positive"), ("new", "n"))}


def gpt_with_start():
    """With a line end, behind which its texts begin."""
    return gpt()


INSTANCES = {  # of classes that have methods
    "AnswerFile": lambda tmp: lmkit.answers.AnswerFile(tmp / "answers.json"),
    "BPETokenizer": lambda tmp: BPETokenizer.train(TEXT, 300),
    "ByteTokenizer": lambda tmp: lmkit.tokenizers.ByteTokenizer(),
    "CharRNN": lambda tmp: char_rnn(),
    "GPT": lambda tmp: gpt(),
    "History": lambda tmp: History(2, [1.0, 2.0]),
    "LanguageModel": lambda tmp: gpt(),
    "MiniLM": lambda tmp: bert(),
    "NGram": lambda tmp: ngram.NGram("abab", 2),
    "Reading": lambda tmp: lm.Reading(gpt()),
    "Recurrent": lambda tmp: rnn.RNN(2, 3),
    "SmolLM": lambda tmp: smol(),
    "SymbolTokenizer": lambda tmp: ngram.SymbolTokenizer(["a", "b"]),
    "WordPiece": lambda tmp: WordPiece.train(TEXT, 60),
    "WordTokenizer": lambda tmp: WordTokenizer.train(TEXT, 60),
    "WordVectors": lambda tmp: glove(),
}

# What is not tried, and why.
EXCEPTIONS = {
    r"answers\.(saved|merged|export|report)\b": "its records were made by `parse` or `AnswerFile`",
    r"assets\.(materialise|intact|asset_key|Asset)\b": "called with rows of its own table",
    r"checks\.(check|verdict)\.student": "told by `check` itself, not by an error: test_checks",
    r"checks\.expect\b": "called by checks, which compare anything",
    r"lm\.(batch|heads_of|language_model)\b": "it is what tells",
    r"given\.": "it is what tells",
    r"gguf\.dequantise_": "its blocks are those that `read` lays over a file",
    r"(lm\.Tokenizer|lm\.Output|minilm\.Output)\b": "what models have and give",
    r"lm\.LanguageModel\.(inside|head_outputs|chat_ids|next_logits)\b": "fails with anything",
    r"lm\.LanguageModel\.check_length\b": "called with a length, to raise",
    r"minilm\.MiniLM\.(weights|run)": "made by `load`, called with the ids of its own tokenizer",
    r"ngram\.NGram\.next_logits\.cache": "counts keep nothing, and look at no cache",
    r"ngram\.known\b": "called with what was given to a model, to raise",
    r"progress\.(Progress|History\.(steps|losses|val|samples))\b": "made by `train`",
    r"rnn\.(\w+_cell\b|\w+\.cell\b)": "the equation itself, as chapter 5 has it; its layer checks",
    r"(rnn\.CharRNNConfig|smollm\.Config)\b": "what a model says of itself; the model checks",
    r"(smollm|transformer)\.KVCache\b": "inside a network, between two layers",
    r"transformer\.(MLP|Block|MultiHeadAttention)\.(forward|heads|weights)\b": "inside a network",
    r"transformer\.GPT\.logits\b": "inside a network: takes its own hidden states",
    r"smollm\.rotate\b": "the formula itself; inside a network",
    r"tokenizers\.(merge|replace_pair|learn_merges|PairCounts)\b": "the inner loop of `encode` and "
    "`train`, which have checked",
    r"train\.(adamw|rate|update|logits_of|note)\b": "a step of `train`, which has checked",
    r"widgets\.\w+\.answer\b": "a request comes from the figure's own view",
    r"\.(options|traits|settings|notes|changes|args|kwargs)$": "any of another function's options",
}


def modules():
    return {name: getattr(lmkit, name) for name in lmkit.__all__}


def offered(name, module):
    """The functions and classes that a module offers and that are its own, or the package's."""
    names = getattr(module, "__all__", None) or [
        key for key, x in vars(module).items()
        if key[0] != "_" and getattr(x, "__module__", None) == module.__name__
    ]  # fmt: skip
    for key in names:
        found = getattr(module, key)
        if inspect.isclass(found) and not issubclass(found, BaseException):
            yield f"{name}.{key}", found
            yield from methods(f"{name}.{key}", found)
        elif inspect.isroutine(found) or hasattr(found, "__wrapped__"):
            yield f"{name}.{key}", found


def methods(name, owner):
    for key, found in vars(owner).items():
        function = getattr(found, "__func__", found)
        if (key[0] != "_" or key in ("__call__", "__getitem__")) and inspect.isfunction(function):
            yield f"{name}.{key}", found


def parameters():
    """Each parameter of each public name, as `module.Class.method.parameter`, to be tried."""
    for name, found in (pair for n, m in modules().items() for pair in offered(n, m)):
        function = found.__init__ if inspect.isclass(found) else getattr(found, "__func__", found)
        if inspect.isclass(found) and "__init__" not in vars(found):
            continue  # its parent's, or none
        hints = typing.get_type_hints(inspect.unwrap(function))
        for p in [*inspect.signature(function).parameters.values()]:
            if p.name not in ("self", "cls") and accepted(hints.get(p.name, typing.Any)):
                yield f"{name}.{p.name}"


def accepted(hint):
    """The kinds that a hint allows, {int, None}; none where anything, or a bool, may be."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        kinds = [accepted(part) for part in typing.get_args(hint)]
        return set().union(*kinds) if all(kinds) else set()
    if hint in (typing.Any, bool, typing.Self) or hint is collections.abc.Hashable:
        return set()
    return {typing.get_origin(hint) or hint}


ALL = sorted(set(parameters()))
TRIED = [name for name in ALL if not any(re.search(rule, name) for rule in EXCEPTIONS)]


def resolve(name):
    """The class of a method, or None; what is called; and the parameter's own name."""
    module, *path, parameter = name.split(".")
    owner, found = None, getattr(lmkit, module)
    for key in path:
        owner, found = found, inspect.getattr_static(found, key) if inspect.isclass(found) else (
            getattr(found, key)
        )  # fmt: skip
    return owner if inspect.isclass(owner) else None, found, parameter


def good(name, parameter):
    """A right value for a parameter: the most exact name that is known decides."""
    parts = name.split(".")[:-1]
    names = [".".join([*parts[:n], parameter]) for n in range(len(parts), 0, -1)] + [parameter]
    found = next((GOOD[key] for key in names if key in GOOD), None)
    assert found, f"GOOD has no right value for {name}: give it one, under the name {parameter!r}"
    return found()


def called(name, tmp, /, **changes):
    """Call what a parameter belongs to with right values, but for the changes."""
    owner, found, _ = resolve(name)
    function = found.__init__ if inspect.isclass(found) else getattr(found, "__func__", found)
    if inspect.isclass(found):
        call = found
    elif owner is None or isinstance(found, staticmethod):
        call = function
    elif isinstance(found, classmethod):
        call = getattr(owner, function.__name__)
    else:
        call = getattr(INSTANCES[owner.__name__](tmp), function.__name__)
    args, options, skipped = [], dict(changes), False
    for p in inspect.signature(function).parameters.values():
        if p.name in ("self", "cls", "args") or p.kind is p.VAR_KEYWORD:
            continue
        optional = p.default is not p.empty and p.name not in changes
        if optional and not overridden(name, p.name):
            skipped = True
            continue
        skipped = skipped or optional
        options.pop(p.name, None)
        value = changes[p.name] if p.name in changes else good(name, p.name)
        if p.kind is p.VAR_POSITIONAL:
            args.append(value)
        elif p.kind is p.KEYWORD_ONLY or optional or skipped:
            options[p.name] = value
        else:
            args.append(value)
    result = call(*args, **options)
    if isinstance(result, collections.abc.Iterator):
        list(itertools.islice(result, 5))


def overridden(name, parameter):
    return any(key.endswith(f".{parameter}") and name.startswith(key.rpartition(".")[0] + ".")
               for key in GOOD)  # fmt: skip


WRONG = (None, object(), "no such", 2.5, [object()], True)


def fits(value, kinds, name):
    """Tell whether a hint allows a value, so far as its outer kind goes."""
    symbols = "ngram" in name and bool(kinds & {collections.abc.Sequence, collections.abc.Iterable})
    symbols = symbols and not name.endswith(".ids")  # any hashable thing is a symbol of an n-gram
    if value is None:
        return type(None) in kinds
    if isinstance(value, str):
        return bool({Path, str} & kinds) or symbols
    if isinstance(value, list):
        return symbols
    if isinstance(value, bool):
        return not {int, float} & kinds
    if isinstance(value, float):
        return float in kinds
    return False


def wrongs(name):
    _, found, parameter = resolve(name)
    function = found.__init__ if inspect.isclass(found) else getattr(found, "__func__", found)
    kinds = accepted(typing.get_type_hints(inspect.unwrap(function))[parameter])
    yield from (value for value in WRONG if not fits(value, kinds, name))
    if int in kinds and parameter not in ("by",):
        yield -1
    if float in kinds:
        yield math.nan


def complaint(error, parameter, value):
    """What is wrong with an error, or None."""
    *_, last = traceback.extract_tb(error.__traceback__)
    said = str(error)
    if not isinstance(error, traitlets.TraitError):  # traitlets' own sentences are good
        if not Path(last.filename).is_relative_to(HERE):
            return f"not raised by lmkit but in {last.filename}:{last.lineno}: {error!r}"
        if not re.match(r"\s*raise\b", last.line or ""):
            return f"not raised on purpose, in {last.filename}:{last.lineno}: {error!r}"
    if not isinstance(error, TypeError | ValueError | AssetError | traitlets.TraitError):
        return f"a {type(error).__name__}: {said}"
    inner = value[0] if isinstance(value, list) else value
    named = (rf"\b{parameter}\b", *map(re.escape, (given.shown(value), repr(value), repr(inner))))
    if not any(re.search(name, said) for name in (*named, given.shown(inner))):
        return f"names neither {parameter} nor the value: {said!r}"
    if len(said.split()) < 4 or "\n" in said or not re.search(r"[\w'\")\].?…}>]$", said):
        return f"is no sentence: {said!r}"
    return None


@pytest.mark.parametrize("name", TRIED)
def test_what_is_wrong_is_told(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parameter, problems = name.rpartition(".")[2], []
    for value in wrongs(name):
        try:
            called(name, tmp_path, **{parameter: value})
        except Exception as error:
            if told := complaint(error, parameter, value):
                problems.append(f"{value!r}: {told}")
        else:
            problems.append(f"{value!r} is accepted")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", sorted({name.rpartition(".")[0] for name in TRIED}))
def test_what_is_right_is_taken(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    called(f"{name}.", tmp_path)


def test_numbers_of_other_libraries_are_numbers():
    for three in (np.int64(3), torch.tensor(3), np.array(3)):
        assert given.whole(three, "k", 1) == 3 and given.ids([three, 1]) == [3, 1]
        assert given.number(three, "p", 0) == 3
    assert given.ids(torch.tensor([1, 2])) == given.ids(np.array([1, 2])) == given.ids({1, 2})
    assert gpt().next_token("the", k=np.int64(2)) == gpt().next_token("the", k=2)
    for wrong in (torch.tensor([3, 4]), torch.tensor(3.0), np.float64(3), 3.0, "3", b"3", False):
        with pytest.raises(TypeError, match="k must be a whole number, 1 or more, not "):
            given.whole(wrong, "k", 1)


@pytest.mark.parametrize(
    ("call", "right"),
    [
        (lambda: glove()[5], "word must be a str, not 5"),
        (lambda: glove()[None], "word must be a str, not None"),
        (lambda: glove().most_similar(None), "positive must be a word, a vector or a list of such"),
        (lambda: glove().most_similar("king", topn="a"), "topn must be a whole number, 1 or more"),
        (lambda: glove().most_similar("king", topn=-1), "1 or more, not -1"),
        (lambda: embeddings.load_glove("x"), "vocab_size must be a whole number between 1 and 400"),
        (lambda: embeddings.pca([[1, 2]]), r"vectors \(1, 2\) have no 2 principal axes"),
        (lambda: embeddings.pca([[1], [1, 2]]), "vectors must be an array of numbers, a row per"),
        (
            lambda: glove().evaluate_analogies([("family", "king", "man")]),
            "each of the questions must be a section and four words, and .*'king', 'man'.* is not",
        ),
        (lambda: gpt().next_token("the", k="a"), "k must be a whole number, 1 or more, not 'a'"),
        (lambda: gpt().next_token("the", k=2.5), "k must be a whole number, 1 or more, not 2.5"),
        (lambda: gpt().generate("the", 3, temperature="a"), "temperature must be a number, 0 or m"),
        (lambda: gpt().generate("the", 3, temperature=None), "a number, 0 or more, not None"),
        (lambda: gpt().generate("the", 3, top_k="a"), "top_k must be a whole number, 1 or more"),
        (lambda: gpt().generate("the", 3, seed="a"), "seed must be a whole number between 0 and"),
        (lambda: gpt().generate("the", 3, seed=1.5), "seed must be .*, not 1.5"),
        (
            lambda: gpt().generate("the", 3, seed=2**70),
            "seed must be .*, not 1180591620717411303424",
        ),
        (lambda: smol()([1], ablate=5), "ablate must be a list of tuples: a pair .*, not 5"),
        (lambda: smol()([1], ablate=(3, 2)), r"must be a pair \(layer, head\), and 3 is not"),
        (lambda: smol()([1], ablate=["a"]), r"must be a pair \(layer, head\), and 'a' is not"),
        (lambda: CHARS.decode("ab"), "ids must be a list of whole numbers, .*, not 'ab'"),
        (lambda: CHARS.decode(None), "ids must be a list of whole numbers, .*, not None"),
        (lambda: CHARS.decode([1.5]), "each of the ids must be a whole number, 0 or more, not 1.5"),
        (lambda: gpt().tokens("hello"), "ids must be a list of whole numbers, .*, not 'hello'"),
        (lambda: generate.probabilities([1, 2, 3]), r"logits must be a tensor \(V,\), not a list"),
        (lambda: generate.softmax(None), r"logits must be a tensor \(V,\), not None"),
        (lambda: transformer.attention([1], [2], [3]), "q must be a tensor .*, not a list"),
        (lambda: transformer.GPT("ab"), r"config must be a GPTConfig\(vocab_size=…\), not 'ab'"),
        (lambda: transformer.GPTConfig(5, n_layer=-1), "n_layer must be a whole number, 1 or more"),
        (lambda: rnn.RNN([2], 3), "input_size must be a whole number, 1 or more, not a list"),
        (lambda: transformer.sinusoidal(-3, 4), "n must be a whole number, 0 or more, not -3"),
        (lambda: BPETokenizer.train("low", "300"), "vocab_size must be a whole number, .*'300'"),
        (lambda: lmkit.assets.path(None), "name must be a str, not None"),
        (lambda: smollm.load("x"), "dtype must be one of torch's, such as torch.bfloat16, not 'x'"),
        (lambda: lmkit.widgets.NextToken(None, "a"), "lm must be a language model, such as"),
        (lambda: lmkit.widgets.NextToken(gpt(), "the", depth=-1), "depth must be .*1 or more, not"),
        (lambda: lmkit.widgets.EmbeddingArithmetic(None), "vectors must be WordVectors, as"),
        (
            lambda: lmkit.widgets.MultiHead(smol(), "cat", layer=99),
            "layer must be .* between 0 and 1",
        ),
        (lambda: lmkit.widgets.Generate(gpt(), "a", temperature=-1), "no setting 'temperature'"),
        (
            lambda: lmkit.widgets.Generate(gpt(), "the", settings=[{"temperature": -1}]),
            "temperature must be a number, 0 or more, not -1",
        ),
        (
            lambda: lmkit.widgets.Generate(gpt(), "the", settings=[{"temprature": 1}]),
            "settings must be of temperature, top_k, top_p, seed, not 'temprature'",
        ),
    ],
)
def test_what_a_student_gave(call, right):
    with pytest.raises((TypeError, ValueError), match=right) as told:
        call()
    assert complaint(told.value, "", None) is None


@pytest.mark.parametrize("figure", lmkit.widgets.__all__)
def test_a_figure_has_no_settings_that_it_does_not_know(figure):
    with pytest.raises(
        TypeError, match=r"no setting 'colour'; it has |unexpected keyword argument"
    ):
        called(f"widgets.{figure}.colour", None, colour="red")

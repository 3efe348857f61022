"""The widgets of chapter 2; the browser is held to the same vectors (tests/js/tokenizers…)."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import regex
from test_tokenizers import TEXTS
from traitlets import TraitError

from lmkit import assets
from lmkit.tokenizers import (
    CHAR_TO_BYTE,
    BPETokenizer,
    ByteTokenizer,
    CharTokenizer,
    WordPiece,
    WordTokenizer,
)
from lmkit.widgets import BPETrainer, TokenizerPlayground
from tools import vocabularies

ROOT = Path(__file__).parent.parent.parent
DATA = ROOT / "tests" / "data" / "tokenizers.json"
LEARN = [
    "low low low low low lower lower newest newest newest newest newest newest widest widest",
    "aaaa aaa aa a aaaaaaaa",
    "evlerinizden evlerimizden evlerden, evde",
    "我们看到大海，大海看到我们。",
    "12 112 1112\n\n  x\ty",
    "é è ê 🦊🦊",
    "",
]


def vectors():
    """What Python makes of the texts: `python tests/python/test_tokenizer_widgets.py` writes it."""
    corpus = "\n".join(TEXTS)
    tokenizers = {
        "words": WordTokenizer.train(corpus, 60),
        "characters": CharTokenizer.train(corpus, 200),
        "bytes": ByteTokenizer(),
        "bpe": BPETokenizer.train(corpus, 500, split_digits=True),
        "wordpiece": WordPiece.train(corpus, 900),
    }
    cases = [{"text": text} | {n: t.encode(text) for n, t in tokenizers.items()} for text in TEXTS]
    merges = [
        [[[CHAR_TO_BYTE[c] for c in part] for part in pair] for pair in trained.merges]
        for trained in (BPETokenizer.train(text, 256 + 60, split_digits=True) for text in LEARN)
    ]
    return {
        "words": list(tokenizers["words"].vocab),
        "characters": list(tokenizers["characters"].vocab),
        "merges": [" ".join(pair) for pair in tokenizers["bpe"].merges],
        "pieces": list(tokenizers["wordpiece"].vocab),
        "cases": cases,
        "trained": [{"text": t, "merges": m} for t, m in zip(LEARN, merges, strict=True)],
    }


def test_shared_vectors_are_those_of_python():
    assert json.loads(DATA.read_text("utf-8")) == vectors()


@pytest.fixture(scope="module")
def playground(model):
    minilm = WordPiece.load(assets.path("minilm") / "tokenizer.json")
    examples = [("a name", "Arya is amazing!"), ("a fox", "🦊")]
    corpus = "Arya is here. Is the fox here? " * 20
    return TokenizerPlayground(corpus, model.tokenizer, minilm, *examples, vocab_size=300)


def test_playground_stores_what_the_real_tokenizers_make(playground, oracle_tokenizer):
    first, fox = playground.examples
    assert [token["i"] for token in first["smollm2"]] == oracle_tokenizer.encode(first["text"]).ids
    assert [token["t"] for token in first["minilm"]] == ["arya", "is", "amazing", "!"]
    assert fox["minilm"] == [{"t": "[UNK]", "i": 100}]
    assert playground.text == "Arya is amazing!"
    assert len(playground.merges.split("\n")) <= 44
    assert playground.words.split(" ")[0] == "<unk>"


def test_playground_answers_for_any_text(playground, oracle_tokenizer):
    reply = playground.answer({"kind": "tokenize", "text": "unbelievable <b>"})
    assert [token["i"] for token in reply["smollm2"]] == oracle_tokenizer.encode(
        "unbelievable <b>"
    ).ids
    with pytest.raises(ValueError, match="2,001 characters; here it may have 2,000"):
        playground.answer({"kind": "tokenize", "text": "a" * 2001})
    with pytest.raises(ValueError, match="at least one example"):
        TokenizerPlayground("a", playground._real["smollm2"], playground._real["minilm"])


def test_playground_has_a_plain_face(playground):
    assert "A|ry|a| is| amazing|!" in playground.summary()
    assert f"{'bytes':>10} {16:>4}  A|r|y|a| |i|s| " in playground.summary()
    assert "<td>arya|is|amazing|!</td>" in playground.fallback()
    assert playground.summary() == playground.summary()


def test_trainer_has_a_plain_face():
    widget = BPETrainer(LEARN[0], step=2)
    assert widget.summary().startswith("After 2 merges (e+s, es+t): l|o|w| |l|o|w|")
    assert "<td>est</td>" in widget.fallback()
    assert BPETrainer("").summary() == "After 0 merges (): "
    assert BPETrainer("ab ab", step=50).summary() == "After 2 merges (a+b, ·+ab): ab| ab"
    for step in (-1, 61):
        with pytest.raises(TraitError, match="'step' trait of a BPETrainer"):
            BPETrainer("ab ab", step=step)
    with pytest.raises(ValueError, match="2,001 characters; here it may have 2,000"):
        BPETrainer("a" * 2001)


def test_the_chapters_code_and_its_figure_merge_the_same_pairs():
    notebook = json.loads((ROOT / "notebooks" / "02-tokenization.ipynb").read_text("utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"]]
    code = {"Counter": Counter, "pairwise": pairwise}
    for name in ("join", "train"):
        exec(next(cell for cell in cells if cell.startswith(f"def {name}(")), code)
    pieces = [list(piece) for piece in regex.findall("·?[^·]+", LEARN[0].replace(" ", "·"))]
    alphabet = sorted({char for piece in pieces for char in piece})
    merges, _ = code["train"](pieces, {char: i for i, char in enumerate(alphabet)}, 15)
    assert merges == BPETrainer(LEARN[0])._merges()


def test_vocabularies_of_the_site_are_the_real_ones(model, tmp_path):
    vocabularies.write(tmp_path)
    lines = (tmp_path / "vocab" / "smollm2.txt").read_text("utf-8").split("\n")
    smol = model.tokenizer
    names = {i: token for token, i in (smol.vocab | smol.special).items()}
    assert [line.replace(" ", "").lstrip("\t") for line in lines] == [
        names[i] for i in range(smol.n_vocab)
    ]
    assert [tuple(line.split(" ")) for line in lines if " " in line] == smol.merges
    assert {line[1:] for line in lines if line.startswith("\t")} == set(smol.special)
    minilm = (tmp_path / "vocab" / "minilm.txt").read_text("utf-8").split("\n")
    real = WordPiece.load(assets.path("minilm") / "tokenizer.json").vocab
    assert {token: i for i, token in enumerate(minilm)} == real
    vocabularies.remove(tmp_path)
    assert not list(tmp_path.iterdir())


if __name__ == "__main__":
    DATA.write_text(json.dumps(vectors(), ensure_ascii=False, indent=None) + "\n", "utf-8")

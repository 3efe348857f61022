"""What chapters show in their folds is right, and their exercises' notebooks ask for all of it."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from lmkit import checks, questions

ROOT = Path(__file__).parent.parent.parent
EXERCISES = {
    "02-tokenization": {"count_pairs", "decode_bytes", "update_counts", "fewest_pieces"},
    "03-embeddings": {"cosine_similarity", "analogy", "skip_gram_pairs", "sgns_loss"},
    "04-sequence-modeling": {"mean_nll", "add_k", "bits_per_character", "beam_step"},
    "05-recurrent-networks": {"rnn_states", "clip_by_norm", "lstm_step", "gru_step"},
    "06-transformers": {"causal_weights", "several_heads", "sinusoids", "attend_next"},
}
# at the least
FORMULAS = {
    "04-sequence-modeling": 17,
    "05-recurrent-networks": 7,
    "06-transformers": 16,
}
every_chapter = pytest.mark.parametrize("chapter", EXERCISES)


def cells(folder, chapter):
    file = ROOT / folder / f"{chapter}.ipynb"
    return ["".join(c["source"]) for c in json.loads(file.read_text("utf-8"))["cells"]]


@pytest.mark.parametrize(
    ("folder", "chapter"),
    [("notebooks", chapter) for chapter in EXERCISES]
    + [("exercises", chapter) for chapter in FORMULAS],  # chapter 2 shows them at its end alone
)
def test_the_solutions_that_are_shown_pass_the_checks(folder, chapter):
    folds = [c for c in cells(folder, chapter) if "<details>" in c]
    code = "\n".join(re.findall(r"```python\n(.*?)```", "\n".join(folds), re.DOTALL))
    given = {"math": math, "torch": torch, "np": np}
    solutions = dict(given)
    exec(code, solutions)
    defined = {name for name, value in solutions.items() if given.get(name) is not value}
    assert {name for name in defined if name[0] != "_"} == EXERCISES[chapter]
    for name in EXERCISES[chapter]:
        assert checks.verdict(name, solutions[name]) is None


@every_chapter
def test_the_notebook_of_exercises_has_a_stub_and_a_check_for_each(chapter):
    text = "\n".join(cells("exercises", chapter))
    for name in EXERCISES[chapter]:
        assert f"def {name}(" in text and f'check("{name}", {name})' in text
    assert text.count("raise NotImplementedError") == len(EXERCISES[chapter])


@every_chapter
def test_a_chapter_leads_to_its_exercises_and_they_back(chapter):
    assert f"](../exercises/{chapter}.ipynb)" in "\n".join(cells("notebooks", chapter))
    assert f"](../notebooks/{chapter}.ipynb)" in "\n".join(cells("exercises", chapter))


@pytest.mark.parametrize(("chapter", "least"), FORMULAS.items())
def test_formulas_are_numbered_in_order_and_every_number_spoken_of_is_there(chapter, least):
    number = int(chapter[:2])
    text = "\n".join(cells("notebooks", chapter))
    tags = [int(n) for n in re.findall(rf"\\tag\{{{number}\.(\d+)\}}", text)]
    assert tags == list(range(1, len(tags) + 1)) and len(tags) >= least
    spoken = text + "\n".join(cells("exercises", chapter))
    assert {int(n) for n in re.findall(rf"\({number}\.(\d+)\)", spoken)} <= set(tags)


@every_chapter
def test_every_question_of_the_chapter_is_asked_in_it(chapter):
    text = "\n".join(cells("notebooks", chapter))
    asked = set(re.findall(r'(?:QuickCheck|SynthesisQuestion)\("([\w-]+)"\)', text))
    stored = json.loads((questions.FOLDER / f"{chapter}.json").read_text("utf-8"))
    assert asked == {q["id"] for q in stored["questions"]}

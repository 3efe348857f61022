"""What chapter 5 shows in its folds is right, and its exercises' notebook asks for all of it."""

import json
import math
import re
from pathlib import Path

import pytest
import torch

from lmkit import exercises

ROOT = Path(__file__).parent.parent.parent
EXERCISES = {"rnn_states", "clip_by_norm", "lstm_step", "gru_step"}


def cells(file):
    return ["".join(c["source"]) for c in json.loads((ROOT / file).read_text("utf-8"))["cells"]]


@pytest.mark.parametrize(
    "file", ["notebooks/05-recurrent-networks.ipynb", "exercises/05-recurrent-networks.ipynb"]
)
def test_the_solutions_that_are_shown_pass_the_checks(file):
    folds = [c for c in cells(file) if "One solution" in c]
    code = "\n".join(re.findall(r"```python\n(.*?)```", "\n".join(folds), re.DOTALL))
    solutions = {"math": math, "torch": torch}
    exec(code, solutions)
    assert set(solutions) >= EXERCISES
    for name in EXERCISES:
        assert exercises.verdict(name, solutions[name]) is None


def test_the_notebook_of_exercises_has_a_stub_and_a_check_for_each():
    text = "\n".join(cells("exercises/05-recurrent-networks.ipynb"))
    for name in EXERCISES:
        assert f"def {name}(" in text and f'check("{name}", {name})' in text
    assert text.count("raise NotImplementedError") == len(EXERCISES)


def test_formulas_are_numbered_in_order_and_every_number_spoken_of_is_there():
    text = "\n".join(cells("notebooks/05-recurrent-networks.ipynb"))
    tags = [int(n) for n in re.findall(r"\\tag\{5\.(\d+)\}", text)]
    assert tags == list(range(1, len(tags) + 1)) and len(tags) >= 7
    spoken = text + "\n".join(cells("exercises/05-recurrent-networks.ipynb"))
    assert {int(n) for n in re.findall(r"\(5\.(\d+)\)", spoken)} <= set(tags)


def test_every_question_of_the_chapter_is_asked_in_it():
    text = "\n".join(cells("notebooks/05-recurrent-networks.ipynb"))
    asked = set(re.findall(r'(?:QuickCheck|SynthesisQuestion)\("([\w-]+)"\)', text))
    stored = json.loads((ROOT / "exercises/05-recurrent-networks.json").read_text("utf-8"))
    assert asked == {q["id"] for q in stored["questions"]}

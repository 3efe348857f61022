"""What chapter 2 shows in its folds is right, and its exercises' notebook asks for all of it."""

import json
import re
from pathlib import Path

from lmkit import exercises

ROOT = Path(__file__).parent.parent.parent
EXERCISES = {"count_pairs", "decode_bytes", "update_counts", "fewest_pieces"}


def cells(file):
    return ["".join(c["source"]) for c in json.loads((ROOT / file).read_text("utf-8"))["cells"]]


def test_the_solutions_in_the_chapter_pass_the_checks():
    fold = next(c for c in cells("notebooks/02-tokenization.ipynb") if "<details>" in c)
    code = re.search(r"```python\n(.*?)```", fold, re.DOTALL)[1]
    solutions = {}
    exec(code, solutions)
    assert {name for name in solutions if name[0] != "_"} == EXERCISES
    for name in EXERCISES:
        assert exercises.verdict(name, solutions[name]) is None


def test_the_notebook_of_exercises_has_a_stub_and_a_check_for_each():
    text = "\n".join(cells("exercises/02-tokenization.ipynb"))
    for name in EXERCISES:
        assert f"def {name}(" in text and f'check("{name}", {name})' in text
    assert text.count("raise NotImplementedError") == len(EXERCISES)

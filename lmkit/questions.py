"""The book's questions: data that travels in the package, `exercises/NN-chapter.json`.

What a question holds says `exercises/schema.json`; the tests check it.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from lmkit import given

FOLDER = Path(__file__).parent / "exercises"


@cache
def questions() -> dict[str, dict[str, Any]]:
    """Return every question of the book by its id."""
    files = sorted(FOLDER.glob("[0-9]*.json"))
    chapters = [json.loads(file.read_text("utf-8")) for file in files]
    return {q["id"]: q for chapter in chapters for q in chapter["questions"]}


def question(name: str) -> dict[str, Any]:
    """Return one question; `ValueError` names those there are."""
    if given.text(name, "name") not in questions():
        raise ValueError(f"No question is called {name!r}; there are {', '.join(questions())}.")
    return questions()[name]

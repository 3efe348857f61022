"""Chapters and what belongs to them agree: numbers, formulas, links, exercises and questions."""

import ast
import json
import math
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import torch

from lmkit import checks, questions
from tools import notebooks, renumber

ROOT = Path(__file__).parent.parent.parent
DATA = questions.FOLDER  # questions and checks
CHAPTERS = renumber.chapters(ROOT)
PAGES = [*notebooks.all_files(), *(ROOT / "book").glob("*.md")]
every_chapter = pytest.mark.parametrize("chapter", CHAPTERS)


def cells(folder, chapter):
    """Return the sources of a notebook's cells, none where the chapter has no such notebook."""
    file = ROOT / folder / f"{chapter}.ipynb"
    if not file.exists():
        return []
    return ["".join(c["source"]) for c in json.loads(file.read_text("utf-8"))["cells"]]


def text(folder, chapter):
    return "\n".join(cells(folder, chapter))


def checked(chapter):
    """Return the exercises that the module of the chapter's topic has checks for."""
    file = DATA / "checks" / f"{chapter[3:].replace('-', '_')}.py"
    body = ast.parse(file.read_text("utf-8")).body if file.exists() else []
    return {node.name for node in body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"}


def solutions(folder, chapter):
    """Run the code in a notebook's folds and return the functions that it defines."""
    folds = "\n".join(c for c in cells(folder, chapter) if "<details>" in c)
    given = {"math": math, "torch": torch, "np": np}
    found = dict(given)
    exec("\n".join(re.findall(r"```python\n(.*?)```", folds, re.DOTALL)), found)
    return {k: v for k, v in found.items() if k[0] != "_" and given.get(k) is not v}


def test_numbers_follow_the_contents_and_whatever_is_named_is_there():
    assert CHAPTERS[0] == "01-introduction" and renumber.problems(ROOT) == []


def test_all_that_is_kept_for_a_chapter_has_its_chapter():
    folders = (DATA, ROOT / "exercises", ROOT / "notebooks")
    kept = [file for folder in folders for file in folder.glob("[0-9]*.*")]
    assert {file.stem for file in kept} <= set(CHAPTERS)
    modules = [*(DATA / "checks").glob("*.py"), *(ROOT / "tests/solutions").glob("*")]
    topics = {chapter[3:].replace("-", "_") for chapter in CHAPTERS}
    assert {file.stem for file in modules if file.stem[0] != "_"} <= topics


@every_chapter
def test_the_solutions_that_are_shown_pass_the_checks(chapter):
    shown = solutions("notebooks", chapter)
    assert set(shown) == checked(chapter)
    elsewhere = "Solutions stand at the end of [chapter" in text("exercises", chapter)
    again = solutions("exercises", chapter)
    if cells("exercises", chapter):
        assert set(again) == (set() if elsewhere else checked(chapter))
    for name, solution in [*shown.items(), *again.items()]:
        assert checks.verdict(name, solution) is None


@every_chapter
def test_every_exercise_has_a_stub_and_a_check(chapter):
    asked = text("notebooks", chapter) + text("exercises", chapter)
    assert set(re.findall(r'^check\("(\w+)", \1\)', asked, re.MULTILINE)) == checked(chapter)
    stubs = re.findall(r"^def (\w+)\((?:(?!^def ).)*?^    raise NotImpl", asked, re.DOTALL | re.M)
    assert sorted(stubs) == sorted(checked(chapter))
    assert asked.count("raise NotImplementedError") == len(stubs)


@every_chapter
def test_a_chapter_leads_to_its_exercises_and_they_back(chapter):
    if cells("exercises", chapter):
        assert f"](../exercises/{chapter}.ipynb)" in text("notebooks", chapter)
        assert f"](../notebooks/{chapter}.ipynb)" in text("exercises", chapter)
        line = f"      - file: notebooks/{chapter}\n        sections:\n"
        assert f"{line}          - file: exercises/{chapter}\n" in (ROOT / "_toc.yml").read_text(
            "utf-8"
        )


@every_chapter
def test_a_chapter_with_formulas_numbers_some(chapter):
    """That they run in order, and that each one spoken of is there, `renumber` says."""
    assert ("$$" in text("notebooks", chapter)) == (r"\tag{" in text("notebooks", chapter))


@every_chapter
def test_every_question_of_the_chapter_is_asked_in_it(chapter):
    widgets = r'(?:QuickCheck|SynthesisQuestion)\("([\w-]+)"\)'
    asked = set(re.findall(widgets, text("notebooks", chapter)))
    file = DATA / f"{chapter}.json"
    stored = json.loads(file.read_text("utf-8"))["questions"] if file.exists() else []
    assert asked == {q["id"] for q in stored}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_other_pages_lead_somewhere(page):
    cells = page.read_text("utf-8") if page.suffix == ".md" else text(page.parent, page.stem)
    links = [urlsplit(link) for link in re.findall(r"\]\(([^()\s]+)\)", cells)]
    paths = {unquote(link.path) for link in links if not link.scheme and link.path}
    assert [path for path in paths if not (page.parent / path).exists()] == []

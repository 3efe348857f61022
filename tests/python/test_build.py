"""The site's build: what is wrong stops it and is named, and it knows what the site is made of."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import build

ROOT = Path(build.__file__).parent.parent

BOOKS = {
    "unknown tex": "# Page\n\nText.\n\nMore $x + \\nosuch{1}$ text.\n",
    "a link to nowhere": "# Page\n\nSee [there](nowhere.md).\n",
    "an unknown widget": '# Page\n\n<div data-lmkit="no-such"></div>\n',
    "nothing wrong": "# Page\n\n$$x = 1 \\tag{1.2}$$\n",
}
BUILD = """
import pathlib, sys
from tools.build import build
for page in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    print(f"<{page.name}>", file=sys.stderr)
    try:
        print(f"<{build(page / 'out', page)}>", file=sys.stderr)
    except Exception as error:
        print(error, "<False>", file=sys.stderr)
"""


SAID = {  # each must be named when the build stops
    "unknown tex": ("page.md:5", "nosuch"),
    "a link to nowhere": ("nowhere.md",),
    "an unknown widget": ("no-such",),
}


@pytest.mark.slow
def test_what_is_wrong_stops_the_build_and_is_named(tmp_path):
    for name, text in BOOKS.items():
        small_book(tmp_path / name, text)
    command = [sys.executable, "-c", BUILD, tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    names = "|".join(BOOKS)
    parts = re.findall(rf"<({names})>\n(.*?)<(True|False)>", done.stderr, re.DOTALL)
    said = {name: said for name, said, built in parts if built == "False"}
    assert set(said) == set(SAID), done.stderr
    for name, texts in SAID.items():
        assert [text for text in texts if text not in said[name]] == [], said[name]


def small_book(folder, text):
    """A book of one page with our configuration."""
    for tree in ("book/site", "lmkit"):
        shutil.copytree(ROOT / tree, folder / tree, ignore=shutil.ignore_patterns("weights"))
    shutil.copy(ROOT / "_config.yml", folder)
    shutil.copy(ROOT / "book" / "references.bib", folder / "book")
    (folder / "_toc.yml").write_text("format: jb-book\nroot: page\n")
    (folder / "page.md").write_text(text, "utf-8")


def test_a_build_that_cannot_get_the_model_says_what_to_do(tmp_path):
    env = {"LMKIT_CACHE": str(tmp_path / "cache"), "PIP_INDEX_URL": "http://127.0.0.1:9/"}
    env |= {"PATH": "", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": "/dev/null"}
    command = [sys.executable, "-m", "tools.build", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env)
    assert done.returncode == 1
    assert re.fullmatch(r"smollm2 .*; or build without it: make book MODEL=0\n", done.stderr)


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A site that pretends to be built from a repository of four files; its stamp."""
    for name in ("book/index.md", "notebooks/a.ipynb", "lmkit/kit/x.mjs", "_toc.yml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(build, "ROOT", tmp_path)
    (tmp_path / "_build" / "html").mkdir(parents=True)
    (tmp_path / "_build" / "html" / "index.html").write_text("")
    stamp = tmp_path / "_build" / build.STAMP
    files = build.state([*build.paths(), "tools/build.py"])
    stamp.write_text(json.dumps({"no_model": False, "files": files}))
    return stamp


def test_a_site_is_fresh_until_something_that_it_is_made_of_changes(built):
    repository = built.parent.parent
    assert build.is_fresh(built, False) and not build.is_fresh(built, True)
    for name in ("_toc.yml", "lmkit/kit/x.mjs", "notebooks/new.ipynb", "tools/build.py"):
        before = (repository / name).read_bytes() if (repository / name).exists() else None
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text("changed")
        assert not build.is_fresh(built, False), name
        (repository / name).unlink() if before is None else (repository / name).write_bytes(before)
        assert build.is_fresh(built, False), name
    (repository / "exercises").mkdir()
    (repository / "exercises" / "answers.json").write_text("a student's")
    assert build.is_fresh(built, False)
    (repository / "_build" / "html" / "index.html").unlink()
    assert not build.is_fresh(built, False)

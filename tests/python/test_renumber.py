"""Chapters move to their places in `_toc.yml` with all that names them, and back to the byte."""

import re
import shutil
import subprocess

import pytest

from tools import notebooks, renumber
from tools.renumber import Move, listed, spelled

OLD = {topic: n for n, topic in enumerate("abcdef", 1)}
NEW = {topic: n for n, topic in enumerate("abXcfde", 1)}  # X is put in, f moved


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("chapter 3 and 5 layers", "chapter 4 and 5 layers"),
        ("Chapter 6's model", "Chapter 5's model"),
        ("chapters 1 and 2", "chapters 1 and 2"),
        ("chapters 2 to 4", "chapters 2, 4 and 6"),
        ("chapters 4 to 6", "chapters 5 to 7"),
        ("chapters 1, 2 and 6", "chapters 1, 2 and 5"),
        ("chapters 3 or 6", "chapters 4 or 5"),
        ("a comment (chapter\n    # 3)", "a comment (chapter\n    # 4)"),
        (r"$$x \tag{4.12}$$ and (4.12), eq. 6.2", r"$$x \tag{6.12}$$ and (6.12), eq. 5.2"),
        ("f(3.1), x[0](3.1), (3.14159), 3.1", "f(3.1), x[0](3.1), (3.14159), 3.1"),
        ("in the chapters of 3 books", "in the chapters of 3 books"),
    ],
)
def test_what_names_a_chapter_moves_and_nothing_else(text, moved):
    assert Move(OLD, NEW)(text) == moved
    assert Move(NEW, OLD)(moved) == text


def test_names_links_and_the_map_move():
    old = {"first": 1, "second": 2, "third": 3}
    move = Move(old, {"first": 1, "third": 2, "second": 3})
    rows = "| [2 Second](02-second.ipynb) | x |\n| *part* | |\n| [3 Third](03-third.ipynb) | y |\n"
    other = "| [2 Third](02-third.ipynb) | y |\n| *part* | |\n| [3 Second](03-second.ipynb) | x |\n"
    assert move(rows) == other
    assert move("../exercises/03-third.html, 103-third, 03-thirds") == (
        "../exercises/02-third.html, 103-third, 03-thirds"
    )


@pytest.mark.parametrize("numbers", ["4", "1 and 2", "1 to 3", "1, 3 to 5 and 7", "1 and 3 to 5"])
def test_a_list_is_read_as_it_is_written(numbers):
    assert listed(spelled(numbers)) == numbers


@pytest.fixture(scope="module")
def book():
    return renumber.Book(renumber.ROOT)


@pytest.fixture
def copy(tmp_path):
    """The project's text files under another root, known to a git of their own."""
    for file in renumber.files(renumber.ROOT):
        target = tmp_path / file.relative_to(renumber.ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    return tmp_path


def git(root, *command):
    done = subprocess.run(["git", *command], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout


def contents(root):
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in renumber.files(root)}


def reorder(root, change):
    """Change `_toc.yml`, and renumber."""
    toc = root / "_toc.yml"
    toc.write_bytes(change(toc.read_text("utf-8")).encode())
    return renumber.renumber(root)


def block(toc, number):
    """Return the lines of a chapter and of its exercises."""
    return re.search(rf"      - file: notebooks/{number:02}-.*\n(?:        .*\n)*", toc)[0]


def last_block(toc):
    """Return the lines of the last chapter, whichever it is."""
    return block(toc, max(map(int, re.findall(r"notebooks/(\d\d)-", toc))))


def some_moved(toc):
    """A chapter is put in after the second, and the last comes to stand below it."""
    third, last = block(toc, 3), last_block(toc)
    dummy = "      - file: notebooks/NN-dummy\n"
    return toc.replace(last, "").replace(third, dummy + last + third)


def all_moved(toc):
    """Thirty chapters are put in before the first: no small number is right any more."""
    dummies = [f"      - file: notebooks/NN-dummy-{k}\n" for k in range(30)]
    return toc.replace(first := block(toc, 1), "".join(dummies) + first)


# what may stand between "chapter" and its number: a space, or a new line of prose, code or JSON
GAP = r"(?:[ \u00a0]|\\n\",\s*\"|\n[ \t]*(?:#|//|\*)?[ \t]*)"


def said(root):
    """What every file says of chapters, found by looser patterns than the tool's, as topics."""
    topic = dict(enumerate(renumber.topics(root), 1))
    found = {}
    for name, data in contents(root).items():
        text = data.decode()
        chapters = re.findall(r"(?i)\bchapter" + GAP + r"(\d+)", text)
        lists = re.findall(r"(?i)\bchapters" + GAP + r"((?:\d+(?:, | to | and | or )?)+)", text)
        formulas = re.findall(r"(?<![\w)\]])\(([1-9]\d?)\.([1-9]\d?)\)|tag\{(\d+)\.(\d+)\}", text)
        names = re.findall(r"(?<![\w-])(\d\d)-([a-z-]{4,})", text)
        found[re.sub(r"/\d\d-", "/", name)] = {
            "chapters": sorted(topic.get(int(n), n) for n in chapters),
            "lists": sorted(sorted(topic.get(n, n) for n in spelled(m)) for m in lists),
            "formulas": [(topic.get(int(a or c), a or c), b or d) for a, b, c, d in formulas],
            "names": sorted((topic.get(int(n), n), name) for n, name in names),
        }
    return found


SMALL = [
    r"(?i)\bchapters?" + GAP + r"([1-9]|1\d)\b",
    r"(?i)\bchapters" + GAP + r"[\d, andort]*\b([1-9]|1\d)\b",
    r"(?<![\w)\]])\(([1-9])\.[1-9]\d?\)|\btag\{\d\.|\beq\. \d\.",
    r"(?<![\d-])0\d-(?!dummy)[a-z]{4}",
]


def stale(root):
    """Return what still speaks of a chapter below the thirtieth."""
    texts = [f"{name}\n{data.decode()}" for name, data in contents(root).items()]
    return [m[0] for text in texts for small in SMALL for m in re.finditer(small, text)]


@pytest.mark.slow
def test_no_number_stays_behind(copy):
    before, toc = contents(copy), (copy / "_toc.yml").read_text("utf-8")
    assert len(stale(copy)) > 300
    reorder(copy, all_moved)
    assert stale(copy) == []
    planted = copy / "book" / "planted.md"
    planted.write_text("See chapter 3.", "utf-8")
    assert stale(copy) == ["chapter 3"]
    planted.unlink()
    reorder(copy, lambda _: toc)
    assert contents(copy) == before
    assert git(copy, "diff", "--stat") == ""  # by `git mv`, there and back


@pytest.mark.slow
def test_everything_names_the_chapter_that_it_named(copy):
    before, meant, toc = contents(copy), said(copy), (copy / "_toc.yml").read_text("utf-8")
    moved = re.sub(r"(notebooks|exercises)/\d\d-", r"\1/04-", last_block(toc))
    to_run = reorder(copy, some_moved)
    assert said(copy) == {**meant, "_toc.yml": said(copy)["_toc.yml"]}
    assert {file.name[3:] for file in to_run} == {
        file.name[3:] for file in (copy / "notebooks").glob("[0-9]*") if notebooks.check(file)
    }
    assert to_run
    wrong = renumber.problems(copy)
    assert wrong.pop(0) == "_toc.yml: there is no notebook of the chapter dummy"
    assert [w[:30] for w in wrong] == ["01-introduction: the map of th"]
    assert all((copy / f"{name}.ipynb").is_file() for name in re.findall(r"file: (.*)", moved))
    reorder(copy, lambda _: toc)
    assert contents(copy) == before


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("see chapter 55", "there is no chapter 55"),
        ("by (3.99)", "there is no such formula"),
        ("by formula 3.1", "put a formula's number in parentheses"),
        ("formulas (3.1, 3.2)", "put each formula in parentheses"),
        ("chapters 3–4", "write `to` or `and`"),
        ("chapters 3, 4 and 5", "a list of chapters is written like"),
        ("the next chapter", "name it by its number"),
        ("chapter three", "use digits"),
        ("in the chapter 3 words", "could be a chapter's number"),
        ("[2 Words](03-embeddings.ipynb)", "a link's number is not that of its chapter"),
        ("04-embeddings", "the chapter has another number"),
        ("notebooks/03-nonsense.ipynb", "there is no such chapter"),
    ],
)
def test_what_is_wrong_or_could_not_be_moved_is_said(text, problem, book):
    assert any(advice.startswith(problem) for _, advice in renumber._wrong(text, book))


def test_nothing_moves_while_anything_is_wrong(copy):
    (copy / "README.md").write_text("See chapters 3–4.", "utf-8")
    before = contents(copy)
    with pytest.raises(SystemExit, match=r"README\.md: write `to` or `and`: .*\nNothing was moved"):
        reorder(copy, lambda toc: toc)
    assert contents(copy) == before


def test_a_chapter_without_a_line_is_missed(copy):
    topic = renumber.topics(copy)[-1]
    with pytest.raises(SystemExit, match=rf"_toc\.yml: has no line for notebooks/NN-{topic}"):
        reorder(copy, lambda toc: toc.replace(last_block(toc), ""))

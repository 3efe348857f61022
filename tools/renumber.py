"""Give every chapter the number of its place in `_toc.yml`: `python -m tools.notebooks renumber`.

A chapter is its topic. Its number stands in names (`03-embeddings`), formulas (`\\tag{3.2}` and
"(3.2)"), prose ("chapter 3", "chapters 2 to 4") and the map of the book. The same patterns find
all of that in every text file that git knows, notebooks' stored outputs among them, and all of it
moves at once. `problems` names what the patterns could not move; while there is any, nothing does.
"""

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools import notebooks

ROOT = Path(__file__).parent.parent
EXAMPLES = {"tools/renumber.py", "tests/python/test_renumber.py"}  # name no real chapters

NAME = re.compile(r"(?<![\w-])(\d\d|NN)-([a-z][a-z0-9-]*[a-z0-9])")
GAP = r"(?:[ \u00a0]|[ \t]*\n[ \t]*(?:(?:#|//|\*|>)[ \t]*)?)"  # or a new line of a comment
LIST = r"\d+(?:(?:, | to | and | or )\d+)*"
MENTION = re.compile(rf"(?i)\b(?:(chapter{GAP})(\d+)|(chapters{GAP})({LIST}))\b")
FORMULA = re.compile(
    r"(\\tag\{(?=[\d.]+\})|(?<![\w)\]])\((?=[\d.]+\))|\beq\. )([1-9]\d?)\.([1-9]\d?)\b"
)
BARE = re.compile(r"(?i)\b(?:formulas?|equations?) (\d+)\.(\d+)\b")
TITLE = re.compile(r"\[(\d+)( [^\]\n]*\]\((?:[\w.]+/)*(?:\d\d)-([a-z0-9-]+)\.ipynb)")
ROW = re.compile(r"(?m)^\| \[(\d+) [^|\n]*\]\(\d\d-[a-z0-9-]+\.ipynb\).*$")  # of the map
PATH = re.compile(r"\b(notebooks|exercises)/(\d\d-[a-z0-9-]*[a-z0-9])\.(?:ipynb|json|html)")

# What speaks of a chapter in a way that cannot be moved, and what to write instead.
UNMOVABLE = {
    r"(?i)\bth(?:e|is) chapter \d": "could be a chapter's number: put a comma, or drop the article",
    r"(?i)\bchapters?\s(?:one|two|three|four|five|six|seven|eight|nine|ten)\b": "use digits",
    r"(?i)\b(?:next|previous|preceding|following|last) chapters?\b": "name it by its number",
    r"(?i)\bchapters?[_-]?\d": "write `chapter`, a space and the number",
    r"(?i)\bchapters?\s\d+\s?[–—/&+-]\s?\d": "write `to` or `and`",
    r"(?i)\b(?:formulas?|equations?) \(\d+\.\d+[^\d)]": "put each formula in parentheses",
}


def topics(root: Path) -> list[str]:
    """Return the chapters' topics in the order of `_toc.yml`, appendices not among them."""
    text = (root / "_toc.yml").read_text("utf-8")
    return re.findall(r"file: notebooks/(?:\d\d|NN)-([a-z0-9-]+)", text)


def chapters(root: Path) -> list[str]:
    """Return the chapters' names, `01-introduction` first, as `_toc.yml` orders them."""
    return [f"{n:02}-{topic}" for n, topic in enumerate(topics(root), 1)]


@dataclass
class Book:
    """The chapters as their files number them now, and the numbers of their formulas."""

    root: Path
    number: dict[str, int] = field(default_factory=dict)  # of each topic
    tags: dict[int, list[int]] = field(default_factory=dict)  # of each chapter, as they stand

    def __post_init__(self) -> None:
        """Read the numbers from the names of the notebooks, and the tags from their text."""
        for file in sorted((self.root / "notebooks").glob("[0-9][0-9]-*.ipynb")):
            number, topic = int(file.stem[:2]), file.stem[3:]
            if number in self.number.values() or topic in self.number:
                raise SystemExit(f"{file.name}: another chapter has this number or this topic")
            self.number[topic] = number
            self.tags.setdefault(number, [])
            for lead, of, k in FORMULA.findall("\n".join(strings(file))):
                if lead[0] == "\\":
                    self.tags.setdefault(int(of), []).append(int(k))


def files(root: Path) -> list[Path]:
    """Return every text file that git keeps or would keep."""
    command = ["git", "ls-files", "-coz", "--exclude-standard"]
    git = subprocess.run(command, cwd=root, check=True, capture_output=True)
    names = sorted(set(git.stdout.decode().split("\0")) - EXAMPLES - {""})
    return [file for name in names if is_text(file := root / name)]


def is_text(file: Path) -> bool:
    """Say whether a file is there and holds text."""
    return file.is_file() and b"\0" not in file.read_bytes()


def strings(file: Path) -> list[str]:
    """Return a file's text; a notebook's sources, outputs and what else its cells hold."""
    found: list[str] = []
    edit(file, lambda text: found.append(text) or text)  # type: ignore[func-returns-value]
    return found


def edit(file: Path, change: Callable[[str], str]) -> bool:
    """Change every string of a file, a notebook's one by one; return whether any did change."""
    if file.suffix == ".ipynb":
        notebook = notebooks.read(file)
        if changed := _edit(notebook.cells, change):
            notebooks.write(notebook, file)
        return changed
    before = file.read_bytes().decode()
    after = change(before)
    if after != before:
        file.write_bytes(after.encode())
    return after != before


def _edit(node: Any, change: Callable[[str], str]) -> bool:
    """Change the strings in a tree of dictionaries and lists, in place."""
    changed = False
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        if isinstance(value, dict | list):
            changed |= _edit(value, change)
        elif isinstance(value, str) and (after := change(value)) != value:
            node[key], changed = after, True
    return changed


def spelled(numbers: str) -> list[int]:
    """Return the chapters that a list names.

    >>> spelled("1, 3 to 5 and 7")
    [1, 3, 4, 5, 7]
    """
    ranges = re.findall(r"(\d+)(?: to (\d+))?", numbers)
    return [n for first, last in ranges for n in range(int(first), int(last or first) + 1)]


def listed(numbers: list[int], word: str = "and") -> str:
    """Return a list of chapters as prose: three or more in a row are a range, after `or` never.

    >>> listed([7, 1, 3, 4, 5])
    '1, 3 to 5 and 7'
    """
    runs: list[list[int]] = []
    for n in sorted(numbers):
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    parts = [part for run in runs for part in _run(run, word)]
    return f" {word} ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _run(run: list[int], word: str) -> list[str]:
    if len(run) < 3 or word == "or":
        return list(map(str, run))
    return [f"{run[0]} to {run[-1]}"]


def speaks(text: str) -> bool:
    """Say whether a text has a word that numbers follow; most outputs are long and have none."""
    low = text.lower()
    return any(word in low for word in ("chapter", "formula", "equation"))


class Move:
    """Chapters from one numbering to another: what becomes of a text."""

    def __init__(self, old: dict[str, int], new: dict[str, int]) -> None:
        """Take the number of each topic before and after."""
        self.new = new
        self.to = {number: new[topic] for topic, number in old.items() if topic in new}

    def __call__(self, text: str) -> str:
        """Return a text with every number of a chapter moved."""
        text = MENTION.sub(self._mention, text) if speaks(text) else text
        text = FORMULA.sub(self._formula, text)
        text = TITLE.sub(self._title, text)
        return in_order(NAME.sub(self._name, text))

    def _mention(self, found: re.Match[str]) -> str:
        word, numbers = found[1] or found[3], found[2] or found[4]
        moved = [self.to.get(n, n) for n in spelled(numbers)]
        return word + listed(moved, "or" if " or " in numbers else "and")

    def _formula(self, found: re.Match[str]) -> str:
        number = int(found[2])
        return f"{found[1]}{self.to.get(number, number)}.{found[3]}"

    def _title(self, found: re.Match[str]) -> str:
        return f"[{self.new.get(found[3], found[1])}{found[2]}"

    def _name(self, found: re.Match[str]) -> str:
        return f"{self.new[found[2]]:02}-{found[2]}" if found[2] in self.new else found[0]


def in_order(text: str) -> str:
    """Put the rows of the map of the book in the order of their numbers, where rows stood."""
    rows = iter(sorted(ROW.finditer(text), key=lambda row: int(row[1])))
    return ROW.sub(lambda _: next(rows)[0], text)


def renumber(root: Path = ROOT) -> list[Path]:
    """Move all to the order of `_toc.yml`; return the notebooks whose code needs another run."""
    book = Book(root)
    if wrong := [*_left_over(book), *_texts(book)]:
        raise SystemExit("\n".join([*wrong, "Nothing was moved."]))
    move = Move(book.number, {topic: n for n, topic in enumerate(topics(root), 1)})
    known = files(root)
    changed = [_renamed(file, move, root) for file in known if edit(file, move)]
    others = [file for file in known if file.exists()]
    changed += [new for file in others if (new := _renamed(file, move, root)) != file]
    return [file for file in changed if file.suffix == ".ipynb" and _is_stale(file)]


def _renamed(file: Path, move: Move, root: Path) -> Path:
    """Give a file the name that it should have, by git where git has it; return the new path."""
    new = root / move(str(file.relative_to(root)))
    if new != file:
        new.parent.mkdir(parents=True, exist_ok=True)
        command = ["git", "mv", str(file), str(new)]
        if subprocess.run(command, cwd=root, capture_output=True).returncode:
            file.rename(new)
    return new


def _is_stale(file: Path) -> bool:
    notebook = notebooks.read(file)
    return notebook.metadata.get("lmkit", {}).get("code") != notebooks.fingerprint(notebook)


def problems(root: Path = ROOT) -> list[str]:
    """Return where the numbers in the book's files contradict each other, a sentence each."""
    book = Book(root)
    return [*_left_over(book), *_order(book), *_tags(book), *_map(book), *_texts(book)]


def _left_over(book: Book) -> Iterator[str]:
    for topic in book.number.keys() - topics(book.root):
        yield f"_toc.yml: has no line for notebooks/NN-{topic}"


def _order(book: Book) -> Iterator[str]:
    toc = (book.root / "_toc.yml").read_text("utf-8")
    for number, topic in enumerate(topics(book.root), 1):
        if topic not in book.number:
            yield f"_toc.yml: there is no notebook of the chapter {topic}"
        elif book.number[topic] != number or f"/{number:02}-{topic}\n" not in toc:
            yield f"{number:02}-{topic}: python -m tools.notebooks renumber"


def _tags(book: Book) -> Iterator[str]:
    for number, tags in book.tags.items():
        if tags != list(range(1, len(tags) + 1)) or number not in book.number.values():
            yield f"formulas of chapter {number}: numbered {tags}"


def _map(book: Book) -> Iterator[str]:
    first, *others = chapters(book.root)
    text = "\n".join(strings(book.root / "notebooks" / f"{first}.ipynb"))
    shown = [NAME.search(row[0]) for row in ROW.finditer(text)]
    if [row and row[0] for row in shown] != others:
        yield f"{first}: the map of the book has not just the rows {', '.join(others)}"


def _texts(book: Book) -> Iterator[str]:
    for file in files(book.root):
        for text in strings(file) if file.name != "_toc.yml" else []:
            for where, problem in _wrong(text, book):
                line = " ".join(text[max(0, where.start() - 20) : where.end() + 20].split())
                yield f"{file.relative_to(book.root)}: {problem}: …{line}…"


def _wrong(text: str, book: Book) -> Iterator[tuple[re.Match[str], str]]:
    """Yield what a text says of chapters that is not so, or could not be moved."""
    for found in MENTION.finditer(text) if speaks(text) else []:
        numbers = found[2] or found[4]
        if unknown := set(spelled(numbers)) - set(book.number.values()):
            yield found, f"there is no chapter {min(unknown)}"
        elif numbers != listed(spelled(numbers), "or" if " or " in numbers else "and"):
            yield found, "a list of chapters is written like `1, 3 to 5 and 7`"
    for found in FORMULA.finditer(text):
        if int(found[3]) not in book.tags.get(int(found[2]), []):
            yield found, "there is no such formula"
    for found in BARE.finditer(text) if speaks(text) else []:
        if int(found[2]) in book.tags.get(int(found[1]), []):
            yield found, "put a formula's number in parentheses"
    for found in NAME.finditer(text):
        if found[1] != "NN" and book.number.get(found[2], int(found[1])) != int(found[1]):
            yield found, "the chapter has another number"
    for found in TITLE.finditer(text):
        if book.number.get(found[3]) != int(found[1]):
            yield found, "a link's number is not that of its chapter"
    for found in PATH.finditer(text):
        if found[2][3:] not in book.number:
            yield found, "there is no such chapter"
    for pattern, advice in UNMOVABLE.items() if speaks(text) else []:
        yield from ((found, advice) for found in re.finditer(pattern, text))

"""What a student wrote: one file for the whole book, `answers.json` beside the notebooks.

The page keeps the same records in the browser (`book/site/answers.mjs`), and exports and imports
the same file.
"""

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lmkit import given

SCHEMA = "lmkit-answers/1"
MAX_BYTES = 5_000_000
KNOWN_ID = re.compile(r"[a-z][a-z0-9-]{2,63}")

Record = dict[str, Any]  # {"text": str, "ticks": [int], "kept": [str]}


def saved(old: Record | None, text: str, ticks: list[int], seen: str) -> Record:
    """Return the record after a save; text that nobody has seen, or that is emptied, is kept.

    `seen` is the text that the writer last knew to be stored. If another window stored something
    else meanwhile, that goes to `kept`. `book/site/answers.mjs` does the same.

    >>> saved({"text": "from tab B", "ticks": [], "kept": []}, "from tab A", [], seen="")
    {'text': 'from tab A', 'ticks': [], 'kept': ['from tab B']}
    """
    before = old or {"text": "", "ticks": [], "kept": []}
    kept = list(before["kept"])
    stored = before["text"]
    unseen = stored not in (seen, text)
    if stored.strip() and (unseen or not text.strip()) and stored not in kept:
        kept.insert(0, stored)
    return {"text": text, "ticks": ticks, "kept": kept}


def merged(old: Record | None, new: Record) -> Record:
    """Return the record after an import: what is there stays, what differs is kept below it."""
    if old is None or not old["text"].strip():
        kept = old["kept"] if old else []
        extra = [text for text in new["kept"] if text not in kept]
        return {**new, "kept": [*kept, *extra]}
    texts = [new["text"], *new["kept"]]
    extra = [t for t in texts if t.strip() and t != old["text"] and t not in old["kept"]]
    return {**old, "kept": [*old["kept"], *dict.fromkeys(extra)]}


def parse(text: str) -> tuple[dict[str, Record], int]:
    """Return the answers in an exported file and how many entries were no answers.

    Raises `ValueError` with one sentence when the file is not such a file at all.
    """
    if len(given.text(text, "text")) > MAX_BYTES:
        raise ValueError("This file is larger than 5 MB: it is not a file of answers.")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("This file is not JSON: choose one that this book exported.") from None
    answers = document.get("answers") if isinstance(document, dict) else None
    if not isinstance(answers, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"This file is not one of answers: its schema is not {SCHEMA}.")
    good = {name: _record(entry) for name, entry in answers.items() if _is_answer(name, entry)}
    return good, len(answers) - len(good)


def export(answers: dict[str, Record]) -> str:
    """Return the text of the file that holds these answers."""
    ordered = {name: answers[name] for name in sorted(answers)}
    return json.dumps({"schema": SCHEMA, "answers": ordered}, ensure_ascii=False, indent=1) + "\n"


def report(found: int, refused: int) -> str:
    """Say in a sentence what an import did."""
    left_out = f" {refused} entries were no answers and were left out." if refused else ""
    return (
        f"Loaded {found} {'answer' if found == 1 else 'answers'}; nothing was replaced.{left_out}"
    )


class AnswerFile:
    """The answers in a file: locked while it is written, replaced whole, never half-written."""

    def __init__(self, path: str | os.PathLike[str] = "answers.json") -> None:
        self.path = given.path(path).absolute()

    def read(self) -> dict[str, Record]:
        """Return all answers; a file that is no longer readable is set aside, not overwritten."""
        try:
            return parse(self.path.read_text("utf-8"))[0]
        except FileNotFoundError:
            return {}
        except ValueError:
            broken = self.path.with_name(f"{self.path.stem}-unreadable-{os.getpid()}.json")
            with contextlib.suppress(OSError):
                self.path.rename(broken)
            return {}

    def save(self, name: str, text: str, ticks: list[int], seen: str) -> Record:
        """Store one answer and return its record; `OSError` where the disk refuses."""
        given.text(name, "name")
        given.text(text, "text")
        given.text(seen, "seen")
        given.ids(ticks, "ticks")
        with self._locked() as answers:
            answers[name] = saved(answers.get(name), text, ticks, seen)
        return answers[name]

    def merge(self, text: str) -> str:
        """Take in an exported file and return a sentence that says what was done."""
        found, refused = parse(text)
        with self._locked() as answers:
            for name, new in found.items():
                answers[name] = merged(answers.get(name), new)
        return report(len(found), refused)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[dict[str, Record]]:
        from filelock import FileLock

        lock = self.path.with_name(f".{self.path.name}.lock")
        with FileLock(lock, timeout=10):
            answers = self.read()
            yield answers
            _replace(self.path, export(answers))


def _replace(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _is_answer(name: str, entry: Any) -> bool:
    named = KNOWN_ID.fullmatch(name) is not None
    return named and isinstance(entry, dict) and isinstance(entry.get("text"), str)


def _record(entry: dict[str, Any]) -> Record:
    ticks, kept = entry.get("ticks"), entry.get("kept")
    return {
        "text": entry["text"],
        "ticks": [k for k in ticks if type(k) is int and 0 <= k < 32]
        if isinstance(ticks, list)
        else [],
        "kept": [s for s in kept if isinstance(s, str)] if isinstance(kept, list) else [],
    }

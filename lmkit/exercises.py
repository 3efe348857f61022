"""The book's questions, checks of coding exercises, and the file of a student's answers.

Questions are data (`exercises/*.json`, checked against `exercises/schema.json`). Answers lie in
one file for the whole book, `answers.json` beside the notebooks; the page keeps the same records
in the browser (`book/site/answers.mjs`) and exports and imports the same file.
"""

import contextlib
import inspect
import json
import os
import re
import runpy
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, wraps
from pathlib import Path
from typing import Any

from filelock import FileLock

FOLDER = Path(__file__).parent.parent / "exercises"
SCHEMA = "lmkit-answers/1"
MAX_BYTES = 5_000_000
KNOWN_ID = re.compile(r"[a-z][a-z0-9-]{2,63}")

Record = dict[str, Any]  # {"text": str, "ticks": [int], "kept": [str]}


@cache
def questions() -> dict[str, dict[str, Any]]:
    """Return every question of the book by its id."""
    files = sorted(FOLDER.glob("[0-9]*.json"))
    chapters = [json.loads(file.read_text("utf-8")) for file in files]
    return {q["id"]: q for chapter in chapters for q in chapter["questions"]}


def question(name: str) -> dict[str, Any]:
    """Return one question; `ValueError` names those there are."""
    if name not in questions():
        raise ValueError(f"No question is called {name!r}; there are {', '.join(questions())}.")
    return questions()[name]


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
    if len(text) > MAX_BYTES:
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


class WrongAnswerError(AssertionError):
    """A student's function gave something else than it should; the message says for which input."""


def expect(got: Any, want: Any, call: str, hint: str = "") -> None:
    """Raise `WrongAnswerError` unless `got` is `want`, numbers within 1e-4; `call` is shown.

    >>> expect(2, 3, "add(1, 1)", "Did you add?")
    Traceback (most recent call last):
    lmkit.exercises.WrongAnswerError: add(1, 1) gave 2, where 3 is right. Did you add?
    """
    if not _same(got, want):
        missing = " Does it end with return?" if got is None else ""
        gave = f"{call} gave {_short(got)}, where {_short(want)} is right.{missing}"
        raise WrongAnswerError(f"{gave} {hint}".strip())


def verdict(name: str, student: Callable[..., Any]) -> str | None:
    """Return what is wrong with a student's function, in a sentence or two, or None.

    The check of the exercise `name` is the function of that name in `exercises/checks/*.py`.
    """
    last = {"call": f"{name}()"}  # of the calls so far, and what it gave: nothing while it runs

    @wraps(student)
    def watched(*args: Any, **options: Any) -> Any:
        last.clear()
        last["call"] = f"{name}({_arguments(args, options)})"
        result = student(*args, **options)
        last["gave"] = _short(result)
        return result

    check = _find(name)
    try:
        check(watched)
    except NotImplementedError:
        return NOT_WRITTEN
    except WrongAnswerError as wrong:
        return str(wrong)
    except Exception as error:
        said = f"{type(error).__name__}: {str(error).rstrip('.')}"
        if "gave" in last:  # the check itself stumbled over the result
            return f"{last['call']} gave {last['gave']}, which is not what it asks for ({said})."
        return f"{last['call']} raised {said}."
    return None


NOT_WRITTEN = "It is not written yet."


def _find(name: str) -> Callable[..., None]:
    if name not in _checks():
        raise ValueError(f"No exercise is called {name!r}; there are {', '.join(_checks())}.")
    return _checks()[name]


def _arguments(args: tuple[Any, ...], options: dict[str, Any]) -> str:
    """Return arguments as they stand in a call, each shortened; a function by its name."""
    given = [("", value) for value in args] + [(f"{key}=", x) for key, x in options.items()]
    shown = [(key, getattr(x, "__name__", None) if callable(x) else None, x) for key, x in given]
    return ", ".join(f"{key}{name or _short(value, 60)}" for key, name, value in shown)


def check(name: str, student: Callable[..., Any]) -> None:
    """Print whether a student's function is right; if not, for which input, and one hint more
    with each wrong answer after the first.
    """
    problem = verdict(name, student)
    print("Right." if problem is None else f"Not yet. {problem}")
    if problem in (None, NOT_WRITTEN):
        return
    tried = _tries[name] = _tries.get(name, -1) + 1
    for k, hint in enumerate(_hints(name)[:tried], 1):
        print(f"Hint {k}: {hint}")


_tries: dict[str, int] = {}


def _hints(name: str) -> list[str]:
    """Return the lines of a check's docstring after its first: the staged hints."""
    lines = (_checks()[name].__doc__ or "").splitlines()[1:]
    return [line.strip() for line in lines if line.strip()]


@cache
def _checks() -> dict[str, Callable[..., None]]:
    found: dict[str, Callable[..., None]] = {}
    for file in sorted((FOLDER / "checks").glob("[!_]*.py")):
        public = {k: v for k, v in runpy.run_path(str(file)).items() if k[0] != "_"}
        found |= {
            k: v
            for k, v in public.items()
            if getattr(v, "__doc__", None)
            and inspect.isfunction(v)
            and v.__module__ == "<run_path>"
        }
    return found


def _same(got: Any, want: Any) -> bool:
    if isinstance(want, dict):
        return (
            isinstance(got, dict)
            and got.keys() == want.keys()
            and all(_same(got[k], want[k]) for k in want)
        )
    if isinstance(want, list | tuple):
        same_kind = isinstance(got, list | tuple) and len(got) == len(want)
        return same_kind and all(map(_same, got, want))
    if hasattr(want, "shape") or isinstance(want, float):
        return _close(got, want)
    return bool(got == want)


def _close(got: Any, want: Any) -> bool:
    import numpy as np

    if isinstance(got, str):  # numpy would read "2" as a number
        return False
    try:
        got = got.detach() if hasattr(got, "detach") else got  # numpy takes no tensor with a graph
        got, want = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    except (TypeError, ValueError):
        return False
    return got.shape == want.shape and bool(np.allclose(got, want, atol=1e-4, equal_nan=True))


def _short(value: Any, most: int = 120) -> str:
    text = " ".join(repr(_rounded(value)).split())  # an array goes over several lines
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _rounded(value: Any) -> Any:
    """Return a value as it is shown: numbers with six digits, those of torch and numpy as such."""
    if getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if type(value) in (list, tuple):
        return type(value)(map(_rounded, value))
    if type(value) is dict:
        return {key: _rounded(x) for key, x in value.items()}
    return value


class AnswerFile:
    """The answers in a file: locked while it is written, replaced whole, never half-written."""

    def __init__(self, path: str | os.PathLike[str] = "answers.json") -> None:
        self.path = Path(path).absolute()

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

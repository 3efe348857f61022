"""Checks of the book's coding exercises: what is wrong with a student's function, in a sentence.

    check("perplexity", perplexity)    # prints "Right.", or for which input it is not

The check of an exercise is the function of its name in `exercises/checks/*.py`, which travel in the
package. Nothing here needs torch or numpy unless a check gives such numbers: plain Python is
enough, as in a page.
"""

import _thread
import ast
import contextlib
import linecache
import math
import os
import runpy
import signal
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from functools import cache, wraps
from pathlib import Path
from types import GeneratorType, TracebackType
from typing import Any

from lmkit import given

FOLDER = Path(__file__).parent / "exercises" / "checks"
NOT_WRITTEN = "It is not written yet."
MOST = 120  # characters of a value that are shown
MANY = 1000  # items of a collection whose repr is not made
LIMIT = 15.0  # seconds for one call of a student's function
LIBRARIES = ("stdlib", "platstdlib", "purelib", "platlib")
FOREIGN = tuple(  # where files lie that are no student's
    f"{folder}{os.sep}" for folder in (FOLDER.parents[1], *map(sysconfig.get_path, LIBRARIES))
)


class WrongAnswerError(AssertionError):
    """A student's function gave something else than it should; the message says for which input."""


def expect(got: Any, want: Any, call: str, hint: str = "") -> None:
    """Raise `WrongAnswerError` unless `got` is `want`, numbers within 1e-4; `call` is shown.

    >>> expect(2, 3, "add(1, 1)", "Did you add?")
    Traceback (most recent call last):
    lmkit.checks.WrongAnswerError: add(1, 1) gave 2, where 3 is right. Did you add?
    """
    if not _same(got, want):
        gave = f"{call} gave {_short(got)}, where {_short(want)} is right.{_usual(got)}"
        raise WrongAnswerError(f"{gave} {hint}".strip())


def check(name: str, student: Callable[..., Any]) -> None:
    """Print whether a student's function is right; if not, for which input, and one hint more
    with each wrong answer after the first.
    """
    problem = verdict(name, student)
    print("Right." if problem is None else f"Not yet. {problem}")
    if problem in (None, NOT_WRITTEN):
        return
    tried = _tries[name] = _tries.get(name, -1) + 1
    for k, hint in enumerate(_find(name)[1][:tried], 1):
        print(f"Hint {k}: {hint}")


_tries: dict[str, int] = {}


def verdict(name: str, student: Callable[..., Any]) -> str | None:
    """Return what is wrong with a student's function, in a sentence or two, or None."""
    ours = _load(_find(name)[0])[name]
    if not callable(student):
        return (
            f"Give the function itself, check({name!r}, {name}), and not a result of it; "
            f"this is {_short(student)}."
        )
    last = {"call": f"{name}()"}  # of the calls so far, and what it gave: nothing while it runs

    @wraps(student)
    def watched(*args: Any, **options: Any) -> Any:
        last.clear()
        last["call"] = f"{name}({_arguments(args, options)})"
        with _limited(LIMIT):
            result = student(*args, **options)
        last["gave"], last["usual"] = _short(result), _usual(result)
        return result

    try:
        ours(watched)
    except WrongAnswerError as wrong:
        return str(wrong)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # none ends a notebook here
        return NOT_WRITTEN if _is_stub(error, student) else _told(error, last)
    return None


class _TooLongError(KeyboardInterrupt):
    """A call has reached its limit; no Exception, so that no `except` of a student's holds it."""


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Interrupt what runs within for longer, as the button does that stops a cell.

    Only the main thread can be interrupted; elsewhere, and where there are no threads (in a page),
    nothing limits it. A call into C that does not come back is interrupted when it does.
    """
    lock, running, late = threading.Lock(), [True], []

    def interrupt() -> None:
        with lock:  # so that nothing is interrupted that has just come to its end
            if running:
                late.append(True)
                _interrupt_main()

    watch = threading.Timer(seconds, interrupt)
    watch.daemon = True
    try:
        if threading.current_thread() is threading.main_thread():
            with contextlib.suppress(RuntimeError):  # no threads can be started here
                watch.start()
        yield
    except KeyboardInterrupt as error:
        if late:
            raise _TooLongError(f"{seconds:g} seconds").with_traceback(
                error.__traceback__
            ) from None
        raise
    finally:
        with lock:
            running.clear()
        watch.cancel()


def _interrupt_main() -> None:
    if hasattr(signal, "pthread_kill"):  # wakes a sleep too
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()


def _told(error: BaseException, last: dict[str, str]) -> str:
    call, text = last["call"], _cut(" ".join(str(error).split()), 300).rstrip(".")
    said = type(error).__name__ + (f": {text}" if text else "")
    if "gave" in last:  # the check itself stumbled over the result
        gave = f"{call} gave {last['gave']}, which is not what it asks for ({said})."
        return gave + last["usual"]
    place = f", in {found}" if (found := _place(error)) else ""
    if isinstance(error, _TooLongError):
        return f"{call} was stopped after {text}{place}. Does each of its loops come to an end?"
    if isinstance(error, KeyboardInterrupt):
        return f"{call} was stopped before it ended{place}."
    return f"{call} raised {said}{place}."


def _place(error: BaseException) -> str:
    """Return the last line of the student's own that an error came by, and where it stands."""
    codes = [(at.tb_frame.f_code.co_filename, at.tb_lineno) for at in _frames(error.__traceback__)]
    own = [(file, n) for file, n in codes if not file.startswith((*FOREIGN, "<frozen"))]
    if not own:
        return ""
    file, number = own[-1]
    line = _cut(linecache.getline(file, number).strip(), MOST)
    return f"line {number} of {_file(file)}" + (f", `{line}`" if line else "")


def _file(name: str) -> str:
    """Return what a student knows a file by: of a notebook's cell its number, In[3]."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None and (cell := shell.compile.format_code_name(name)):
        return " ".join(cell).replace("Cell", "cell")
    return "your code" if name.startswith("<") else Path(name).name


def _usual(got: Any) -> str:
    """Return the sentence that helps with a result that is hardly ever meant."""
    if got is None:
        return " Does it end with return?"
    if isinstance(got, GeneratorType):
        return " That is a generator: it needs return, and a list to collect in, instead of yield."
    return ""


def _is_stub(error: BaseException, student: Callable[..., Any]) -> bool:
    """Tell our stubs' bare `raise NotImplementedError` from torch's, which names an operation."""
    if type(error) is not NotImplementedError or error.args:
        return False
    *_, last = _frames(error.__traceback__)
    return last.tb_frame.f_code is getattr(student, "__code__", None)


def _frames(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _find(name: str) -> tuple[Path, list[str]]:
    if given.text(name, "name") not in _checks():
        raise ValueError(f"No exercise is called {name!r}; there are {', '.join(_checks())}.")
    return _checks()[name]


@cache
def _checks() -> dict[str, tuple[Path, list[str]]]:
    """Return each exercise's file and its staged hints: its docstring's lines after the first.

    The files are read and not run, since a plain exercise must not wait for another one's torch.
    """
    found = {}
    for file in sorted(FOLDER.glob("[!_]*.py")):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name[0] != "_":
                lines = (ast.get_docstring(node) or "").splitlines()[1:]
                found[node.name] = file, [line.strip() for line in lines if line.strip()]
    return found


@cache
def _load(file: Path) -> dict[str, Any]:
    return runpy.run_path(str(file))


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
    if hasattr(want, "shape"):
        return _close_arrays(got, want)
    if isinstance(want, float):
        return _close(got, want)
    return bool(got == want)


def _close(got: Any, want: float) -> bool:
    """Compare with one number, as numpy.allclose does; text is none, though float reads it."""
    if isinstance(got, str | bytes) or getattr(got, "shape", ()) != ():
        return False
    try:
        got = float(got.item() if hasattr(got, "item") else got)
    except (TypeError, ValueError, OverflowError):
        return False
    if not math.isfinite(want):
        return got == want or (math.isnan(got) and math.isnan(want))
    return abs(got - want) <= 1e-4 + 1e-5 * abs(want)


def _close_arrays(got: Any, want: Any) -> bool:
    import numpy as np

    if isinstance(got, str):  # numpy would read "2" as a number
        return False
    try:
        got = got.detach() if hasattr(got, "detach") else got  # numpy takes no tensor with a graph
        got, want = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    except (TypeError, ValueError):
        return False
    return got.shape == want.shape and bool(np.allclose(got, want, atol=1e-4, equal_nan=True))


def _arguments(args: tuple[Any, ...], options: dict[str, Any]) -> str:
    """Return arguments as they stand in a call, each shortened; a function by its name."""
    given = [("", value) for value in args] + [(f"{key}=", x) for key, x in options.items()]
    shown = [(key, getattr(x, "__name__", None) if callable(x) else None, x) for key, x in given]
    return ", ".join(f"{key}{name or _short(value, 60)}" for key, name, value in shown)


def _short(value: Any, most: int = MOST) -> str:
    """Return a value's repr in one line, cut short before the whole of a long one is made."""
    text = ""
    for part in _parts(value):
        text += part
        if len(text) > most:
            break
    return _cut(text, most)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _parts(value: Any) -> Iterator[str]:
    """Yield a value's repr item by item: numbers with six digits, those of arrays as such."""
    if type(value) in (list, tuple):
        yield "[" if type(value) is list else "("
        for k, item in enumerate(value):
            yield ", " if k else ""
            yield from _parts(item)
        yield "]" if type(value) is list else ",)" if len(value) == 1 else ")"
    elif type(value) is dict:
        yield "{"
        for k, (key, item) in enumerate(value.items()):
            yield f"{', ' if k else ''}{_one(key)}: "
            yield from _parts(item)
        yield "}"
    else:
        yield _one(value)


def _one(value: Any) -> str:
    if getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, float):
        value = float(f"{value:.6g}")
    if isinstance(value, GeneratorType):
        return "a generator"  # its repr holds an address
    if isinstance(value, str | bytes):
        value = value[:MANY]
    elif not hasattr(value, "shape") and hasattr(value, "__len__") and len(value) > MANY:
        return f"a {type(value).__name__} of {len(value):,} items"
    return " ".join(repr(value).split())  # an array goes over several lines

"""What a function was given: the value, or one sentence that says what would be right.

    k = given.whole(k, "k", least=1)    # k must be a whole number, 1 or more, not 2.5

They stand where values enter the package. TypeError for another kind of value, ValueError for one
that is out of range.
"""

import math
import operator
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
IDS = "a list of whole numbers, as tokenizer.encode(text) gives them"


def shown(value: Any) -> str:
    """Give a value as a sentence shows it: short, and what is no number or text by its kind.

    >>> shown(2.5), shown("a"), shown([1, 2]), shown(object())
    ('2.5', "'a'", 'a list', 'an object')
    """
    if value is None or isinstance(value, str | bytes | int | float):
        text = repr(value)
        return text if len(text) <= 60 else f"{text[:60]}…"
    kind = type(value).__name__
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"


def wrong(name: str, right: str, value: Any) -> TypeError:
    """Give the error for a value of another kind than `right`."""
    return TypeError(f"{name} must be {right}, not {shown(value)}")


def whole(value: Any, name: str, least: int | None = None, most: int | None = None) -> int:
    """Give a whole number, also one of numpy's or torch's; True and 2.0 are none.

    >>> whole(3, "k", least=1)
    3
    """
    try:
        found = operator.index(value)
    except (TypeError, ValueError, RuntimeError):
        found = None
    if found is None or isinstance(value, bool):
        raise wrong(name, f"a whole number{_range(least, most)}", value)
    if (least is not None and found < least) or (most is not None and found > most):
        raise ValueError(f"{name} must be a whole number{_range(least, most)}, not {shown(value)}")
    return found


def number(value: Any, name: str, least: float | None = None, most: float | None = None) -> float:
    """Give a finite number as it is."""
    right = f"a number{_range(least, most)}"
    try:
        if isinstance(value, str | bytes | bool):
            raise TypeError
        found = float(value)
    except (TypeError, ValueError, RuntimeError):
        raise wrong(name, right, value) from None
    small, great = least is not None and found < least, most is not None and found > most
    if small or great or not math.isfinite(found):
        raise ValueError(f"{name} must be {right}, not {value}")
    return value


def above(value: Any, name: str, least: float = 0) -> float:
    """Give a finite number that is more than the least."""
    if number(value, name) <= least:
        raise ValueError(f"{name} must be a number above {least}, not {value}")
    return value


def seed(value: Any, name: str = "seed") -> int:
    """Give a seed that torch's generators take."""
    return whole(value, name, 0, 2**63 - 1)


def text(value: Any, name: str) -> str:
    """Give a text."""
    return kind(value, name, str, "a str")


def texts(value: Any, name: str) -> list[str]:
    """Give several texts as a list; one text alone is none."""
    right = "a list of texts"
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise wrong(name, right, value)
    found = list(value)
    for one in found:
        if not isinstance(one, str):
            raise TypeError(f"{name} must be {right}, and {shown(one)} among them is none")
    return found


def ids(value: Any, name: str = "ids", most: int | None = None) -> list[int]:
    """Give token ids as a list of int.

    >>> ids(range(3))
    [0, 1, 2]
    """
    found = list(each(value.tolist() if hasattr(value, "tolist") else value, name, IDS))
    return [whole(i, f"each of the {name}", 0, most) for i in found]


def each(value: Any, name: str, right: str) -> Iterable[Any]:
    """Give something to go through that is no text."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise wrong(name, right, value)
    return value


def rows(value: Any, name: str, size: int, right: str) -> list[tuple[Any, ...]]:
    """Give rows of so many things as tuples; `right` says what they are."""
    found = list(each(value, name, f"a list of tuples: {right}"))
    for row in found:
        if not isinstance(row, tuple | list) or len(row) != size:
            kind = ValueError if isinstance(row, tuple | list) else TypeError
            raise kind(f"each of the {name} must be {right}, and {row!r} is not")
    return [tuple(row) for row in found]


def numbers(value: Any, name: str) -> list[float]:
    """Give several numbers as a list."""
    return [number(x, f"each of the {name}") for x in each(value, name, "a list of numbers")]


def mapping(value: Any, name: str, right: str = "a dict") -> Mapping[Any, Any]:
    """Give a dict, or what is like one."""
    found: Mapping[Any, Any] = kind(value, name, Mapping, right)
    return found


def one_of(value: Any, name: str, choices: Collection[T]) -> T:
    """Give the value if it is one of the choices."""
    for choice in choices:
        if type(choice) is type(value) and choice == value:
            return choice
    error = ValueError if type(value) in map(type, choices) else TypeError
    raise error(f"{name} must be one of {', '.join(map(str, choices))}, not {shown(value)}")


def function(value: Any, name: str) -> Callable[..., Any]:
    """Give what can be called."""
    if not callable(value):
        raise wrong(name, "a function", value)
    found: Callable[..., Any] = value
    return found


def kind(value: Any, name: str, of: type | tuple[type, ...], right: str) -> Any:
    """Give a value of a kind, which `right` calls by its name."""
    if not isinstance(value, of):
        raise wrong(name, right, value)
    return value


def path(value: Any, name: str = "path") -> Path:
    """Give the path of a file."""
    return Path(kind(value, name, (str, os.PathLike), "the path of a file"))


def _range(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f" between {least} and {most}"
    if least is not None:
        return f", {least} or more"
    return "" if most is None else f", {most} or less"

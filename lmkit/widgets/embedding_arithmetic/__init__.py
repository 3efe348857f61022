"""EmbeddingArithmetic: which word is nearest to a ± b ± c? (chapter 3)"""

import re
from collections.abc import Container
from itertools import chain
from typing import Any

import numpy as np
import traitlets as t

from ... import given
from ...embeddings import WordVectors, quantise
from ..base import Widget, as_base64, html_table

WORDS = 20_000  # that the page and the kernel compute with
SHOWN = 8
# what to try, in groups, and what there is to see in each
EXAMPLES = (
    ("works", "king - man + woman", "The famous one. Allow the inputs and king comes back."),
    ("works", "paris - france + italy", "Capitals: right with the inputs left out."),
    ("works", "french - france + spain", "Nationalities are the best group of Google's test."),
    ("works", "walking - walk + swim", "Grammar: a present participle."),
    (
        "fails",
        "euro - germany + japan",
        "Currencies: yen was expected, and few of Google's questions are right.",
    ),
    ("fails", "unhappy - happy + honest", "Opposites: the vector hardly leaves honest."),
    ("fails", "brother - man + woman", "Sister was expected, from the same family of words."),
    ("fails", "calf - cow + horse", "The young of an animal: foal was expected."),
    ("discuss", "doctor - man + woman", "Nurse, says the quoted list. Allow the inputs: doctor."),
    ("discuss", "doctor - woman + man", "The same question turned round, hardly ever quoted."),
    ("discuss", "computer - man + woman", "What would count as a right answer here?"),
)


class EmbeddingArithmetic(Widget):
    """Add and subtract words, and see which word is nearest, with the inputs left out or not.

    `vectors` are `lmkit.embeddings.load_glove()`, of which the 20,000 most frequent words take
    part, rounded to int8 as on the page. The answers of `examples` (group, sum, note) are stored.
    """

    _height = 520

    answers = t.List(t.Dict()).tag(sync=True)
    text = t.Unicode().tag(sync=True)
    exclude = t.Bool(True).tag(sync=True)
    model_name = t.Unicode("GloVe 6B, 50 numbers, 20,000 words").tag(sync=True)

    def __init__(
        self,
        vectors: WordVectors,
        examples: tuple[tuple[str, str, str], ...] = EXAMPLES,
        **traits: Any,
    ) -> None:
        self._table = rounded(vectors, WORDS)
        answers = [
            {"group": group, "text": text, "note": note, **solve(self._table, text)}
            for group, text, note in given.rows(
                examples, "examples", 3, "a group, a sum and a note"
            )
        ]
        super().__init__(answers=answers, **{"text": examples[0][1], **traits})

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer `vectors` with all words and their int8 vectors."""
        if request.get("kind") == "vectors":
            return packed(self._table)
        return super().answer(request)

    def summary(self) -> str:
        """Return what each stored sum gives under both rules."""
        return "\n".join(f"{text}: {out}; all words: {plain}" for text, out, plain in self._rows())

    def fallback(self) -> str:
        """Return the same as a table."""
        head = ["sum", "nearest without the inputs", "nearest of all"]
        return html_table("Arithmetic with words", head, self._rows())

    def _rows(self) -> list[list[str]]:
        return [
            [one["text"], _named(left_out(one)[0]), _named(one["ranked"][0])]
            for one in self.answers
        ]


def rounded(vectors: WordVectors, n: int) -> WordVectors:
    """Return the n most frequent words with their vectors as int8 has them."""
    given.kind(vectors, "vectors", WordVectors, "WordVectors, as load_glove() gives them")
    return WordVectors(vectors.words[:n], quantise(vectors.vectors[:n]).astype(np.float32))


def packed(table: WordVectors) -> dict[str, Any]:
    """Return words and int8 vectors as the page gets them: lines of text, base64."""
    vectors = as_base64(table.vectors.astype(np.int8))
    return {"words": "\n".join(table.words), "vectors": vectors}


def parse(text: str, known: Container[str] = ()) -> tuple[list[str], list[int]]:
    """Take a sum apart: words and signs; ValueError says what is missing.

    A hyphen within a word that is `known` belongs to the word; any other is a minus.

    >>> parse("king - man+woman")
    (['king', 'man', 'woman'], [1, -1, 1])
    """
    words, signs, sign = list[str](), list[int](), 1
    expecting = True
    parts = text.lower().replace("−", " - ").replace("+", " + ").split()
    for part in chain.from_iterable(_pieces(part, known) for part in parts):
        if part in ("+", "-"):
            if expecting and words:
                raise ValueError("Two signs stand side by side: put a word between them.")
            sign, expecting = (1 if part == "+" else -1), True
        elif expecting:
            words, signs, expecting = [*words, part], [*signs, sign], False
        else:
            raise ValueError(f"Put + or - before “{part}”.")
    if not words or expecting:
        raise ValueError("Write a sum of words, such as king - man + woman.")
    if len(words) > 6:
        raise ValueError(f"The sum has {len(words)} words; here it may have 6.")
    return words, signs


def _pieces(part: str, known: Container[str]) -> list[str]:
    whole = part[0] != "-" and part in known
    return [part] if whole else [piece for piece in re.split("(-)", part) if piece]


def solve(table: WordVectors, text: str) -> dict[str, Any]:
    """Return a sum's inputs, the words nearest to it, and what its picture needs.

    `ranked` leaves nothing out; `gram` holds the dot products of the inputs, the sum (scaled to
    length 1) and the nearest word that is no input, in this order.
    """
    words, signs = parse(given.text(text, "a sum"), table)
    units = np.stack([table.unit[table.id(word)] for word in words]).astype(float)  # (n, d)
    target = np.array(signs) @ units
    if (length := float(np.linalg.norm(target))) < 1e-6:
        raise ValueError("All that was added is taken away again: no word is near to nothing.")
    target = target / length
    ranked = table.nearest(target, SHOWN + len(set(words)))
    best = next(word for word, _ in ranked if word not in words)
    points = np.vstack([units, target, table.unit[table.id(best)]])
    return {
        "words": words,
        "signs": signs,
        "ranked": [[word, round(score, 4)] for word, score in ranked],
        "gram": np.round(points @ points.T, 4).tolist(),
    }


def left_out(answer: dict[str, Any]) -> list[list[Any]]:
    """Return the ranking without the inputs."""
    return [entry for entry in answer["ranked"] if entry[0] not in answer["words"]][:SHOWN]


def _named(entry: list[Any]) -> str:
    return f"{entry[0]} {entry[1]:.3f}"

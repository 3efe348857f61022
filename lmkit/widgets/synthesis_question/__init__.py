"""SynthesisQuestion: a question to answer in one's own words, saved as one types."""

import html
from typing import Any

import traitlets as t

from ... import answers, questions
from ..base import Widget


class SynthesisQuestion(Widget):
    """One of the book's questions, with hints, points to tick for oneself and a sample answer.

    Answers are saved to `answers.json` beside the notebook; on a page without a kernel the
    browser keeps them. Raises `ValueError` for a name that no question has.
    """

    _height = 340
    _private = frozenset({"record", "keeper"})  # what a student wrote is in no notebook

    name = t.Unicode().tag(sync=True)
    question = t.Unicode().tag(sync=True)
    hints = t.List(t.Unicode()).tag(sync=True)
    rubric = t.List(t.Unicode()).tag(sync=True)
    sample = t.Unicode().tag(sync=True)
    record = t.Dict().tag(sync=True)
    keeper = t.Unicode().tag(sync=True)

    def __init__(self, name: str, path: str = "answers.json") -> None:
        self._file = answers.AnswerFile(path)
        data = questions.question(name)
        shown = {key: data[key] for key in ("question", "hints", "rubric", "sample")}
        super().__init__(
            name=name, keeper=f"Saved to {self._file.path.name} beside this notebook", **shown
        )

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Read, save, export or import answers; `OSError` becomes a sentence."""
        try:
            return self._answers(request)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ValueError(
                f"{self._file.path.name} cannot be written ({reason}), so the last change is only "
                "here: download your answers (⋯) before you leave."
            ) from error

    def _answers(self, request: dict[str, Any]) -> dict[str, Any]:
        match request:
            case {"kind": "answers.read"}:
                return {"record": self._file.read().get(self.name)}
            case {"kind": "answers.save", "text": text, "ticks": ticks, "seen": seen}:
                return {"record": self._file.save(self.name, text, ticks, seen)}
            case {"kind": "answers.all"}:
                return {"text": answers.export(self._file.read())}
            case {"kind": "answers.merge", "text": text}:
                said = self._file.merge(text)
                self.record = self._file.read().get(self.name) or {}
                return {"said": said}
        return super().answer(request)

    def summary(self) -> str:
        """Return the question."""
        return self.question

    def fallback(self) -> str:
        """Return the question, and in a fold what a good answer covers."""
        points = "".join(f"<li>{html.escape(point)}</li>" for point in self.rubric)
        return (
            f"<p><strong>{html.escape(self.question)}</strong></p>"
            f"<details><summary>What a good answer covers</summary><ul>{points}</ul>"
            f"<p>{html.escape(self.sample)}</p></details>"
        )

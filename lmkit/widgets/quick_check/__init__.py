"""QuickCheck: one question whose answer can be checked, and why a wrong one is wrong."""

import html
from typing import Any

import traitlets as t

from ... import answers, questions
from ..base import Widget


class QuickCheck(Widget):
    """A choice, a number or an order, from the book's questions; each wrong answer is explained.

    What was answered is kept beside the notebook or in the browser, nowhere else. Raises
    `ValueError` for a name that no quick check has.
    """

    _height = 240

    name = t.Unicode().tag(sync=True)
    question = t.Dict().tag(sync=True)

    def __init__(self, name: str, path: str = "answers.json") -> None:
        self._file = answers.AnswerFile(path)
        data = questions.question(name)
        if data["kind"] == "synthesis":
            raise ValueError(f"{name!r} is a question for SynthesisQuestion, not a quick check.")
        super().__init__(name=name, question={k: v for k, v in data.items() if k != "id"})

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Keep and return what was answered."""
        match request:
            case {"kind": "answers.read"}:
                return {"record": self._file.read().get(self.name)}
            case {"kind": "answers.save", "text": text, "seen": seen}:
                return {"record": self._file.save(self.name, text, [], seen)}
        return super().answer(request)

    def summary(self) -> str:
        """Return the question with its choices or items."""
        return "\n".join([str(self.question["question"]), *(f"- {x}" for x in self._parts())])

    def fallback(self) -> str:
        """Return the question, and in a fold the answer."""
        parts = "".join(f"<li>{html.escape(part)}</li>" for part in self._parts())
        return (
            f"<p>{html.escape(self.question['question'])}</p><ul>{parts}</ul>"
            f"<details><summary>Answer</summary><p>{html.escape(self._solution())}</p></details>"
        )

    def _parts(self) -> list[str]:
        choices = [choice["text"] for choice in self.question.get("choices", [])]
        return choices or sorted(self.question.get("items", []))

    def _solution(self) -> str:
        match self.question:
            case {"choices": choices}:
                right = next(choice for choice in choices if choice.get("right"))
                return f"{right['text']}: {right['why']}"
            case {"items": items, "why": why}:
                return f"{' '.join(items)} {why}"
        return f"{self.question['answer']}. {self.question['why']}"

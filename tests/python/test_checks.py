"""Checks of coding exercises: right answers pass however they are written, mutants do not."""

import math
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from lmkit import exercises

FILES = sorted((Path(__file__).parent.parent / "solutions").glob("*.py"))
SOLUTIONS = [runpy.run_path(str(file)) for file in FILES]
RIGHT = {name: fns for found in SOLUTIONS for name, fns in found["RIGHT"].items()}
WRONG = {name: fns for found in SOLUTIONS for name, fns in found["WRONG"].items()}


def cases(answers):
    return [
        pytest.param(n, fn, id=f"{n}-{k}") for n, fns in answers.items() for k, fn in enumerate(fns)
    ]


def test_every_check_has_three_right_answers_and_three_mutants():
    assert set(exercises._checks()) == set(RIGHT) == set(WRONG)
    assert all(len(fns) >= 3 for answers in (RIGHT, WRONG) for fns in answers.values())


@pytest.mark.parametrize(("name", "answer"), cases(RIGHT))
def test_right_answers_raise_no_alarm(name, answer):
    assert exercises.verdict(name, answer) is None


@pytest.mark.parametrize(("name", "answer"), cases(WRONG))
def test_mutants_fail_and_are_told_for_which_input(name, answer):
    problem = exercises.verdict(name, answer)
    assert re.search(
        rf"{name}\b.+ gave .+, (where .+ is right|which is not what it asks for)|"
        rf"{name}\(.*\) raised \w+: ",
        problem,
    )
    assert not re.search(r"np\.float64|tensor\([-\d.]+\)|\d\.\d{9}", problem), problem


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_what_is_not_written_or_crashes_is_a_sentence(name):
    def stub(*_args, **_options):
        raise NotImplementedError

    assert exercises.verdict(name, stub) == "It is not written yet."
    raised = exercises.verdict(name, lambda *_a, **_o: {}["x"])
    assert re.fullmatch(rf"{name}\(.+\) raised KeyError: 'x'\.", raised)
    nothing = exercises.verdict(name, lambda *_a, **_o: None)
    assert re.search(rf"{name}\b.+ gave None, ", nothing)


def test_a_crash_on_a_later_input_names_that_input():
    def only_ascii(log_probs, text):
        return -sum(log_probs) / math.log(2) / len(text.encode("ascii"))

    said = exercises.verdict("bits_per_character", only_ascii)
    assert said.startswith("bits_per_character([-2.07944], 'é') raised UnicodeEncodeError: ")


def test_functions_and_long_arguments_are_shown_in_short():
    said = exercises.verdict("beam_step", lambda beams, next_probs, width: width / 0)
    assert (
        said == "beam_step([((), 0.0)], __getitem__, 2) raised ZeroDivisionError: division by zero."
    )
    said = exercises.verdict("attend_next", lambda *_: 1)
    assert (
        said.startswith("attend_next(tensor(") and "gave 1, which is not what it asks for" in said
    )
    long = exercises._arguments((list(range(1000)),), {"k": [0.1 + 0.2]})
    assert len(long) < 80 and long.endswith("…, k=[0.3]")


def test_hints_come_one_more_with_each_wrong_answer(capsys):
    def stub(log_probs):
        raise NotImplementedError

    exercises._tries.clear()
    for answer, shown in ((stub, 0), (stub, 0), (len, 0), (len, 1), (stub, 0), (len, 2), (len, 2)):
        exercises.check("perplexity", answer)
        assert capsys.readouterr().out.count("Hint") == shown
    with pytest.raises(ValueError, match="No exercise is called 'nonsense'; there are"):
        exercises.check("nonsense", print)


@pytest.mark.parametrize(
    ("got", "want", "same"),
    [
        (2.00001, 2.0, True),
        (torch.tensor([1.0, 2.0]), np.array([1.0, 2.0]), True),
        ([1.0, 2.0], np.array([1.0, 2.0]), True),
        (torch.ones(2, 1), np.ones(2), False),
        ("2", 2.0, False),
        ({"a": 1.0}, {"a": 1.0, "b": 2.0}, False),
        ((1, [2.0, "x"]), [1, (2.0, "x")], True),
        ([1], [1, 2], False),
        (None, [1], False),
        (torch.ones(2, requires_grad=True), [1.0, 1.0], False),  # a list was asked for
        (torch.tensor(2.0, requires_grad=True), 2.0, True),
    ],
)
def test_what_counts_as_the_same(got, want, same):
    assert exercises._same(got, want) is same

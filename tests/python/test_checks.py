"""Checks of coding exercises: right answers pass however they are written, mutants do not."""

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
    assert problem is not None
    assert " gave " in problem or "raised" in problem


def test_a_function_of_chapter_2_that_raises_is_told_for_which_input():
    def strict(ids, vocab):
        return b"".join(vocab[i] for i in ids).decode()

    problem = exercises.verdict("decode_bytes", strict)
    assert problem.startswith(
        "decode_bytes([0, 1], {0: b'a', 1: b'\\xc3'}) raised UnicodeDecodeError"
    )


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_what_is_not_written_or_crashes_is_a_sentence(name):
    def stub(*_args, **_options):
        raise NotImplementedError

    assert exercises.verdict(name, stub) == "It is not written yet."
    assert "raised ZeroDivisionError" in exercises.verdict(name, lambda *_a, **_o: 1 / 0)
    assert exercises.verdict(name, lambda *_a, **_o: None) is not None


def test_hints_come_one_more_each_time(capsys):
    exercises._tries.clear()
    for shown in (0, 1, 2, 2):
        exercises.check("perplexity", lambda log_probs: 0.0)
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
    ],
)
def test_what_counts_as_the_same(got, want, same):
    assert exercises._same(got, want) is same

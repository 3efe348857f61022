"""Checks of coding exercises: right answers pass however they are written, mutants do not."""

import math
import re
import runpy
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

from lmkit import checks

FILES = sorted((Path(__file__).parent.parent / "solutions").glob("*.py"))
SOLUTIONS = [runpy.run_path(str(file)) for file in FILES]
RIGHT = {name: fns for found in SOLUTIONS for name, fns in found["RIGHT"].items()}
WRONG = {name: fns for found in SOLUTIONS for name, fns in found["WRONG"].items()}


def cases(answers):
    return [
        pytest.param(n, fn, id=f"{n}-{k}") for n, fns in answers.items() for k, fn in enumerate(fns)
    ]


def test_every_check_has_three_right_answers_and_three_mutants():
    assert set(checks._checks()) == set(RIGHT) == set(WRONG)
    assert all(len(fns) >= 3 for answers in (RIGHT, WRONG) for fns in answers.values())


@pytest.mark.parametrize(("name", "answer"), cases(RIGHT))
def test_right_answers_raise_no_alarm(name, answer):
    assert checks.verdict(name, answer) is None


@pytest.mark.parametrize(("name", "answer"), cases(WRONG))
def test_mutants_fail_and_are_told_for_which_input(name, answer):
    problem = checks.verdict(name, answer)
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

    assert checks.verdict(name, stub) == "It is not written yet."
    raised = checks.verdict(name, lambda *_a, **_o: {}["x"])
    where = r"in line \d+ of test_checks\.py, `raised = .*\{\}\[\"x\"\]\)`"
    assert re.fullmatch(rf"{name}\(.+\) raised KeyError: 'x', {where}\.", raised)
    nothing = checks.verdict(name, lambda *_a, **_o: None)
    assert re.search(rf"{name}\b.+ gave None, .*Does it end with return\?", nothing)


def test_a_crash_on_a_later_input_names_that_input():
    def only_ascii(log_probs, text):
        return -sum(log_probs) / math.log(2) / len(text.encode("ascii"))

    said = checks.verdict("bits_per_character", only_ascii)
    assert said.startswith("bits_per_character([-2.07944], 'é') raised UnicodeEncodeError: ")


def test_functions_and_long_arguments_are_shown_in_short():
    said = checks.verdict("beam_step", lambda beams, next_probs, width: width / 0)
    assert said.startswith(
        "beam_step([((), 0.0)], __getitem__, 2) raised ZeroDivisionError: division by zero, in line"
    )
    said = checks.verdict("attend_next", lambda *_: 1)
    assert (
        said.startswith("attend_next(tensor(") and "gave 1, which is not what it asks for" in said
    )
    long = checks._arguments((list(range(1000)),), {"k": [0.1 + 0.2]})
    assert len(long) < 80 and long.endswith("…, k=[0.3]")


def test_hints_come_one_more_with_each_wrong_answer(capsys):
    def stub(log_probs):
        raise NotImplementedError

    checks._tries.clear()
    for answer, shown in ((stub, 0), (stub, 0), (len, 0), (len, 1), (stub, 0), (len, 2), (len, 2)):
        checks.check("perplexity", answer)
        assert capsys.readouterr().out.count("Hint") == shown
    with pytest.raises(ValueError, match="No exercise is called 'nonsense'; there are"):
        checks.check("nonsense", print)


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
    assert checks._same(got, want) is same


def told(answer, name="perplexity"):
    return checks.verdict(name, answer)


def test_only_our_stubs_are_not_written():
    def torchs(_log_probs):
        return torch.tensor([1, 2]).softmax(-1)

    def helped(log_probs):
        return helper(log_probs)

    def helper(_):
        raise NotImplementedError

    assert re.search(r"^perplexity\(.*\) raised NotImplementedError: .*softmax", told(torchs))
    assert re.search(r"^perplexity\(.*\) raised NotImplementedError, in line \d+", told(helped))


@pytest.mark.parametrize("error", [ValueError, ValueError(""), SystemExit, SystemExit(1)])
def test_errors_without_words_and_an_exit_read_well(error):
    def answer(_log_probs):
        raise error

    name, what = getattr(error, "__name__", type(error).__name__), str(getattr(error, "code", ""))
    code = f": {what}" if what.isdigit() else ""
    assert f"]) raised {name}{code}, in line " in told(answer)
    assert told(answer).endswith(" of test_checks.py, `raise error`.")


def test_a_long_error_is_cut():
    def answer(_log_probs):
        raise ValueError("x" * 10**6)

    assert len(told(answer)) < 500


def test_the_students_own_line_is_named_not_a_librarys():
    def answer(log_probs):
        total = helper(log_probs)
        return total

    def helper(log_probs):
        return np.linalg.inv(log_probs)

    assert told(answer).endswith(" of test_checks.py, `return np.linalg.inv(log_probs)`.")
    exec(compile("def typed(x):\n    return 1 / 0", "<string>", "exec"), found := {})
    assert told(found["typed"]).endswith("division by zero, in line 2 of your code.")


CELLS = [
    "from lmkit.checks import check\nimport lmkit.checks\nlmkit.checks.LIMIT = 0.5",
    "def perplexity(log_probs):\n    total = 0\n    return total / len([])",
    'check("perplexity", perplexity)',
    'check("perplexity", lambda x: [1][2])',
    "def forever(log_probs):\n    while True:\n        try: pass\n        except Exception: pass",
    'check("perplexity", forever)',
    'check("perplexity", perplexity)',
]


def test_in_a_notebook_the_line_is_that_of_a_cell_and_an_endless_loop_ends():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    NotebookClient(notebook, timeout=60).execute()
    said = ["".join(out.get("text", "") for out in cell.outputs) for cell in notebook.cells]
    assert "division by zero, in line 3 of cell In[2], `return total / len([])`." in said[2]
    assert "out of range, in line 1 of cell In[4], `check(" in said[3]
    assert "was stopped after 0.5 seconds, in line " in said[5] and " of cell In[5], `" in said[5]
    assert "Does each of its loops come to an end?" in said[5]
    assert "division by zero, in line 3 of cell In[2]" in said[6]  # the kernel lives


def endless(log_probs):
    while True:
        math.sqrt(2)


def asleep(log_probs):
    time.sleep(60)


@pytest.mark.parametrize("answer", [endless, asleep])
def test_what_does_not_end_is_stopped(monkeypatch, answer):
    monkeypatch.setattr(checks, "LIMIT", 0.2)
    assert re.fullmatch(
        r"perplexity\(.*\) was stopped after 0\.2 seconds, in line \d+ of test_checks\.py, `.+`\. "
        r"Does each of its loops come to an end\?",
        told(answer),
    )
    time.sleep(0.3)  # nothing interrupts what comes after
    assert told(lambda x: math.exp(-sum(x) / len(x))) is None


def test_without_the_main_thread_or_threads_a_check_still_runs(monkeypatch):
    said = []
    worker = threading.Thread(target=lambda: said.append(told(lambda x: 1 / 0)))
    worker.start()
    worker.join()
    monkeypatch.setattr(threading.Thread, "start", lambda _: (_ for _ in ()).throw(RuntimeError))
    said.append(told(lambda x: 1 / 0))
    assert all("division by zero, in line" in one for one in said) and len(said) == 2


def test_stopping_a_check_is_a_sentence(capsys):
    def interrupted(log_probs):
        signal.raise_signal(signal.SIGINT)

    checks._tries.clear()
    checks.check("perplexity", interrupted)
    assert re.fullmatch(
        r"Not yet\. perplexity\(.*\) was stopped before it ended, in line \d+ of test_checks\.py, "
        r"`signal\.raise_signal\(signal\.SIGINT\)`\.\n",
        capsys.readouterr().out,
    )


@pytest.mark.parametrize("given", [{"a": 1}, 2.0, None, "perplexity", [1, 2]])
def test_a_result_instead_of_the_function_is_told(given):
    assert checks.verdict("perplexity", given) == (
        "Give the function itself, check('perplexity', perplexity), and not a result of it; "
        f"this is {given!r}."
    )


def test_nothing_and_a_generator_are_told():
    said = checks.verdict("attend_next", lambda *_: None)
    assert "gave None, " in said and said.endswith(" Does it end with return?")

    def lazy(log_probs):
        yield 2.0

    said = told(lazy)
    assert "gave a generator, where 2.0 is right. That is a generator: it needs return" in said


class Huge(list):
    """A value whose repr must not be made."""

    def __repr__(self):
        raise AssertionError("the whole of it was made")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ([0.1] * 10**6, "[0.1, 0.1, "),
        ([[0.1] * 1000] * 1000, "[[0.1, 0.1, "),
        ({k: k for k in range(10**6)}, "{0: 0, 1: 1, "),
        ("x" * 10**7, "'xxx"),
        (set(range(10**6)), "a set of 1,000,000 items"),
        (Huge(range(10**6)), "a Huge of 1,000,000 items"),
        ((1,), "(1,)"),
        ((1, "a", 0.30000000000000004), "(1, 'a', 0.3)"),
        ({"a": [np.float64(0.5), torch.tensor(2)]}, "{'a': [0.5, 2]}"),
        ([], "[]"),
        ({}, "{}"),
    ],
    ids=lambda x: x if isinstance(x, str) and len(x) < 40 else "",
)
def test_a_huge_value_is_shown_in_short_and_at_once(value, shown):
    began = time.process_time()
    text = checks._short(value)
    assert text.startswith(shown) and len(text) <= 120
    assert time.process_time() - began < 0.1
    if len(text) < 120:
        assert not text.endswith("…")


def test_a_list_within_itself_is_shown():
    loop = []
    loop.append(loop)
    assert checks._short(loop) == "[" * 119 + "…"


@pytest.mark.parametrize(
    ("got", "want", "same"),
    [
        (math.nan, math.nan, True),
        (math.inf, math.inf, True),
        (1e9, math.inf, False),
        (math.nan, 1.0, False),
        (1, 1.0, True),
        (np.float32(0.5), 0.5, True),
        (np.ones(1), 1.0, False),
        (b"1", 1.0, False),
        (1j, 1.0, False),
        (None, 1.0, False),
        ([1.0], 1.0, False),
    ],
)
def test_one_number_is_compared_without_numpy_as_numpy_would(got, want, same):
    assert checks._close(got, want) is same
    if not isinstance(got, bytes | complex):
        assert checks._close_arrays(got, want) is same


PLAIN = """
import math, sys
for name in ("torch", "numpy", "filelock"):
    sys.modules[name] = None  # an import of it fails
import runpy
from lmkit import answers, checks, questions
assert len(questions.questions()) > 20
tried = 0
for file in sys.argv[1:]:
    found = runpy.run_path(file)
    for name, solutions in found["RIGHT"].items():
        for solution in solutions:
            assert checks.verdict(name, solution) is None, name
            tried += 1
    for name, mutants in found["WRONG"].items():
        for mutant in mutants:
            assert checks.verdict(name, mutant), name
pairs = lambda t, w: sorted((t[i], t[j]) for i in range(len(t)) for j in range(len(t))
                            if 0 < abs(i - j) <= w)
assert checks.verdict("skip_gram_pairs", pairs) is None
assert checks.verdict("perplexity", lambda x: math.exp(-sum(x) / len(x))) is None
checks.check("add_k", lambda *_: 0)
print(tried)
"""


def test_plain_exercises_are_checked_without_torch_and_numpy():
    """As in a page, where neither can be had; of the right answers the files that need none."""
    plain = [
        file for file in FILES if not re.search("^import (torch|numpy)", file.read_text(), re.M)
    ]
    assert "tokenization" in {file.stem for file in plain}
    done = subprocess.run(
        [sys.executable, "-c", PLAIN, *map(str, plain)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "add_k('cat', 'the'" in done.stdout and int(done.stdout.split()[-1]) >= 12


def test_checks_load_nothing_before_they_need_it():
    code = "import sys, lmkit.checks, lmkit.questions, lmkit.answers\n"
    code += "heavy = {'torch', 'numpy', 'filelock'} & set(sys.modules); assert not heavy, heavy"
    subprocess.run([sys.executable, "-c", code], check=True)

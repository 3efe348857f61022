"""The notebook commands see what must not be committed, and running changes nothing."""

import json
import os
import subprocess
import sys

import nbformat
import pytest

from tools import notebooks


def book():
    """Return a small notebook as the run command would leave it."""
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(1)")])
    nb.cells[0].execution_count = 1
    notebooks.clean(nb)
    return nb


def problems(tmp_path, nb):
    file = tmp_path / "nb.ipynb"
    file.write_text(json.dumps(nb))  # as it is: nbformat would mend it
    return "\n".join(notebooks.check(file))


def test_a_clean_notebook_has_no_problem(tmp_path):
    assert problems(tmp_path, book()) == ""


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda nb: nb.cells[0].update(source="print(2)"), "the code changed after it was run"),
        (lambda nb: nb.cells[0].update(execution_count=2), "not run from top to bottom"),
        (lambda nb: nb.metadata.update(widgets={}), "holds widget state"),
        (lambda nb: nb.update(nbformat_minor=4), "not in nbformat 4.5"),
        (lambda nb: nb.cells.append(nb.cells[0].copy()), "no id of its own"),
        (lambda nb: nb.cells[0].pop("id"), "no id of its own"),
        (lambda nb: say(nb, "saved to /home/ada/x"), "a path of one machine: /home/ada"),
        (lambda nb: say(nb, "x" * 700_000), "larger than 600 KB"),
        (lambda nb: nb.cells[0].outputs.append(ERROR), "holds an error"),
    ],
)
def test_check_says_what_is_wrong(tmp_path, break_it, message):
    nb = book()
    break_it(nb)
    assert message in problems(tmp_path, nb)


def say(nb, text):
    nb.cells[0].outputs.append(nbformat.v4.new_output("stream", name="stdout", text=text))


ERROR = nbformat.v4.new_output("error", ename="E", evalue="e", traceback=[])


def test_a_file_that_is_no_notebook_is_a_sentence(tmp_path):
    file = tmp_path / "nb.ipynb"
    file.write_text("not json")
    with pytest.raises(SystemExit, match=r"nb\.ipynb"):
        notebooks.check(file)


def command(name, file):
    line = [sys.executable, "-m", "tools.notebooks", name, str(file)]
    return subprocess.run(line, cwd=notebooks.ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_running_again_gives_the_same_bytes():
    """Of the other notebooks, `tools.notebooks test` compares every output."""
    file = notebooks.ROOT / "book" / "live.ipynb"
    copy = file.with_name(f".again-{os.getpid()}-{file.name}")
    copy.write_bytes(file.read_bytes())
    try:
        done = command("run", copy)
        assert done.returncode == 0, done.stderr
        assert copy.read_bytes() == file.read_bytes()
    finally:
        copy.unlink()


@pytest.mark.slow
def test_an_output_that_differs_is_found(tmp_path):
    """Of the three changes nbval alone sees only the first."""
    code = "from IPython.display import display\n"
    code += 'display({"text/plain": "a", "image/png": "aaaa"}, raw=True, metadata={"b": "c"})'
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for _ in range(4)])
    file = tmp_path / "nb.ipynb"
    notebooks.write(nb, file)
    assert command("run", file).returncode == 0
    nb = notebooks.read(file)
    nb.cells[0].outputs[0].data["text/plain"] = "A"
    nb.cells[1].outputs[0].data["image/png"] = "bbbb"
    nb.cells[2].outputs[0].metadata["b"] = "C"
    notebooks.write(nb, file)
    done = command("test", file)
    assert "3 failed, 1 passed" in done.stdout, done.stdout

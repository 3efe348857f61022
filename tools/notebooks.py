"""Run, check, test and renumber the notebooks: `python -m tools.notebooks COMMAND [FILE …]`.

`run` executes in place and leaves nothing in the file that another run would change. `check`
looks at the files alone: outputs belong to the code above them, ids are there, no widget state,
no path of this machine, no error, no huge output. `test` runs them once more, elsewhere: nbval in
strict mode, and every output the same to the byte. `renumber` gives every chapter the number of
its place in `_toc.yml` (`tools/renumber.py`).
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).parent.parent
FOLDERS = (ROOT / "notebooks", ROOT / "exercises", ROOT / "book")
MAX_BYTES = 600_000
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}

# The same digits on every x86 processor: one thread, and one path through torch's and MKL's
# kernels whatever the processor could do. Students run without it; their last digits may differ.
SAME_DIGITS = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "COMPATIBLE",
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "TQDM_DISABLE": "1",
}


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.notebooks", description=__doc__)
    parser.add_argument("command", choices=["run", "check", "test", "renumber"])
    parser.add_argument("files", nargs="*", type=Path, help="default: all of them")
    options = parser.parse_args(arguments)
    files = options.files or all_files()
    if options.command == "renumber":
        return renumber()
    if options.command == "test":
        return test(files)
    problems = [p for file in files for p in {"run": run, "check": check}[options.command](file)]
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


def all_files() -> list[Path]:
    """Return the book's notebooks: chapters, their exercises, and pages that are notebooks."""
    return sorted(file for folder in FOLDERS for file in folder.glob("[!.]*.ipynb"))


def run(file: Path) -> list[str]:
    """Execute a notebook in place; returns what went wrong, in which case the file stays."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    os.environ.update(SAME_DIGITS)
    notebook = read(file)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=300,
        store_widget_state=False,
        coalesce_streams=True,
        record_timing=False,
        resources={"metadata": {"path": str(file.parent)}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        return [f"{file.name}: {error}"]
    clean(notebook)
    write(notebook, file)
    print(f"{file.name}: run, {file.stat().st_size / 1000:.0f} KB")
    return []


def clean(notebook: Any) -> None:
    """Drop whatever differs between two runs, and note which code the outputs belong to."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        clean_outputs(cell.get("outputs", []))
    notebook.metadata = {
        "kernelspec": KERNEL,
        "language_info": {"name": "python"},
        "lmkit": {"code": fingerprint(notebook)},
    }


def clean_outputs(outputs: list[Any]) -> None:
    """Drop the ids of widgets' views, which are random, from a cell's outputs."""
    for output in outputs:
        output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)


def fingerprint(notebook: Any) -> str:
    """Return a digest of all code, so that outputs left from other code are noticed."""
    code = "\0".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def check(file: Path) -> list[str]:
    """Return what is wrong with a stored notebook, a sentence each."""
    notebook = read(file)
    problems = [*_check_file(file, notebook), *_check_cells(notebook)]
    return [f"{file.name}: {problem}" for problem in problems]


def _check_file(file: Path, notebook: Any) -> Iterator[str]:
    text = file.read_text("utf-8")
    if notebook.metadata.get("lmkit", {}).get("code") != fingerprint(notebook):
        yield "the code changed after it was run: python -m tools.notebooks run"
    if (notebook.nbformat, notebook.nbformat_minor) != (4, 5):
        yield "not in nbformat 4.5"
    ids = [cell.get("id") for cell in json.loads(text)["cells"]]  # nbformat mends them on reading
    if None in ids or len(set(ids)) < len(ids):
        yield "a cell has no id of its own"
    if "widgets" in notebook.metadata or "widget-view+json" in text:
        yield "holds widget state: python -m tools.notebooks run"
    if path := re.search(
        r"(?<![\w.:/])(/home/|/root/|/Users/|/work/|/tmp/|[A-Z]:\\\\)[\w.-]+", text
    ):
        yield f"holds a path of one machine: {path[0]}"
    if len(text.encode()) > MAX_BYTES:
        yield f"larger than {MAX_BYTES // 1000} KB"


def _check_cells(notebook: Any) -> Iterator[str]:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        yield "not run from top to bottom"
    if any(output.output_type == "error" for cell in code for output in cell.outputs):
        yield "holds an error"


def test(files: list[Path]) -> int:
    """Run nbval in strict mode, and compare to the byte; cells are not shuffled."""
    command = [sys.executable, "-m", "pytest", "--nbval", "-p", "tools.same_outputs", "-q"]
    command += ["-p", "no:randomly", "--numprocesses=2", "--dist=loadfile"]  # one kernel a file
    command += map(str, files)
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **SAME_DIGITS}).returncode


def renumber() -> int:
    """Move every chapter to its place in `_toc.yml`, and say which notebooks that leaves to run."""
    from tools import renumber

    stale = [str(file.relative_to(ROOT)) for file in renumber.renumber()]
    if stale:
        print("Their code names a chapter or a formula: python -m tools.notebooks run", *stale)
    return 0


def read(file: Path) -> Any:
    """Read a notebook; one that is no notebook is named in a sentence."""
    try:
        return nbformat.read(file, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        raise SystemExit(f"{file}: {error}") from None


def write(notebook: Any, file: Path) -> None:
    """Write a notebook the one way that git should see it."""
    file.write_bytes(f"{nbformat.writes(notebook)}\n".encode())  # Unix line ends on Windows too


if __name__ == "__main__":
    sys.exit(main())

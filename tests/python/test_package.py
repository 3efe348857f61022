"""The package as a whole: what `import lmkit` offers, what it costs, and what it needs."""

import ast
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

import lmkit
from lmkit import checkpoints, checks, questions

ROOT = Path(lmkit.__file__).parent
BROUGHT = {"cycler": "matplotlib", "traitlets": "anywidget"}  # by a package that is named


def test_every_module_is_an_attribute():
    modules = {file.stem for file in ROOT.glob("[!_]*.py")}
    modules |= {file.parent.name for file in ROOT.glob("*/__init__.py")}
    assert set(lmkit.__all__) == modules
    for name in modules:
        assert getattr(lmkit, name).__name__ == f"lmkit.{name}"


def test_light_modules_load_no_torch():
    code = """
        import sys, lmkit, lmkit.assets, lmkit.gguf, lmkit.tokenizers, lmkit.checks
        heavy = {"torch", "transformers", "safetensors", "filelock", "pyarrow"} & set(sys.modules)
        assert not heavy, heavy
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


INSTALLED = """
from pathlib import Path
import lmkit
from lmkit import checkpoints, checks, questions
assert Path(lmkit.__file__).is_relative_to(Path.cwd()), lmkit.__file__
print(len(questions.questions()), len(checks._checks()), len([*checkpoints.FOLDER.iterdir()]))
checks.check("perplexity", lambda log_probs: 2.0)
"""


@pytest.mark.slow
def test_an_installed_package_has_its_questions_checks_and_weights(tmp_path):
    shutil.copytree(ROOT, tmp_path / "source" / "lmkit")  # building leaves things behind
    shutil.copy(ROOT.parent / "pyproject.toml", tmp_path / "source")
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--quiet"]
    place = ["--target", str(tmp_path / "site"), str(tmp_path / "source")]
    subprocess.run([*pip, "--disable-pip-version-check", "--no-index", *place], check=True)
    done = subprocess.run(
        [sys.executable, "-c", INSTALLED], cwd=tmp_path / "site", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    numbers, said = done.stdout.split("\n", 1)
    weights = len([*checkpoints.FOLDER.iterdir()])
    assert numbers == f"{len(questions.questions())} {len(checks._checks())} {weights}"
    assert said.startswith("Not yet. perplexity([log 0.9")


def test_what_is_imported_is_declared():
    found = set()
    for file in [f for f in ROOT.rglob("*.py") if "exercises" not in f.parts]:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.split(".")[0])
    optional = {"lmkit", "IPython", *sys.stdlib_module_names}
    declared = tomllib.loads((ROOT.parent / "pyproject.toml").read_text("utf-8"))["project"]
    assert {BROUGHT.get(name, name) for name in found - optional} == set(declared["dependencies"])

"""The package as a whole: what `import lmkit` offers, what it costs, and what it needs."""

import ast
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import lmkit

ROOT = Path(lmkit.__file__).parent
BROUGHT = {"cycler": "matplotlib", "traitlets": "anywidget"}  # by a package that is named


def test_every_module_is_an_attribute():
    modules = {file.stem for file in ROOT.glob("[!_]*.py")} | {"widgets"}
    assert set(lmkit.__all__) == modules
    for name in modules:
        assert getattr(lmkit, name).__name__ == f"lmkit.{name}"


def test_light_modules_load_no_torch():
    code = """
        import sys, lmkit, lmkit.assets, lmkit.gguf, lmkit.tokenizers
        heavy = {"torch", "transformers", "safetensors", "filelock", "pyarrow"} & set(sys.modules)
        assert not heavy, heavy
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_what_is_imported_is_declared():
    found = set()
    for file in [*ROOT.glob("*.py"), *ROOT.glob("widgets/*.py")]:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.split(".")[0])
    optional = {"lmkit", "IPython", *sys.stdlib_module_names}
    declared = tomllib.loads((ROOT.parent / "pyproject.toml").read_text("utf-8"))["project"]
    assert {BROUGHT.get(name, name) for name in found - optional} == set(declared["dependencies"])

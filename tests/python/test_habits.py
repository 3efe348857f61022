"""What runs by itself, on a server or before a commit, runs what the README and make know."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
every_workflow = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)


def load(file):
    return yaml.safe_load(file.read_text("utf-8"))


def jobs(file):
    return load(file)["jobs"]


def commands(job):
    return [step["run"] for step in job["steps"] if "run" in step]


def supported():
    """Return the versions of Python that make takes, such as "3.11"."""
    low, high = re.search(
        r"\((3, \d+)[^)]*\) <= v <= \((3, \d+)\)", (ROOT / "Makefile").read_text("utf-8")
    ).groups()
    return [f"3.{n}" for n in range(int(low[3:]), int(high[3:]) + 1)]


def test_versions_of_python_are_the_same_everywhere():
    first, *_, last = supported()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["requires-python"] == f">={first}"
    assert project["tool"]["mypy"]["python_version"] == first
    assert project["tool"]["ruff"]["target-version"] == f"py{first.replace('.', '')}"
    assert f"Python {first} to {last}" in (ROOT / "README.md").read_text("utf-8")
    for name in ("linux", "elsewhere"):
        job = jobs(ROOT / ".github/workflows/test.yml")[name]
        assert job["strategy"]["matrix"]["python"] == supported()


@every_workflow
def test_a_workflow_runs_commands_that_there_are(file):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    run = "\n".join(command for job in jobs(file).values() for command in commands(job))
    assert set(re.findall(r"\bmake (\S+)", run)) <= set(targets)
    for module in re.findall(r"-m (tools\.\w+)", run):
        assert importlib.util.find_spec(module), module
    for path in re.findall(r"(?:-m pytest|-r|-c) (\w[\w/.-]*)", run):
        assert (ROOT / path).exists() or f"> {path}" in run, path


@every_workflow
def test_a_workflow_may_do_little_and_ends(file):
    assert load(file)["permissions"] == {"contents": "read"}
    for job in jobs(file).values():
        assert job["timeout-minutes"] <= 90


def test_other_systems_do_what_the_readme_says():
    text = (ROOT / "README.md").read_text("utf-8").replace(r".venv\Scripts\python", "python")
    for command in commands(jobs(ROOT / ".github/workflows/test.yml")["elsewhere"]):
        assert f"\n{command}\n" in text, command


def test_actions_are_pinned_and_ours_are_there():
    steps = [step for file in ACTIONS for step in load(file)["runs"]["steps"]]
    steps += [step for file in WORKFLOWS for job in jobs(file).values() for step in job["steps"]]
    used = {step["uses"] for step in steps if "uses" in step}
    ours = {use for use in used if use.startswith("./")}
    assert all((ROOT / use / "action.yml").exists() for use in ours) and ours
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+@(v\d+|[0-9a-f]{40})", use) for use in used - ours)


def test_the_index_of_torch_is_the_readmes():
    """The action reads it out of the README; this holds the line's form."""
    found = re.search(r"PIP_EXTRA_INDEX_URL=[^ ]*", (ROOT / "README.md").read_text("utf-8"))
    assert re.fullmatch(r"PIP_EXTRA_INDEX_URL=https://\S+/cpu", found[0])


def test_hooks_run_commands_that_there_are():
    hooks = [h for r in load(ROOT / ".pre-commit-config.yaml")["repos"] for h in r["hooks"]]
    entries = [hook["entry"].split() for hook in hooks]
    assert {entry[1] for entry in entries if entry[0] == "make"} == {"check"}
    modules = {entry[2] for entry in entries if entry[0] != "make"}
    assert modules == {"ruff", "mypy", "tools.notebooks"}
    assert all(hook["language"] == "system" for hook in hooks)

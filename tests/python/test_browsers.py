"""A browser is found or installed before the tests; that there is none is one sentence."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import browsers

ROOT = Path(browsers.__file__).parent.parent
APT = """#!{python}
import pathlib, sys
here = pathlib.Path(__file__).parent
calls = here / "calls"
calls.write_text((calls.read_text() if calls.exists() else "") + sys.argv[-1] + "\\n")
said = (here / "says").read_text().splitlines(keepends=True)
(here / "says").write_text("".join(said[1:]))
if said:
    sys.exit(said[0].strip())
if "install" in sys.argv:
    (here / "chromium").write_text("")
    (here / "chromium").chmod(0o755)
"""


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A computer with an apt-get of ours and no browser; what apt-get says, line by line."""
    for name in ("apt-get", "sudo"):
        (tmp_path / name).write_text(APT.format(python=sys.executable))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(browsers, "USUAL", ())
    monkeypatch.setattr(browsers, "_playwrights_own", lambda: None)
    monkeypatch.setattr(browsers, "refusal", lambda path: "")
    monkeypatch.setattr(browsers.time, "sleep", lambda seconds: None)
    ways = browsers._ways
    monkeypatch.setattr(browsers, "_ways", lambda: [next(ways())])  # no download
    (tmp_path / "says").write_text("")
    return tmp_path


def test_a_browser_that_is_missing_is_installed(bare, capsys):
    assert browsers.main() == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("Installing a Chromium for the tests")
    assert "update" in said[1] and "install -y chromium-headless-shell" in said[2]
    assert said[-1] == f"The browser tests use {bare / 'chromium'}"
    assert browsers.main() == 0 and (bare / "calls").read_text() == "update\nlibatomic1\n"


def test_the_lock_of_the_lists_is_waited_for(bare):
    (bare / "says").write_text("E: Could not get lock /var/lib/apt/lists/lock.\n" * 3)
    assert browsers.main() == 0
    assert (bare / "calls").read_text() == "update\n" * 4 + "libatomic1\n"


def test_what_cannot_be_installed_is_one_sentence(bare, capsys):
    (bare / "says").write_text("E: Unable to locate package chromium\n")
    assert browsers.main() == 1
    said = capsys.readouterr().err
    assert "none came (E: Unable to locate package chromium). Install" in said
    assert said.count("\n") == 1


def test_one_that_does_not_start_is_replaced(bare, monkeypatch, capsys):
    (bare / "chromium").write_text("")
    (bare / "chromium").chmod(0o755)
    refused = iter(["node: libatomic.so.1 is missing", ""])
    monkeypatch.setattr(browsers, "refusal", lambda path: next(refused))
    assert browsers.main() == 0
    assert "install -y" in capsys.readouterr().out


def test_without_root_it_asks_sudo(bare, monkeypatch):
    monkeypatch.setattr(browsers.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(browsers.sys, "stdin", io.StringIO())  # nobody types there
    assert browsers._ways()[0][0][:3] == ["sudo", "-n", "apt-get"]


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_no_browser_is_one_failure_of_the_session(workers):
    command = [sys.executable, "-m", "pytest", "tests/browser", "-q", workers]
    env = {**os.environ, "CHROMIUM": "/no/such/browser"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    sentence = "CHROMIUM is set to /no/such/browser, and there is no such file."
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert (done.stdout + done.stderr).count(sentence) == 1
    assert not re.search("error|passed|failed", done.stdout + done.stderr)

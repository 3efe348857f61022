"""Find Chromium for the tests, or install it: `python -m tools.chromium` prints its path."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
USUAL = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
# No connection that the page did not ask for: they would be foreign requests.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HELP = (
    "The browser tests need Chromium or Chrome and could not install it: install one "
    "(Debian: apt-get install chromium), or set CHROMIUM to the path of one."
)


def find() -> str:
    """Return the path of a Chromium; `RuntimeError` says in a sentence how to get one."""
    path = _present() or _install()
    if path is None:
        raise RuntimeError(HELP)
    return path


def _present() -> str | None:
    named = os.environ.get("CHROMIUM")
    if named and not Path(named).is_file():
        raise RuntimeError(f"CHROMIUM is set to {named}, and there is no such file.")
    found = (shutil.which(name) for name in NAMES)
    usual = (path for path in USUAL if Path(path).is_file())
    return named or next(filter(None, found), None) or next(usual, None) or _playwrights_own()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def _install() -> str | None:
    """Try Playwright's download, then the system's package manager."""
    root = [] if getattr(os, "geteuid", lambda: 0)() == 0 else ["sudo", "-n"]
    attempts = [
        [[sys.executable, "-m", "playwright", "install", "chromium"]],
        [[*root, "apt-get", "update", "-qq"], [*root, "apt-get", "install", "-yqq", "chromium"]],
        [[*root, "dnf", "install", "-yq", "chromium"]],
    ]
    for commands in attempts:
        done = all(_run(command) for command in commands)
        if done and (path := _present()):
            return path
    return None


def _run(command: list[str]) -> bool:
    program = command[2] if command[0] == "sudo" else command[0]
    if shutil.which(program) is None or shutil.which(command[0]) is None:
        return False
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, timeout=600).returncode == 0
    except subprocess.TimeoutExpired:
        return False


if __name__ == "__main__":
    try:
        print(find())
    except RuntimeError as error:
        sys.exit(str(error))

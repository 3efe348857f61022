"""Find Chromium for the tests, or install it: `python -m tools.browsers`.

`make test` runs this once, before any test: it says what it does, and when there is no way to a
browser it says so in one sentence. Tests only ever find.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

# The shell is the same engine without a window of Chrome's own around each page, which costs as
# much as a page of ours: tests take half the time in it.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
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
    "Install Chromium or Chrome (Debian: apt-get install chromium-headless-shell), "
    "or name one in CHROMIUM."
)
PATIENCE = 600  # seconds for whoever holds the package manager's lock


def find() -> str:
    """Return the path of a Chromium; `RuntimeError` says in a sentence how to get one."""
    if path := present():
        return path
    raise RuntimeError(f"The browser tests find no Chromium: python -m tools.browsers. {HELP}")


def present() -> str | None:
    """Return the path of a Chromium that is here, or None."""
    named = os.environ.get("CHROMIUM")
    if named and not Path(named).is_file():
        raise RuntimeError(f"CHROMIUM is set to {named}, and there is no such file.")
    found = (shutil.which(name) for name in NAMES)
    usual = (path for path in USUAL if Path(path).is_file())
    return named or next(filter(None, found), None) or next(usual, None) or _playwrights_own()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    try:
        with sync_playwright() as playwright:
            path = playwright.chromium.executable_path
    except Exception:  # its driver does not start: see `refusal`
        return None
    return path if Path(path).is_file() else None


def refusal(path: str) -> str:
    """Start a browser as the tests do; returns "" or the line that says why it did not start."""
    from playwright.sync_api import sync_playwright

    try:
        with sync_playwright() as playwright:
            playwright.chromium.launch(executable_path=path, args=FLAGS).close()
    except Exception as error:
        return str(error).splitlines()[0]
    return ""


def install() -> str:
    """Install a Chromium with the system's package manager, or Playwright's own; say each step."""
    print("Installing a Chromium for the tests, which takes a minute or two …", flush=True)
    failures = []
    for commands in _ways():
        failure = next(filter(None, map(_run, commands)), "")
        path = present()
        failure = failure or (refusal(path) if path else "it came without a program")
        if path and not failure:
            return path
        failures.append(failure)
    raise RuntimeError(f"The browser tests need Chromium, and none came ({failures[0]}). {HELP}")


def _ways() -> Iterator[list[list[str]]]:
    """Yield lists of commands, each a way to a Chromium that starts."""
    root = [] if getattr(os, "geteuid", lambda: 0)() == 0 else ["sudo"]
    if root and not sys.stdin.isatty():
        root.append("-n")  # nobody is there to type a password
    apt = [*root, "apt-get", "-q", "-o", f"DPkg::Lock::Timeout={PATIENCE}"]
    if shutil.which("apt-get"):  # libatomic1: for Playwright's driver
        yield [[*apt, "update"], [*apt, "install", "-y", "chromium-headless-shell", "libatomic1"]]
    elif shutil.which("dnf"):
        yield [[*root, "dnf", "install", "-y", "chromium-headless", "libatomic"]]
    yield [[sys.executable, "-m", "playwright", "install", "chromium"]]


def _run(command: list[str]) -> str:
    """Run a command; returns "" or the last line that it says of its failure."""
    print(f"  {' '.join(command)}", flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    end = time.monotonic() + PATIENCE
    while True:
        try:
            done = subprocess.run(command, env=env, capture_output=True, text=True)
        except OSError as error:
            return str(error)
        # apt-get waits for dpkg's lock, not for that of its lists
        if "lists/lock" not in done.stderr or time.monotonic() > end:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            return lines[-1] if done.returncode else ""
        time.sleep(2)


def main() -> int:
    """Find a Chromium that starts or install one, and print its path."""
    try:
        path = present()
        if path is None or refusal(path):
            path = install()
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The browser tests use {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

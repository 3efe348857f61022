"""Pin every package: `python -m tools.requirements` remakes requirements*.txt from the .in files.

Run on Python 3.11, the oldest that the book supports; pip-tools is installed where it is missing.
"""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parent.parent

# pip-compile sees the system that it runs on; these are needed on the others alone.
ELSEWHERE = """
# via jupyter-server and ipykernel, on other systems than the one that this file was made on
appnope==0.1.4 ; sys_platform == "darwin"
colorama==0.4.6 ; sys_platform == "win32"
pywinpty==3.0.2 ; sys_platform == "win32"
"""


def compile_pins(stem: str) -> None:
    """Turn `stem`.in into `stem`.txt, keeping the pins that still fit."""
    output = ROOT / f"{stem}.txt"
    command = [sys.executable, "-m", "piptools", "compile", "--quiet", "--strip-extras"]
    command += ["--allow-unsafe", "--no-header", "--annotation-style=line", "--no-emit-find-links"]
    command += ["--no-emit-index-url", "--no-emit-trusted-host", f"--output-file={output.name}"]
    subprocess.run([*command, f"{stem}.in"], cwd=ROOT, check=True)
    pins = re.sub(r"^(torch==[\d.]+)\+cpu", r"\1", output.read_text("utf-8"), flags=re.MULTILINE)
    tail = ELSEWHERE if stem == "requirements" else ""
    output.write_text(
        f"# Made by `python -m tools.requirements` from {stem}.in\n{pins}{tail}", "utf-8"
    )


if __name__ == "__main__":
    if find_spec("piptools") is None:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "pip-tools"], check=True)
    compile_pins("requirements")
    compile_pins("requirements-test")

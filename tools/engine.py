"""The engine's C: `python -m tools.engine build` compiles lm.wasm, `check` compares its bytes.

The compiler is Zig's C compiler from the package index, one pinned version, so that the same
source gives the same bytes on every computer.
"""

import argparse
import importlib.metadata
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ENGINE = Path(__file__).parent.parent / "lmkit" / "engine"
ZIGLANG = "0.17.1"
FLAGS = [
    "--target=wasm32-freestanding",
    "-mcpu=generic+simd128+bulk_memory",
    "-O3",
    "-nostdlib",
    "-s",  # no names of functions or folders in the file
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wl,--no-entry",
    "-Wl,--import-memory",
    "-Wl,--export=__heap_base",
    "-Wl,-z,stack-size=65536",
]


def compile_to(target: Path) -> None:
    """Compile lm.c; RuntimeError says in a sentence what is missing or what is wrong in it."""
    try:
        version = importlib.metadata.version("ziglang")
    except importlib.metadata.PackageNotFoundError:
        version = "missing"
    if version != ZIGLANG:
        raise RuntimeError(
            f"lm.wasm is made by ziglang {ZIGLANG}, and here it is {version}: "
            f"pip install ziglang=={ZIGLANG}"
        )
    with tempfile.TemporaryDirectory() as cache:  # Zig would keep its own in the home folder
        command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, "-o", str(target), "lm.c"]
        places = {"ZIG_LOCAL_CACHE_DIR": cache, "ZIG_GLOBAL_CACHE_DIR": cache}
        done = subprocess.run(
            command, cwd=ENGINE, env=os.environ | places, capture_output=True, text=True
        )
    if done.returncode:
        raise RuntimeError(f"lm.c does not compile:\n{done.stderr}")


def build() -> str:
    """Write lm.wasm beside lm.c and say so."""
    compile_to(ENGINE / "lm.wasm")
    return f"lm.wasm: {(ENGINE / 'lm.wasm').stat().st_size:,} bytes"


def check() -> str:
    """Say that lm.wasm is what lm.c compiles to; RuntimeError when it is not."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "lm.wasm"
        compile_to(fresh)
        same = fresh.read_bytes() == (ENGINE / "lm.wasm").read_bytes()
    if not same:
        raise RuntimeError("lm.wasm is not what lm.c compiles to: python -m tools.engine build")
    return "lm.wasm is what lm.c compiles to"


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.engine", description=__doc__)
    parser.add_argument("action", choices=["build", "check"])
    action = {"build": build, "check": check}[parser.parse_args(arguments).action]
    try:
        print(action())
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

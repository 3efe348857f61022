"""The command line: `python -m lmkit fetch [NAME…]` and `python -m lmkit assets`."""

import argparse
import sys

from lmkit import assets


def main(arguments: list[str] | None = None) -> int:
    """Run a command and give its exit code: 0, or another after one sentence on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m lmkit", description="The book's models and texts"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser("fetch", help="download what is not in the cache yet")
    fetch.add_argument("names", metavar="NAME", nargs="*", help="default: all")
    table = commands.add_parser("assets", help="list the assets and what is in the cache")
    table.add_argument("--verify", action="store_true", help="hash every cached file again")
    options = parser.parse_args(arguments)
    try:
        if options.command == "fetch":
            return _fetch(options.names or list(assets.ASSETS))
        return _list(options.verify)
    except assets.AssetError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: what was not finished was taken away", file=sys.stderr)
        return 130


def _fetch(names: list[str]) -> int:
    for name in names:
        assets.find(name)  # an unknown name is told before the others take their time
    for name in names:
        print(assets.path(name))
    return 0


def _list(verify: bool) -> int:
    entries = assets.inventory(verify)
    for name, size, licence, state, path in [("NAME", "MB", "LICENCE", "STATE", "PATH"), *entries]:
        print(f"{name:12} {size:>6} {licence:14} {state:8} {path}")
    damaged = [name for name, _, _, state, _ in entries if state == "damaged"]
    if damaged:
        print(f"damaged, and made anew when next used: {', '.join(damaged)}", file=sys.stderr)
    return 1 if damaged else 0


if __name__ == "__main__":
    sys.exit(main())

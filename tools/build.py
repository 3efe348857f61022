"""Build the site into _build/html, where anything that it is made of has changed.

`python -m tools.build [--out FOLDER] [--no-model] [--quiet]` returns at once when nothing has.
The model that readers may load is laid beside the site in parts (model_parts.py), and so are the
words of chapter 3 (word_vectors.py) and the vocabularies of chapter 2 (vocabularies.py). Jupyter
Book builds the pages anew each time, with every warning an error. Then the files that no page asks
for (themes bring many) are dropped, and the site's root leads to the first page.
"""

import argparse
import contextlib
import hashlib
import io
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # they import numpy, and a site that is up to date wants none of them
    from tools import model_parts, word_vectors

ROOT = Path(__file__).parent.parent
REDIRECT = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Language Models, Live</title>
<meta http-equiv="refresh" content="0; url=book/index.html">
<link rel="icon" href="_static/favicon.svg" type="image/svg+xml">
</head>
<body><main><p><a href="book/index.html">Language Models, Live</a></p></main></body>
</html>
"""


# What the site is made of, beside the modules of ours that building it loads.
FOLDERS = ("book", "exercises", "notebooks", "lmkit")
FILES = ("_config.yml", "_toc.yml", "requirements.txt", "requirements-site.txt")
UNSEEN = {".py", ".pyc", ".safetensors"}  # no page shows them
STAMP = "site.json"  # beside html/: what it was built from, so that it is built again when that is


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    options = parser().parse_args(arguments)
    stamp = options.out / STAMP
    if is_fresh(stamp, options.no_model):
        return 0
    stamp.unlink(missing_ok=True)
    sources = state(paths())  # before: what changes meanwhile is seen the next time
    if not build_all(options.out, options.no_model, options.quiet):
        return 1
    files = state(loaded()) | sources
    stamp.write_text(json.dumps({"no_model": options.no_model, "files": files}), "utf-8")
    if not options.quiet:
        print(f"Built {options.out / 'html' / 'index.html'}")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.build", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "_build", help="default: _build")
    parser.add_argument(
        "--no-model", action="store_true", help="leave the live model and the words out"
    )
    parser.add_argument("--quiet", action="store_true", help="say only what went wrong")
    return parser


def is_fresh(stamp: Path, no_model: bool) -> bool:
    """Whether a site is there, and all that it was built from is still the same."""
    if not stamp.exists() or not (stamp.parent / "html" / "index.html").exists():
        return False
    known = json.loads(stamp.read_text("utf-8"))
    now = state({*paths(), *known["files"]})
    return bool(known == {"no_model": no_model, "files": now})


def paths() -> list[str]:
    """Return the files that the site is made of, without the modules that it loads."""
    trees = (file for folder in FOLDERS for file in (ROOT / folder).rglob("[!.]*"))
    found = [file.relative_to(ROOT) for file in trees if file.is_file()]
    kept = (f for f in found if f.suffix not in UNSEEN and f.name != "answers.json")
    return [*FILES, *(file.as_posix() for file in kept if ".ipynb_checkpoints" not in file.parts)]


def loaded() -> list[str]:
    """Return the modules of this repository that are loaded now."""
    files = (getattr(module, "__file__", None) for module in sys.modules.values())
    ours = (Path(file) for file in files if file and Path(file).is_relative_to(ROOT))
    found = (file.relative_to(ROOT) for file in ours)
    return [file.as_posix() for file in found if file.parts[0] != ".venv"]


def state(names: Iterable[str]) -> dict[str, str]:
    """Return the digest of each file, "" for one that is gone."""
    files = {name: ROOT / name for name in sorted(names)}
    return {
        name: hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
        for name, file in files.items()
    }


def build_all(out: Path, no_model: bool, quiet: bool) -> bool:
    """Lay the live model and the words into the site and build the pages; says what went wrong."""
    from lmkit.assets import AssetError
    from tools import model_parts, vocabularies, word_vectors

    site = out / "html"
    try:
        model = None if no_model else model_parts.write(site)
        vectors = None if no_model else word_vectors.write(site)
        if not no_model:
            vocabularies.write(site)
    except AssetError as error:
        print(f"{error}; or build without it: make book MODEL=0", file=sys.stderr)
        return False
    if not build(out, quiet=quiet, model=model, vectors=vectors):
        print("The site was not built: see the messages above.", file=sys.stderr)
        return False
    return True


def build(
    out: Path,
    source: Path = ROOT,
    quiet: bool = False,
    model: "model_parts.Model | None" = None,
    vectors: "word_vectors.Vectors | None" = None,
) -> bool:
    """Build the site in `out`/html from the folder `source`; returns whether all went well.

    `model` describes the live model's parts that lie there, `vectors` the word vectors; without
    them the site has none.
    """
    from jupyter_book.sphinx import build_sphinx  # type: ignore[import-untyped]

    from tools import model_parts, vocabularies, word_vectors

    site = out / "html"
    overrides = {
        "external_toc_path": str(source / "_toc.yml"),
        "latex_individualpages": False,
        "nitpicky": True,
        "lmkit_model": model,
        "lmkit_vectors": vectors,
    }
    with contextlib.redirect_stdout(io.StringIO()):  # Sphinx's progress; warnings go to stderr
        status = build_sphinx(
            source,
            site,
            noconfig=True,
            path_config=source / "_config.yml",
            confoverrides=overrides,
            doctreedir=out / ".doctrees",
            freshenv=True,
            warningiserror=True,
            keep_going=True,
        )
    if status:
        return False
    if model is None:
        model_parts.remove(site)
        vocabularies.remove(site)
    if vectors is None:
        word_vectors.remove(site)
    dropped = drop_unused(site)
    (site / "index.html").write_text(REDIRECT, "utf-8")
    if not quiet:
        print(f"Dropped {dropped} files that no page asks for.")
    return True


def drop_unused(site: Path) -> int:
    """Delete the static files that no page, style sheet or lmkit.js names; licences stay."""
    files = [file for file in (site / "_static").rglob("*") if file.is_file()]
    asked = "\n".join(page.read_text("utf-8") for page in site.rglob("*.html"))
    ours = [file for file in files if file.suffix == ".css" or file.name == "lmkit.js"]
    asked += "\n".join(file.read_text("utf-8") for file in ours if file.name in asked)
    unused = [f for f in files if f.name not in asked and not f.name.endswith("LICENSE.txt")]
    for file in [*unused, *(site / name for name in (".buildinfo", "objects.inv"))]:
        file.unlink(missing_ok=True)
    for folder in sorted((site / "_static").rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return len(unused)


if __name__ == "__main__":
    sys.exit(main())

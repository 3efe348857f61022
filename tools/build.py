"""Build the site into _build/html: `python -m tools.build [--out FOLDER] [--no-model] [--quiet]`.

The model that readers may load is laid beside it in parts (model_parts.py), and so are the words
of chapter 3 (word_vectors.py) and the vocabularies of chapter 2 (vocabularies.py). Jupyter Book
builds the pages anew each time, with every warning an error. Then the files that no page asks for
(themes bring many) are dropped, and the site's root leads to the first page.
"""

import argparse
import contextlib
import io
import sys
from pathlib import Path

from lmkit.assets import AssetError
from tools import model_parts, vocabularies, word_vectors

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


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.build", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "_build", help="default: _build")
    parser.add_argument(
        "--no-model", action="store_true", help="leave the live model and the words out"
    )
    parser.add_argument("--quiet", action="store_true", help="say only what went wrong")
    options = parser.parse_args(arguments)
    try:
        site = options.out / "html"
        model = None if options.no_model else model_parts.write(site)
        vectors = None if options.no_model else word_vectors.write(site)
        if not options.no_model:
            vocabularies.write(site)
    except AssetError as error:
        print(f"{error}; or build without it: make book MODEL=0", file=sys.stderr)
        return 1
    if not build(options.out, quiet=options.quiet, model=model, vectors=vectors):
        print("The site was not built: see the messages above.", file=sys.stderr)
        return 1
    if not options.quiet:
        print(f"Built {options.out / 'html' / 'index.html'}")
    return 0


def build(
    out: Path,
    source: Path = ROOT,
    quiet: bool = False,
    model: model_parts.Model | None = None,
    vectors: word_vectors.Vectors | None = None,
) -> bool:
    """Build the site in `out`/html from the folder `source`; returns whether all went well.

    `model` describes the live model's parts that lie there, `vectors` the word vectors; without
    them the site has none.
    """
    from jupyter_book.sphinx import build_sphinx  # type: ignore[import-untyped]

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

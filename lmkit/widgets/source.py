"""The JavaScript and CSS of the figures, joined for hosts that take one text.

A module imports by name, `import { a, b as c } from "../folder/file.mjs";`, and browsers, node and
the tests take it as it stands. Two hosts cannot: anywidget loads a module from a Blob URL, where
nothing relative resolves, and a page opened from a disk may load no modules at all. So a module
and all that it imports are joined to one text. This module needs the standard library only: the
site is built without anywidget.
"""

import re
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = HERE.parent
STYLE = (PACKAGE / "style" / "tokens.css", PACKAGE / "kit" / "kit.css")

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.{1,2}/[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class)\b)", re.MULTILINE)
_EXPORTED = re.compile(r"^export (?:async )?(?:function\*?|const|class) (\w+)", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*(?://.*|/\*\*(?:(?!\*/)[\s\S])*\*/)\n", re.MULTILINE)
_DEFAULT = re.compile(r"^export default ", re.MULTILINE)


def figures() -> list[str]:
    """Return the names of all figures, as pages have them: a folder with a `view.mjs` is one.

    >>> "chain-rule" in figures()
    True
    """
    return sorted(file.parent.name.replace("_", "-") for file in HERE.glob("*/view.mjs"))


def folder(figure: str) -> Path:
    """Return the folder of a figure."""
    return HERE / figure.replace("-", "_")


def view(figure: str) -> Path:
    """Return the module that shows a figure; its default export is `{ render }`."""
    return folder(figure) / "view.mjs"


def answers() -> list[Path]:
    """Return the modules that say what the page's model answers, one for each figure that asks."""
    return sorted(HERE.glob("*/answer.mjs"))


def shared() -> list[Path]:
    """Return the modules of the kit that most figures need: a page loads them once for all."""
    views = [set(modules([view(figure)])) for figure in figures()]
    files = sorted((PACKAGE / "kit").glob("*.mjs"))
    return [file for file in files if sum(file in needed for needed in views) > len(views) / 2]


def script(entries: Iterable[Path], call: str) -> str:
    """Return entries and all that they import as one classic script that ends with a call."""
    return _closed([*modules(entries).values(), call])


def figure_script(figure: str) -> str:
    """Return a figure as a classic script for a page that has the shared modules."""
    given = shared()
    own = modules([view(figure)], given)
    taken = f"const {{ {', '.join(map(name, given))} }} = modules;"
    body = "\n".join([taken, *own.values(), f"return {name(view(figure))}.default;"])
    return _bare(f'lmkit.define("{figure}", (modules) => {{\n{body}\n}});\n')


def esm(figure: str) -> str:
    """Return a figure as one module for anywidget."""
    needed = modules([view(figure)])
    show = f"{name(view(figure))}.default.render({{ model, el }})"
    render = f'({{ model, el }}) => (el.classList.add("lmk-{figure}"), {show})'
    return "\n".join([*needed.values(), f"export default {{ render: {render} }};\n"])


def css(figure: str) -> str:
    """Return a figure's own style sheet, or nothing."""
    file = folder(figure) / "style.css"
    return file.read_text("utf-8") if file.exists() else ""


def shared_css() -> str:
    """Return the style sheet that all figures share: the tokens, and the kit's."""
    return "".join(file.read_text("utf-8") for file in STYLE)


def _closed(lines: list[str]) -> str:
    return _bare("(() => {\n" + "\n".join(lines) + "\n})();\n")


def _bare(script: str) -> str:
    r"""Leave out comments that have lines of their own, a third of what every page would load.

    No more: rjsmin takes spaces out of a template within a template, and real parsers have no
    packages for all systems that the book builds on.

    >>> _bare("// Why.\n/** @type {Y} */ (x);\n/** Of y. */\ny;\n")
    '/** @type {Y} */ (x);\ny;\n'
    """
    return _COMMENT.sub("", script)


def name(file: Path) -> str:
    """Return what a module is called in a joined text.

    >>> name(view("chain-rule"))
    '$chain_rule_view'
    """
    return f"${file.parent.name}_{file.stem}"


def modules(entries: Iterable[Path], given: Iterable[Path] = ()) -> dict[Path, str]:
    """Return entries and all that they import, each as `const $name = …;`, in order of need.

    Modules that are `given` are left out: the text stands where their names are known. Raises
    ValueError for a module that imports in a circle, or in another way than by name.
    """
    found: dict[Path, str] = {}
    for entry in entries:
        _collect(entry.resolve(), {file.resolve() for file in given}, found, ())
    names = [name(file) for file in found]
    if twice := {n for n in names if names.count(n) > 1}:
        raise ValueError(f"two modules would be called {twice.pop()}: give one another name")
    return found


def _collect(file: Path, given: set[Path], found: dict[Path, str], above: tuple[Path, ...]) -> None:
    """Append a module's text after those of what it imports."""
    if file in found or file in given:
        return
    if file in above:
        raise ValueError(f"{file.name} imports itself by way of {above[-1].name}")
    text = file.read_text("utf-8")
    for _, where in _IMPORT.findall(text):
        _collect((file.parent / where).resolve(), given, found, (*above, file))
    found[file] = f"const {name(file)} = {_as_object(text, file)};"


def _as_object(text: str, file: Path) -> str:
    """Turn a module into an expression: the object of what it exports."""

    def taken(found: re.Match[str]) -> str:
        other = name((file.parent / found[2]).resolve())
        return f"const {{{found[1].replace(' as ', ': ')}}} = {other};\n"

    names = _EXPORTED.findall(text)
    if _DEFAULT.search(text):
        names.append("default: $default")
    body = _EXPORT.sub("", _DEFAULT.sub("const $default = ", _IMPORT.sub(taken, text))).rstrip()
    if wrong := re.search(r"^\s*(?:import|export)\b.*", body, re.MULTILINE):
        raise ValueError(f"{file.name}: import by name, export by declaration, not {wrong[0]!r}")

    return f"(() => {{\n{body}\nreturn {{ {', '.join(names)} }};\n}})()"

"""One JavaScript module a widget, made ready for each host.

A widget's module imports what widgets share from `./kit.mjs` and exports `{ render }`. Browsers
take it as it stands (the tests do). Two hosts cannot: anywidget loads a module from a Blob URL,
where nothing relative resolves, and a page opened from a disk may load no modules at all. So the
kit's text is joined to the widget's for anywidget, and both are wrapped as classic scripts for
the site. This module needs the standard library only: the site is built without anywidget.
"""

import re
from pathlib import Path

HERE = Path(__file__).parent
NAMES = (
    "next-token",
    "chain-rule",
    "attention-map",
    "recurrent-unroll",
    "gradient-flow",
    "attention-steps",
    "multi-head",
    "positional-encoding",
    "generate",
    "live",
    "quick-check",
    "softmax-explorer",
    "embedding-arithmetic",
    "embedding-map",
    "contextual-bank",
    "synthesis-question",
    "tokenizer-playground",
    "bpe-trainer",
)
# what a widget may import; the kit is there once, of another library each widget gets a copy
LIBRARIES = ("./kit.mjs", "./word_vectors.mjs", "./chart.mjs", "../engine/bpe.mjs")

_KIT_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./kit\.mjs";\n', re.MULTILINE)
_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.{1,2}/[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class)\b)", re.MULTILINE)
_EXPORTED = re.compile(r"^export (?:async )?(?:function\*?|const|class) (\w+)", re.MULTILINE)
_DEFAULT = re.compile(r"^export default (\{[^}]*\}|\w+);\s*\Z", re.MULTILINE)


def text(name: str, ending: str) -> str:
    """Return the text of a widget's file, `ending` being "mjs" or "css"."""
    return (HERE / f"{name.replace('-', '_')}.{ending}").read_text("utf-8")


def classic_kit() -> str:
    """Return an expression in JavaScript whose value is the kit, an object of functions."""
    return as_object(text("kit", "mjs"))


def as_object(module: str) -> str:
    """Turn a module without imports into an expression: the object of what it exports.

    >>> print(as_object("export const two = 2;"))
    (() => {
    const two = 2;
    return { two };
    })()
    """
    names = ", ".join(_EXPORTED.findall(module))
    body = _EXPORT.sub("", module).rstrip()
    return f"(() => {{\n{body}\nreturn {{ {names} }};\n}})()"


def classic_widget(name: str) -> str:
    """Return a function expression in JavaScript: the kit goes in, `{ render }` comes out."""
    return as_function(text(name, "mjs"), f"{name}.mjs")


def as_function(module: str, where: str) -> str:
    """Turn a module with the imports of a widget into `(kit) => its default export`."""
    body, default = _parts(module, where)
    return f"(kit) => {{\n{body}\nreturn {default};\n}}"


def esm(name: str) -> str:
    """Return one module for anywidget: the kit's text and the widget's."""
    body, default = _parts(text(name, "mjs"), f"{name}.mjs")
    return f"const kit = {classic_kit()};\n{body}\nexport default {default};\n"


def css(name: str) -> str:
    """Return a widget's own style sheet; "kit" is what all of them share."""
    return text("tokens", "css") + text("kit", "css") if name == "kit" else text(name, "css")


def joined(entry: Path) -> str:
    """Join a module and all that it imports into one classic script; what is imported comes first.

    Imports take one line each and are relative: `import { a, b as c } from "../folder/file.mjs";`.
    """
    parts: dict[Path, str] = {}
    _join(entry.resolve(), parts)
    return "(() => {\n" + "\n".join(parts.values()) + "\n})();\n"


def _join(file: Path, parts: dict[Path, str]) -> None:
    """Append `const $name = …;` of the file to the parts, after those of what it imports."""

    def taken(found: re.Match[str]) -> str:
        other = (file.parent / found[2]).resolve()
        if other not in parts:
            _join(other, parts)
        return f"const {{{found[1].replace(' as ', ': ')}}} = ${other.stem};\n"

    module = _IMPORT.sub(taken, file.read_text("utf-8"))
    if re.search(r"^\s*import\b|^export default", module, re.MULTILINE):
        raise ValueError(f"{file.name} may import by name alone, a line each, and has no default")
    if any(file.stem == other.stem for other in parts):
        raise ValueError(f"two modules are called {file.name}: give one another name")
    parts[file] = f"const ${file.stem} = {as_object(module)};"


def _parts(module: str, where: str) -> tuple[str, str]:
    """Split a widget's module into its body and its default export, and hold it to the rules."""
    default = _DEFAULT.search(module)
    if default is None:
        raise ValueError(f"{where} must end with one `export default …;`")
    body = _taken(module[: default.start()])
    body = _EXPORT.sub("", body).rstrip()
    if re.search(r"^\s*(import|export)\b", body, re.MULTILINE):
        raise ValueError(f"{where} may import from {LIBRARIES} alone, and export by declaration")
    return body, default[1]


def _taken(module: str) -> str:
    """Take what a module imports from the kit that is at hand, or from a library put in here."""

    def library(found: re.Match[str]) -> str:
        if found[2] not in LIBRARIES:
            return found[0]
        inner = as_object(_taken((HERE / found[2]).read_text("utf-8")))
        return f"const {{{found[1]}}} = {inner};\n"

    return _IMPORT.sub(library, _KIT_IMPORT.sub(r"const {\1} = kit;\n", module))

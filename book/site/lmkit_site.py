"""The book's site: formulas as MathML, widgets without a kernel, one theme without a framework.

Jupyter Book reads the pages; this extension gives it a math renderer and an HTML theme. A page
loads one style sheet and one script, and where it needs them the math font, the page host
(`lmkit.js`: the widgets' kit, host.mjs and answers.mjs) and one script a widget. Nothing comes
from another host, and no script is a module: browsers refuse those on file://.
"""

import hashlib
import html
import json
import re
import sys
from pathlib import Path
from textwrap import shorten
from typing import Any

import math_core
import rcssmin
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))  # a reader builds the site without installing lmkit

from lmkit.widgets import source  # noqa: E402

# ------------------------------------------------------------------- maths

_converter = math_core.LatexToMathML(annotation=True, fancy_error=False)


def mathml(tex: str, display: bool, where: str) -> str:
    """Return a formula as MathML that keeps its TeX; TeX that is unknown stops the build."""
    try:
        formula = _converter.convert_with_local_state(tex, displaystyle=display)
    except math_core.LatexError as error:
        raise ExtensionError(f"{where}: cannot read the formula {tex!r}: {error}") from error
    # The combining arrow of \vec has no ink of its own in the font.
    return formula.replace('<mo stretchy="false">⃗</mo>', '<mo stretchy="false">→</mo>')


def visit_math(translator: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    formula = mathml(node.astext(), False, _where(translator, node))
    if node.astext()[-1:] in "FHNPTUVWXYZ":  # slanted capitals lean over the space that follows
        formula = formula.replace("<math", '<math class="leans"', 1)
    translator.body.append(formula)
    raise nodes.SkipNode


def visit_math_block(translator: Any, node: nodes.math_block) -> None:
    """Write a formula on a line of its own, with its number where it has one."""
    anchor = f' id="{html.escape(node["ids"][0])}"' if node["ids"] else ""
    tex, number = _without_tag(node.astext())
    number = number or node.get("number")
    formula = mathml(tex, True, _where(translator, node))
    beside = f'<span class="eqno">({html.escape(str(number))})</span>' if number else ""
    translator.body.append(f'<div class="math"{anchor}>{formula}{beside}</div>\n')
    raise nodes.SkipNode


def _without_tag(tex: str) -> tuple[str, str]:
    r"""Take the number out of a formula: `x = 1 \tag{1.2}` gives `x = 1` and `1.2`.

    Notebooks number their formulas so, because JupyterLab knows \tag and no label of MyST.
    """
    found = re.search(r"\s*\\tag\{([^}]*)\}", tex)
    return (tex.replace(found[0], ""), found[1]) if found else (tex, "")


def _where(translator: Any, node: nodes.Node) -> str:
    """Return file:line of a formula; its own node may not know it, but what it stands in does."""
    while node is not None and not node.line:
        node = node.parent
    file = translator.builder.env.doc2path(translator.docnames[0])
    line = node.line if node else 0
    # MyST-NB counts the lines of the n-th cell from n × 10,000.
    return (
        f"{file}:{line}"
        if line < 10_000
        else f"{file}: cell {line // 10_000}, line {line % 10_000}"
    )


# ------------------------------------------------------------------ assets


def host_script(model: dict[str, Any] | None = None, vectors: dict[str, Any] | None = None) -> str:
    """Return the page host as one classic script: kit, host, answers, the page's model.

    `model` says what the model's parts are and where its scripts; without it there is none.
    `vectors` says where the word vectors lie.
    """
    kit = source.shared()
    modules = ", ".join(map(source.name, kit))
    given = f"model: {json.dumps(model)}, vectors: {json.dumps(vectors)}, modules: {{ {modules} }}"
    return source.script([*kit, HERE / "page.mjs"], f"$site_page.begin({{ {given} }});")


def worker_script() -> str:
    """Return the Worker's script: the engine, and what each figure asks of it."""
    answers = source.answers()
    figures = ", ".join(f"{source.name(file)}.answers" for file in answers)
    return source.script([*answers, HERE / "worker.mjs"], f"$site_worker.serve(self, [{figures}]);")


def style_sheet() -> str:
    """Return all of the site's CSS in one sheet: tokens, kit, figures, theme."""
    own = map(source.css, source.figures())
    css = "\n".join([source.shared_css(), *own, (HERE / "theme.css").read_text("utf-8")])
    return str(rcssmin.cssmin(css + _other_themes(css)))


def _other_themes(css: str) -> str:
    """Repeat the dark tokens for readers without scripts, and the light ones for paper."""
    light = re.search(r":root \{([^}]*)\}", css)
    dark = re.search(r':root\[data-theme="dark"\],[^{]*\{([^}]*)\}', css)
    if light is None or dark is None:
        raise ExtensionError("lmkit/style/tokens.css: no block for a theme")
    return (
        "\n@media screen and (prefers-color-scheme: dark)"
        f" {{ :root:not([data-theme]) {{ {dark[1]} }} }}"
        f"@media print {{ :root[data-theme] {{ color-scheme: light; {light[1]} }} }}"
    )


def write_assets(app: Sphinx) -> None:
    """Write what the extension makes, and remember a digest of each, so that caches notice."""
    model = app.config.lmkit_model
    engine = (
        {
            "lmkit-worker.js": worker_script().encode(),
            "lm.wasm": (source.PACKAGE / "engine" / "lm.wasm").read_bytes(),
        }
        if model
        else {}
    )
    if model:
        worker, wasm = (address(name, data) for name, data in engine.items())
        model = {**model, "worker": worker, "wasm": wasm}
    texts = {
        "site.css": style_sheet(),
        "site.js": (HERE / "site.js").read_text("utf-8"),
        "lmkit.js": host_script(model, app.config.lmkit_vectors),
        **{f"lmkit-{name}.js": source.figure_script(name) for name in source.figures()},
    }
    files = engine | {name: text.encode() for name, text in texts.items()}
    folder = Path(app.doctreedir) / "lmkit_static"
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    app.config.html_static_path.append(str(folder))
    app.config.lmkit_assets = {name: address(name, data) for name, data in files.items()}


def address(name: str, data: bytes) -> str:
    """Return where a file of the site lies, with a digest that changes when the file does."""
    return f"_static/{name}?v={hashlib.sha256(data).hexdigest()[:8]}"


# ------------------------------------------------------------------- pages


def page_assets(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Tell the template which style sheet and scripts this page needs."""
    context["body"] = accessible(context.get("body", ""))
    widgets = sorted(set(re.findall(r'data-lmkit="([a-z0-9-]+)"', context["body"])))
    if unknown := set(widgets) - set(source.figures()):
        raise ExtensionError(f"{page}: no such widget: {', '.join(sorted(unknown))}")
    scripts = ["site.js", *(["lmkit.js"] if widgets else []), *(f"lmkit-{w}.js" for w in widgets)]
    context["style_sheet"] = app.config.lmkit_assets["site.css"]
    context["page_scripts"] = [app.config.lmkit_assets[name] for name in scripts]
    context["contents"] = contents(context)
    context["description"] = description(doctree)
    context["is_notebook"] = context.get("page_source_suffix") == ".ipynb"


def description(doctree: nodes.document | None) -> str:
    """Return what search engines show of a page: its first paragraph, to some 160 characters."""
    first = next(iter(doctree.findall(nodes.paragraph)), None) if doctree else None
    return shorten(first.astext(), width=160, placeholder=" …") if first else ""


def accessible(body: str) -> str:
    """Mend what a screen reader stumbles over in the HTML of others."""
    # sphinxcontrib-bibtex makes a list whose entries are not of it
    body = body.replace('role="doc-biblioentry"', 'role="listitem"')
    # the corner of a Markdown table heads nothing
    return re.sub(r"<th[^>]*>(<p></p>)?</th>", "<td></td>", body)


def fold_predictions(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Fold the results that a reader is asked to predict; what can be touched stays open."""
    for paragraph in list(doctree.findall(nodes.paragraph)):
        if any(bold.astext().startswith("Predict") for bold in paragraph.findall(nodes.strong)):
            for output in outputs_after(paragraph):
                fold(output)


def outputs_after(paragraph: nodes.paragraph) -> list[nodes.Element]:
    """Return the outputs of the cells between a paragraph and the next text."""
    found, after = [], paragraph.next_node(descend=False, siblings=True)
    while isinstance(after, nodes.container) and "cell" in after["classes"]:
        found += [part for part in after.children if "cell_output" in part["classes"]]
        after = after.next_node(descend=False, siblings=True)
    return found


def fold(output: nodes.Element) -> None:
    """Put an output into a fold, unless it is a widget."""
    text = output.astext()
    if "data-lmkit" in text:
        return
    name = "figure" if "<figure" in text else "result"
    opening = f'<details class="lm-result"><summary>Show the {name}</summary>'
    at = output.parent.index(output)
    output.parent.insert(at + 1, nodes.raw("", "</details>", format="html"))
    output.parent.insert(at, nodes.raw("", opening, format="html"))


def contents(context: dict[str, Any]) -> str:
    """Return the book's contents as HTML, with the sections of this page under its title."""
    here = '<a class="current reference internal" href="#">'
    book = context["toctree"](maxdepth=1, includehidden=True)
    book = book.replace(' role="heading"', "")  # which would need a level
    book = book.replace(here, here.replace("<a", '<a aria-current="page"'))
    sections = re.search(r"<ul>.*?(<ul>.*</ul>).*</ul>", context.get("toc", ""), re.DOTALL)
    own = sections[1] if sections else ""
    return re.sub(r'(aria-current="page".*?</a>)', lambda link: link[1] + own, book, count=1)


def setup(app: Sphinx) -> dict[str, Any]:
    """Give Sphinx the renderer of formulas and the theme."""
    app.add_config_value("lmkit_assets", {}, "")
    app.add_config_value("lmkit_vectors", None, "", (dict, type(None)))  # and this
    app.add_config_value("lmkit_model", None, "", (dict, type(None)))  # tools.build sets it
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.add_html_theme("lmkit", str(HERE / "theme"))
    app.connect("builder-inited", write_assets)
    app.connect("doctree-resolved", fold_predictions)
    app.connect("html-page-context", page_assets)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

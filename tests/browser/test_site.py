"""The built site: calm, accessible, small, self-contained, and readable without scripts."""

import gzip
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import urlopen

import pytest
import yaml
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, ROOT, axe_violations, becomes, fits, visit
from tools.serve import serve

BUDGET = 300_000  # bytes of a page, cold, with all it asks for, gzip
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
CHAPTERS = [entry["file"] for part in TOC["parts"] for entry in part["chapters"]]
PAGES = [f"{name}.html" for name in (TOC["root"], *CHAPTERS)] + ["search.html"]
CHAPTER = "notebooks/01-introduction.html"
THEMES = ("light", "dark")


# -------------------------------------------------------------- every page


NO_COLOURS = {"color-contrast": {"enabled": False}}  # most of axe's time, the same at each width


def is_calm(page, theme):
    """A page has its theme, one title and a language, and nothing hangs over its edge."""
    becomes(page, "document.documentElement.dataset.theme", theme)
    expect(page.locator("h1")).to_have_count(1)
    becomes(page, "document.documentElement.lang", "en")
    fits(page)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_calm_fits_and_is_accessible(page, served, name, theme):
    """On a desk and on a phone; colours are looked at once per theme: light there, dark here."""
    page.emulate_media(color_scheme=theme)
    visit(page, served + name)
    is_calm(page, theme)
    assert axe_violations(page, {} if theme == "light" else NO_COLOURS) == []
    page.set_viewport_size({"width": 390, "height": 844})
    is_calm(page, theme)
    assert axe_violations(page, {} if theme == "dark" else NO_COLOURS) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_the_same_from_the_disk(page, site, name):
    visit(page, f"{site.as_uri()}/{name}")
    is_calm(page, "light")
    page.set_viewport_size({"width": 390, "height": 844})
    is_calm(page, "light")


@pytest.mark.parametrize("name", ["", "index.html"])
def test_the_root_leads_to_the_first_page(page, served, name):
    page.goto(served + name)
    page.wait_for_url("**/book/index.html")


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
    expect(page.locator("#lm-contents")).to_be_visible()
    assert axe_violations(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_budget(new_page, served, name):
    page = new_page()
    bodies = {}
    page.on("response", lambda response: bodies.setdefault(response.url, response))
    visit(page, served + name)
    page.evaluate("document.fonts.ready.then(() => true)")
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
    expect(page.locator("h1")).to_be_visible()
    for text in page.locator("[data-lmkit]").all_inner_texts():
        assert len(text.split()) >= 5
    page.get_by_role("button", name="Contents").click()  # a popover needs no script
    expect(page.locator("#lm-contents").get_by_role("link", name="Glossary")).to_be_visible()


def test_dark_without_scripts(new_page, served):
    page = new_page(theme="dark", java_script_enabled=False)
    page.goto(served + CHAPTER)
    expect(page.locator("body")).to_have_css("background-color", DARK_PAPER)


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


def test_search(page, way):
    visit(page, way + PAGES[0])
    page.get_by_role("searchbox").fill("perplexity")
    page.get_by_role("searchbox").press("Enter")
    results = page.locator("#search-results li a")
    expect(results.filter(has_text="Glossary")).not_to_have_count(0)
    results.first.click()
    expect(page.locator("article")).to_contain_text(re.compile("perplexity", re.IGNORECASE))


def test_search_that_finds_nothing(page, served):
    page.goto(served + "search.html?q=qzxwvkj")
    expect(page.get_by_text("did not match any documents")).to_be_visible()


def has_paper(page, colour):
    """Wait until the page lies on a paper of a colour."""
    expect(page.locator("body")).to_have_css("background-color", colour)


def test_theme_is_kept(page, way):
    visit(page, way + PAGES[0])
    page.get_by_label("Theme").select_option("dark")
    has_paper(page, DARK_PAPER)
    visit(page, way + PAGES[1])
    has_paper(page, DARK_PAPER)
    expect(page.get_by_label("Theme")).to_have_value("dark")
    page.get_by_label("Theme").select_option("auto")
    page.emulate_media(color_scheme="light")
    has_paper(page, LIGHT_PAPER)
    page.emulate_media(color_scheme="dark")
    has_paper(page, DARK_PAPER)


def test_theme_without_storage(new_page, served):
    page = new_page()
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})"
    )
    visit(page, served + PAGES[1])
    page.get_by_label("Theme").select_option("dark")
    has_paper(page, DARK_PAPER)


def test_keyboard(page, served):
    visit(page, served + CHAPTER)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the text")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    ring = "(({ outlineStyle, outlineWidth }) => outlineStyle + outlineWidth)"
    becomes(page, f"{ring}(getComputedStyle(document.activeElement))", "solid2px")


def test_contents_close_after_a_choice(new_page, served):
    page = visit(new_page(390), served + CHAPTER)
    page.get_by_role("button", name="Contents").click()
    page.get_by_role("link", name="Summary", exact=True).click()
    expect(page.locator("#lm-contents")).to_be_hidden()
    page.wait_for_url("**#summary")
    page.get_by_role("button", name="Contents").click()
    expect(page.locator("#lm-contents")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#lm-contents")).to_be_hidden()


def test_what_is_to_be_predicted_waits_in_a_fold(page, served):
    visit(page, served + CHAPTER)
    fold = page.locator(".lm-result").first
    answer = fold.get_by_text("96.62% ' over'")
    expect(answer).to_be_attached()
    expect(answer).to_be_hidden()
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(answer).to_be_visible()
    expect(page.locator(".lm-result [data-lmkit]")).to_have_count(0)  # what is touched stays open
    before = "boxes => boxes.map((box) => box.closest('.cell').previousElementSibling.innerText)"
    assert all("Predict" in text for text in page.locator(".lm-result").evaluate_all(before))


def test_on_paper_every_result_stands_open(page, served):
    visit(page, served + CHAPTER)
    assert page.locator(".lm-result:not([open])").count() > 2
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator(".lm-result:not([open])")).to_have_count(0)


def test_a_question_shows_no_source(page, served):
    visit(page, served + CHAPTER)
    expect(page.locator("[data-lmkit=quick-check]").first).to_be_visible()
    shown = page.get_by_text("Show the source").filter(visible=True)
    expect(shown).to_have_count(1)  # that of the plot


@pytest.mark.parametrize("theme", THEMES)
def test_print(page, served, theme):
    page.emulate_media(color_scheme=theme)
    visit(page, served + CHAPTER)
    page.emulate_media(media="print")
    has_paper(page, LIGHT_PAPER)
    expect(page.locator("#lm-contents")).to_be_hidden()
    expect(page.locator(".lm-turn")).to_be_hidden()
    expect(page.locator("[data-lmkit]").first).to_be_visible()


def test_motion_is_reduced_on_request(new_page, served):
    page = visit(new_page(390, reduced_motion="reduce"), served + CHAPTER)
    page.get_by_role("button", name="Contents").click()
    expect(page.locator("#lm-contents")).to_be_visible()
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
    expect(first.get_by_role("status")).to_contain_text("cannot be shown")
    expect(first).to_contain_text("96.62%")
    expect(first.locator("table, pre, p:not([role])").first).to_be_visible()
    second = page.locator("[data-lmkit='chain-rule']").first
    expect(second.get_by_role("status")).to_contain_text("<b>x</b>")
    expect(page.locator("[data-lmkit='synthesis-question'] textarea").first).to_be_visible()


def test_the_page_has_one_global(page, served):
    visit(page, served + CHAPTER)
    assert page.evaluate("Object.keys(lmkit).sort().join()") == "define,handle,model,version"
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


def notation(page, address):
    origin = {"origin": address} if address.startswith("http") else {}
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], **origin)
    return visit(page, address + "book/notation.html")


def copied(page, first, last):
    """What Ctrl+C takes, from the first element to the last."""
    page.evaluate("navigator.clipboard.writeText('nothing yet')")
    page.evaluate(SELECT, [first, last])
    page.keyboard.press("Control+c")
    page.evaluate(f"""async () => {{
      const end = performance.now() + {PATIENCE};
      while (await navigator.clipboard.readText() === 'nothing yet' && performance.now() < end) {{
        await new Promise(requestAnimationFrame);
      }}
    }}""")
    return page.evaluate("navigator.clipboard.readText()")


def test_a_formula_is_copied_as_tex(page, way):
    notation(page, way)
    text = copied(page, "#eq-chain-rule, [id*='eq-chain-rule']", "[id*='eq-chain-rule'] math")
    assert text.strip() == r"$$P(x_{1:T}) = \prod_{t=1}^{T} P(x_t \mid x_{<t}),$$"


def test_a_part_of_a_formula_is_copied_whole(page, served):
    notation(page, served)
    symbol = "[id*='eq-chain-rule'] msub"
    assert "prod_{t=1}^{T}" in copied(page, symbol, symbol)
    cell = "#text tbody tr:nth-child(3) td:first-child mi"
    assert copied(page, cell, cell).strip() == "$x_t$"


def test_text_with_formulas_is_copied_as_it_reads(page, served):
    notation(page, served)
    row = "#text tbody tr:nth-child(2)"
    text = copied(page, f"{row} td:first-child", f"{row} td:last-child")
    assert r"the number of tokens in the vocabulary, $V = \lvert \mathcal{V} \rvert$" in text
    assert text.count("$") == 4


def test_text_without_formulas_is_left_to_the_browser(page, served):
    assert copied(notation(page, served), "h1", "h1").startswith("Notation")


def test_numbered_formulas_can_be_referred_to(page, served):
    visit(page, served + "book/notation.html")
    page.locator("article a[href^='#equation-']").first.click()
    expect(page.locator(":target .eqno")).to_have_count(1)


def test_the_math_font_is_used(page, served):
    visit(page, served + "book/notation.html")
    page.evaluate("document.fonts.ready.then(() => true)")
    assert page.evaluate("document.fonts.check('16px lmkit-math', '∑√')")
    becomes(page, "[...document.fonts].map((f) => f.status)", ["loaded"])


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
    with page.expect_event("pageerror"):
        page.evaluate("console.debug('hello'), setTimeout(() => { throw new Error('oh'); })")
    heard = sorted(complaints)
    complaints.clear()
    assert heard == ["console: hello", "page error: oh"]


def test_the_guard_sees_foreign_requests(page, served, complaints):
    page.route("https://**", lambda route: route.fulfill(body=""))
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
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    message = f"Port {port} is taken or not allowed: choose another with --port.\n"
    assert done.stderr == message


def test_the_server_is_for_this_computer_alone(site):
    server = serve(site, 0)
    assert server.server_address[0] == "127.0.0.1"
    server.server_close()

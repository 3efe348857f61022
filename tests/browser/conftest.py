"""The built site, a server for it, and pages that fail a test when anything is amiss."""

import importlib.util
import json
import re
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import TimeoutError, expect, sync_playwright

from tools import browsers
from tools.serve import serve

ROOT = Path(__file__).parent.parent.parent
BUILT = ROOT / "_build" / "html"
LIVE = "book/live.html"
PATIENCE = 60_000  # milliseconds: a test waits for a condition, also on a busy computer
expect.set_options(timeout=PATIENCE)
READY = "document.documentElement.dataset.lmkitReady || !document.querySelector('[data-lmkit]')"


@pytest.fixture(scope="session")
def browser():
    path = browsers.find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=browsers.FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site():
    """The folder of the built site; pytest's start saw to it that it is up to date."""
    return BUILT


@pytest.fixture(scope="session")
def served(site):
    """The site's address over http, with a / at its end."""
    server = serve(site, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["http", "file"])
def way(request, site, served):
    """The site's address, over http and from the disk: for what a browser treats otherwise there.

    Those are storage, downloads, the clipboard, links, and how scripts are loaded.
    """
    return served if request.param == "http" else f"{site.as_uri()}/"


@pytest.fixture(scope="session")
def heard():
    """What the pages of this process had to complain of since the last test."""
    return []


@pytest.fixture
def complaints(heard):
    """What the pages of a test had to complain of; whatever is still in it fails the test."""
    yield heard
    found = heard.copy()
    heard.clear()
    assert not found


def context(browser, heard, width=1280, height=900, theme="light", **options):
    """A profile of its own, whose pages say what is amiss."""
    size = {"width": width, "height": height}
    made = browser.new_context(viewport=size, color_scheme=theme, **options)
    made.set_default_timeout(PATIENCE)
    made.on("console", lambda message: heard.append(f"console: {message.text}{where(message)}"))
    made.on("weberror", lambda error: heard.append(f"page error: {error.error}"))
    made.on("request", lambda request: heard.extend(foreign(request.url)))
    return made


def where(message):
    """Name the address that could not be loaded, which the console's message does not."""
    return f" ({message.location['url']})" if message.text.startswith("Failed to load") else ""


@pytest.fixture
def new_page(browser, complaints):
    """Make pages, each with a profile of its own: `new_page(390, theme="dark")`."""
    contexts = []

    def make(*size, **options):
        contexts.append(context(browser, complaints, *size, **options))
        return contexts[-1].new_page()

    yield make
    for made in contexts:
        made.close()


@pytest.fixture(scope="session")
def shared(browser, heard):
    """A page for all tests without a profile of their own: a new one costs as much as a visit."""
    made = context(browser, heard)
    yield made.new_page()
    made.close()


@pytest.fixture
def page(shared, complaints, served):
    """The shared page, in the light theme, 1280 pixels wide, as if it were new.

    A test that adds scripts or listeners, works offline or fills caches makes a `new_page()`.
    """
    yield shared
    shared.unroute_all()
    forget(shared, served if shared.url.startswith(served) else BUILT.as_uri() + "/")
    for other in shared.context.pages[1:]:
        other.close()
    shared.goto("about:blank")
    shared.mouse.move(0, 0)
    shared.context.clear_permissions()
    shared.set_viewport_size({"width": 1280, "height": 900})
    shared.emulate_media(media="null", color_scheme="light")


FORGET = """async () => {
  localStorage.clear();
  sessionStorage.clear();
  if (location.protocol === "file:") return;
  for (const name of await caches.keys()) await caches.delete(name);
  for (const worker of await navigator.serviceWorker.getRegistrations()) await worker.unregister();
}"""


EMPTY = "<!DOCTYPE html><link rel=icon href=data:,>"


def forget(page, address):
    """Empty what pages of an address keep: answers, the theme, files.

    From a page without scripts: a chapter that is left saves what was typed.
    """
    page.route(
        "**/_static/favicon.svg?empty", lambda r: r.fulfill(body=EMPTY, content_type="text/html")
    )
    page.goto(f"{address}_static/favicon.svg{'?empty' if address.startswith('http') else ''}")
    page.evaluate(FORGET)
    page.unroute_all()


@pytest.fixture(scope="session")
def with_model(browser, heard, served):
    """A page with one figure for each request, whose model is loaded: 98 MB, once."""
    made = context(browser, heard)
    page = visit(made.new_page(), f"{served}{LIVE}")
    assert page.evaluate("lmkit.model.load().then(() => lmkit.model.state)") == "ready"
    yield page
    made.close()


@pytest.fixture
def loaded(with_model, complaints):
    """The page whose model is loaded, its figures set back."""
    yield with_model
    with_model.set_viewport_size({"width": 1280, "height": 900})
    with_model.emulate_media(color_scheme="light")
    for button in with_model.get_by_role("button", name="Start again").all():
        button.click()


def foreign(url):
    """Yield a complaint when an address is not on this computer.

    >>> list(foreign("https://cdn.example/x.js"))
    ['request to another host: https://cdn.example/x.js']
    """
    parts = urlsplit(url)
    if parts.scheme not in ("file", "data", "blob") and parts.hostname != "127.0.0.1":
        yield f"request to another host: {url}"


def visit(page, url):
    """Open a page and wait until its widgets are there."""
    page.goto(url)
    page.wait_for_function(READY)
    return page


def widget(page, name, nth=0):
    """A widget on a page by its name, scrolled to, so that it is there."""
    found = page.locator(f"[data-lmkit={name}] .lmk-widget").nth(nth)
    found.scroll_into_view_if_needed()
    return found


def says(box, text, part="reading"):
    """Wait until a widget's reading line, or its source line, has a text."""
    expect(box.locator(f".lmk-{part}").filter(has_text=text)).to_be_visible()


def becomes(page, expression, value):
    """Wait until an expression of JavaScript has a value; a test fails with what it had instead."""
    wanted = json.dumps(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    try:
        page.wait_for_function(f"JSON.stringify({expression}) === {wanted}", timeout=PATIENCE)
    except TimeoutError:
        assert page.evaluate(expression) == value
        raise


def focused(page, expression):
    """Wait until an expression is true of the element `e` that has the focus."""
    page.wait_for_function(f"(e => {expression})(document.activeElement)", timeout=PATIENCE)


def saved(page, box, item, path):
    """The text of what "Download picture (SVG)" or "Download data (CSV)" in a menu gives."""
    box.get_by_label("More").click()
    with page.expect_download() as download:
        box.get_by_role("button", name=re.compile(rf"Download {item} \((SVG|CSV)")).click()
    download.value.save_as(path)
    return path.read_text("utf-8")


# What hangs over the window's edge, and what a finger can hardly hit. A token in running text is
# as wide as it is: WCAG 2.5.8 leaves targets in a line out.
MISFITS = """() => {
  const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && e.offsetWidth;
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
  for (const box of document.querySelectorAll(".lmk-widget")) {
    for (const e of box.querySelectorAll("*")) {
      if (!e.closest(".lmk-scroll, [hidden]") && e.getBoundingClientRect().right > innerWidth + 1) {
        found.push(`over the edge: ${e.outerHTML.slice(0, 99)}`);
      }
    }
    for (const e of [...box.querySelectorAll("button, select, summary")].filter(shown)) {
      const { width, height } = e.getBoundingClientRect();
      const narrow = e.classList.contains("lmk-token") ? 0 : 24;
      if (width < narrow || height < 24) found.push(`small: ${e.outerHTML.slice(0, 99)}`);
    }
  }
  return found;
}"""


def fits(page):
    """Nothing hangs over the window's edge, and a finger can hit what can be pressed."""
    becomes(page, f"({MISFITS})()", [])


def axe_script():
    """The text of axe-core, from the newest of the packages that may bring it."""
    for package in ("axe_playwright_python", "axe_core_python"):
        if spec := importlib.util.find_spec(package):
            found = next(Path(spec.origin).parent.rglob("axe.min.js"))
            return found.read_text("utf-8")
    raise RuntimeError("axe-core is missing: pip install -r requirements-test.txt")


AXE = axe_script()


def axe_violations(page, rules=None):
    """What axe-core finds wrong on a page, a line each."""
    page.evaluate(AXE)
    # without preload: no rule that holds here reads style sheets
    options = {"resultTypes": ["violations"], "preload": False, "rules": rules or {}}
    result = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{violation['id']}: {violation['help']}: {node['target']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]

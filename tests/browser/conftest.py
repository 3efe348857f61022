"""The built site, a server for it, and pages that fail a test when anything is amiss."""

import importlib.util
import re
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

from tools import browsers
from tools.serve import serve

ROOT = Path(__file__).parent.parent.parent
BUILT = ROOT / "_build" / "html"
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
    """The site's address, over http and from the disk."""
    return served if request.param == "http" else f"{site.as_uri()}/"


@pytest.fixture
def complaints():
    """What the pages of a test had to complain of; whatever is still in it fails the test."""
    found = []
    yield found
    assert not found


@pytest.fixture
def new_page(browser, complaints):
    """Make pages, each with a profile of its own: `new_page(390, theme="dark")`."""
    contexts = []

    def make(width=1280, height=900, theme="light", **options):
        size = {"width": width, "height": height}
        context = browser.new_context(viewport=size, color_scheme=theme, **options)
        contexts.append(context)
        context.on("console", lambda message: complaints.append(f"console: {message.text}"))
        context.on("weberror", lambda error: complaints.append(f"page error: {error.error}"))
        context.on("request", lambda request: complaints.extend(foreign(request.url)))
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page):
    """One page in the light theme, 1280 pixels wide."""
    return new_page()


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
    box.locator(f".lmk-{part}").filter(has_text=text).wait_for(timeout=8000)


def saved(page, box, item, path):
    """The text of what "Download picture (SVG)" or "Download data (CSV)" in a menu gives."""
    box.get_by_label("More").click()
    with page.expect_download() as download:
        box.get_by_role("button", name=re.compile(rf"Download {item} \((SVG|CSV)")).click()
    download.value.save_as(path)
    return path.read_text("utf-8")


def fits(page):
    """Nothing hangs over the window's edge, and a finger can hit what can be pressed.

    A token in running text is as wide as it is: WCAG 2.5.8 leaves targets in a line out.
    """
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for box in page.locator(".lmk-widget").all():
        wide = box.evaluate(
            "box => [...box.querySelectorAll('*')].filter(e => !e.closest('.lmk-scroll, [hidden]')"
            " && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.className)"
        )
        assert wide == []
        for button in box.locator("button:visible, select:visible, summary:visible").all():
            size = button.bounding_box()
            narrow = 0 if "lmk-token" in (button.get_attribute("class") or "") else 24
            assert size["width"] >= narrow and size["height"] >= 24, button.inner_text()


def axe_script():
    """The text of axe-core, from the newest of the packages that may bring it."""
    for package in ("axe_playwright_python", "axe_core_python"):
        if spec := importlib.util.find_spec(package):
            found = next(Path(spec.origin).parent.rglob("axe.min.js"))
            return found.read_text("utf-8")
    raise RuntimeError("axe-core is missing: pip install -r requirements-test.txt")


AXE = axe_script()


def axe_violations(page):
    """What axe-core finds wrong on a page, a line each."""
    page.evaluate(AXE)
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {violation['help']}: {node['target']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]

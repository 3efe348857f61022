"""The tests of tests/js that need a document; node runs all others (`make check`)."""

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FILES = sorted((ROOT / "tests" / "js").glob("*.test.mjs"))
CASES = [
    pytest.param(file.name, name, id=f"{file.name.split('.')[0]}: {name}")
    for file in FILES
    for name in re.findall(r'^inBrowser\("([^"]+)"', file.read_text("utf-8"), re.MULTILINE)
]
RUN = """async ([file, name]) => {
  await import(`/tests/js/${file}`);
  const { run } = await import("/tests/js/harness.mjs");
  await run(name);
}"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def repository():
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=ROOT))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def modules(browser, repository):
    page = browser.new_page()
    page.goto(f"{repository}/tests/js/")
    yield page
    page.close()


def test_every_file_has_tests_of_its_own():
    for file in FILES:
        names = re.findall(r'^(?:test|inBrowser)\("([^"]+)"', file.read_text("utf-8"), re.MULTILINE)
        assert names and len(names) == len(set(names)), file.name
    assert len(CASES) >= 8


@pytest.mark.parametrize(("file", "name"), CASES)
def test_javascript(modules, file, name):
    modules.evaluate(RUN, [file, name])

"""Bytes, requests and time to the ready widgets of a page, cold: `python benchmarks/page.py`.

Each visit has an empty profile. Bytes are what a server that compresses would send. Times are
medians, without and with Chromium's CPU throttle (4×), from the start of the navigation until
every widget of the page is shown.
"""

import argparse
import gzip
import json
import statistics
import sys
import threading
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tools import browsers  # noqa: E402
from tools.serve import serve  # noqa: E402

SITE = ROOT / "_build" / "html"


def main() -> None:
    """Measure the pages, print a table and keep it in results/."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", default=["notebooks/01-introduction.html"])
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    server = serve(SITE, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browsers.find(), args=browsers.FLAGS)
        base = f"http://127.0.0.1:{server.server_port}/"
        results = [measure(browser, base, page, options.rounds) for page in options.pages]
        browser.close()
    server.shutdown()
    print(json.dumps(results, indent=1))
    (ROOT / "benchmarks" / "results" / "page.json").write_text(json.dumps(results, indent=1) + "\n")


def measure(browser: Browser, base: str, page: str, rounds: int) -> dict[str, object]:
    """Return one page's figures."""
    requests = requested(browser, base, page)
    sizes = {name: len(gzip.compress((SITE / name).read_bytes())) for name in requests}
    plain, slow = [], []
    for _ in range(rounds):  # interleaved, so that both meet the same load
        plain.append(ready(browser, base + page, 1))
        slow.append(ready(browser, base + page, 4))
    return {
        "page": page,
        "requests": len(sizes),
        "gzip_kb": round(sum(sizes.values()) / 1000, 1),
        "largest": dict(sorted(sizes.items(), key=lambda kv: -kv[1])[:4]),
        "ready_ms": spread(plain),
        "ready_ms_4x_throttle": spread(slow),
    }


def requested(browser: Browser, base: str, page: str) -> list[str]:
    """Return the files that a first visit asks for."""
    context = browser.new_context()
    names: list[str] = []
    context.on("request", lambda request: names.append(request.url))
    visit = context.new_page()
    visit.goto(base + page)
    visit.wait_for_timeout(1000)
    context.close()
    local = [url.removeprefix(base).split("?")[0] for url in names if url.startswith(base)]
    return sorted(set(local))


def ready(browser: Browser, url: str, throttle: int) -> float:
    """Return the milliseconds until every widget is shown, on a CPU `throttle` times slower."""
    context = browser.new_context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": throttle})
    page.goto(url)
    page.wait_for_function("document.documentElement.dataset.lmkitReady")
    milliseconds = float(page.evaluate("document.documentElement.dataset.lmkitReady"))
    context.close()
    return milliseconds


def spread(times: list[float]) -> dict[str, int]:
    """Return median, least and most, in whole milliseconds."""
    return {
        "median": round(statistics.median(times)),
        "least": round(min(times)),
        "most": round(max(times)),
    }


if __name__ == "__main__":
    main()

"""How long a figure takes to answer a move, on a slow page: `python benchmarks/sliders.py`.

For each figure of chapters 4 to 6 that is computed in the page: many moves of a control, each
timed from the event until the page is laid out again, under Chromium's CPU throttle (4×). The
book wants 100 ms. Beside each stands the same loop without the throttle, in the same run.
"""

import json
import statistics
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tools import browsers  # noqa: E402

SITE = ROOT / "_build" / "html" / "notebooks"
# page, widget, control by its label, what is done first (a control and its value)
MOVES: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("04-sequence-modeling", "softmax-explorer", "Temperature", {}),
    ("05-recurrent-networks", "gradient-flow", "Spectral radius", {"Steps": "100"}),
    ("05-recurrent-networks", "recurrent-unroll", "Step", {}),
    ("06-transformers", "attention-steps", "X, sat, column 2", {}),
    ("06-transformers", "positional-encoding", "Position", {"Dimensions d": "5"}),
    ("06-transformers", "multi-head", "Layer", {}),
    ("06-transformers", "attention-map", "Layer", {}),
)
MOVE = """async (control) => {
  const values = control.tagName === "SELECT" ? [...control.options].map((o) => o.value)
    : Array.from({ length: 20 }, (_, k) => Number(control.min) + ((7 * k) % 20) / 20
      * (Number(control.max) - Number(control.min)));
  const times = [];
  for (const value of values.slice(0, 20)) {
    const start = performance.now();
    control.value = value;
    control.dispatchEvent(new Event(control.tagName === "SELECT" ? "change" : "input",
      { bubbles: true }));
    await Promise.resolve();
    control.getBoundingClientRect();
    times.push(performance.now() - start);
    await new Promise((done) => setTimeout(done, 30));
  }
  return times.slice(2);  // the first two warm the code up
}"""


def main() -> None:
    """Measure every figure, print a table and keep it in results/."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browsers.find(), args=browsers.FLAGS)
        page = browser.new_page()
        results = {widget: measure(page, *move) for move in MOVES if (widget := move[1])}
        browser.close()
    for widget, row in results.items():
        print(f"{widget:>20}", *(f"{name} {value}" for name, value in row.items()))
    (ROOT / "benchmarks" / "results" / "sliders.json").write_text(
        json.dumps(results, indent=1) + "\n"
    )


def measure(
    page: Page, chapter: str, widget: str, label: str, first: dict[str, str]
) -> dict[str, float]:
    """Return the median and the longest answer in ms, throttled and not."""
    page.goto((SITE / f"{chapter}.html").as_uri())
    box = page.locator(f"[data-lmkit={widget}] .lmk-widget").first
    box.scroll_into_view_if_needed()
    for name, value in first.items():
        box.get_by_label(name, exact=True).fill(value)
    control = box.get_by_label(label, exact=True)
    session = page.context.new_cdp_session(page)
    row = {}
    for name, rate in (("4x", 4), ("1x", 1)):
        session.send("Emulation.setCPUThrottlingRate", {"rate": rate})
        times = control.evaluate(MOVE)
        row[f"median_ms_{name}"] = round(statistics.median(times), 1)
        row[f"longest_ms_{name}"] = round(max(times), 1)
    return row


if __name__ == "__main__":
    main()

"""The page's engine against its peers, tokens a second: `python benchmarks/engine_speed.py`.

All run the same weights on one thread: onnxruntime-web and wllama in the same Chromium, each in a
page of its own, and llama.cpp as a native program (node-llama-cpp). They take turns; a token's
time counts from the token before it, so that reading the prompt does not. Prompts of 12, 100 and
400 tokens are read by ours and the native one; ours writes eight continuations, one after another
and together. The peers are installed by npm and pip into --cache, a temporary folder unless it is
given (about 1 GB; needs node 20). Writes results/engine_speed.json.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from lmkit import assets  # noqa: E402
from tools import browsers  # noqa: E402

HERE = Path(__file__).parent / "engine"
RESULTS = Path(__file__).parent / "results" / "engine_speed.json"
PEERS = {
    "onnxruntime-web": "1.30.0",
    "@wllama/wllama": "3.8.1",
    "node-llama-cpp": "3.22.1",
    "@node-llama-cpp/linux-x64": "3.22.1",
}
ONNX = "1.23.2"
PAGES = ("lmkit", "wllama", "onnxruntime")
LENGTHS = (12, 100, 400)
PROMPT = "Once upon a time, in a small village by the sea, there lived"


class Handler(SimpleHTTPRequestHandler):
    """The repository, the peers and the models, under four short addresses."""

    def __init__(self, *args: Any, cache: Path) -> None:
        self.places = {
            "/repo/": str(ROOT) + "/",
            "/peers/": str(cache / "node_modules") + "/",
            "/smollm2.gguf": str(assets.path("smollm2")),
            "/model.onnx": str(cache / "model.onnx"),
        }
        super().__init__(*args)

    def guess_type(self, path: str | os.PathLike[str]) -> str:
        """Give modules and WebAssembly the types that browsers insist on."""
        types = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm"}
        return types.get(Path(path).suffix, "application/octet-stream")

    def translate_path(self, path: str) -> str:
        """Find a file, or nothing."""
        for prefix, place in self.places.items():
            if path.startswith(prefix):
                return place + path.removeprefix(prefix)
        return os.devnull

    def do_GET(self) -> None:
        """Answer; the start page is empty."""
        if self.path != "/":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><link rel=icon href=data:,><title>peer</title>")
        return None

    def log_message(self, *args: object) -> None:
        """Say nothing of requests."""


def install(cache: Path) -> None:
    """Bring the peers into the cache, and write the model for onnxruntime there."""
    if not (cache / "node_modules" / "node-llama-cpp").exists():
        packages = [f"{name}@{version}" for name, version in PEERS.items()]
        npm = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run([*npm, "--prefix", str(cache), *packages], check=True)
    if not (cache / "model.onnx").exists():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(cache / "onnx")]
        subprocess.run([*pip, f"onnx=={ONNX}"], check=True)
        command = [sys.executable, str(HERE / "onnx_model.py"), str(assets.path("smollm2"))]
        places = os.environ | {"PYTHONPATH": str(cache / "onnx")}
        subprocess.run([*command, str(cache / "model.onnx")], check=True, env=places)
    (cache / "native.mjs").write_text((HERE / "native.mjs").read_text("utf-8"), "utf-8")


def open_page(browser: Browser, address: str, name: str) -> Page:
    """Load a peer in a page of its own, and keep how long that took."""
    page = browser.new_context().new_page()
    page.goto(address)
    page.evaluate(
        """async (name) => {
            window.peer = await import(`/repo/benchmarks/engine/${name}.mjs`);
            const start = performance.now();
            await peer.load();
            window.loadMs = performance.now() - start;
        }""",
        name,
    )
    return page


def native(cache: Path, n: int) -> list[Any]:
    """Have llama.cpp go on with the prompt: its text, when each token came, times of prompts."""
    command = ["node", "native.mjs", str(assets.path("smollm2")), PROMPT, str(n)]
    done = subprocess.run(command, cwd=cache, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def rate(at: list[float]) -> float:
    """Tokens a second, from the first token to the last."""
    return 1000 * (len(at) - 1) / (at[-1] - at[0])


def prompt_rates(times: list[list[float]]) -> dict[str, float]:
    """Tokens a second of each length of prompt, the median of the rounds."""
    return {
        str(n): round(1000 * n / statistics.median(ms), 1)
        for n, ms in zip(LENGTHS, zip(*times, strict=True), strict=True)
    }


def ratios(ours: list[list[float]], theirs: list[list[float]]) -> dict[str, float]:
    """How many times as fast ours is with each length of prompt, the median of the rounds."""
    return {
        str(n): round(statistics.median(t[k] / o[k] for o, t in zip(ours, theirs, strict=True)), 2)
        for k, n in enumerate(LENGTHS)
    }


def run(browser: Browser, address: str, cache: Path, rounds: int, n: int) -> dict[str, Any]:
    """Let all take turns, and give the figures."""
    pages = {name: open_page(browser, address, name) for name in PAGES}
    texts: dict[str, str] = {}
    rates: dict[str, list[float]] = {name: [] for name in (*PAGES, "native")}
    twelve: dict[str, list[list[float]]] = {"lmkit": [], "onnxruntime": []}
    prompts: dict[str, list[list[float]]] = {"lmkit": [], "native": []}
    eight: list[list[float]] = []
    for turn in range(rounds + 1):
        for name, page in pages.items():
            few = 12 if name == "onnxruntime" else n
            texts[name], at = page.evaluate(f"peer.greedy({PROMPT!r}, {few})")
            rates[name].append(rate(at))
            if name in twelve:
                twelve[name].append(page.evaluate("peer.twelve()"))
        prompts["lmkit"].append(pages["lmkit"].evaluate(f"peer.prompts({list(LENGTHS)})"))
        eight.append(pages["lmkit"].evaluate(f"peer.eight({PROMPT!r}, 40)"))
        texts["native"], at, times = native(cache, n)
        rates["native"].append(rate(at))
        prompts["native"].append(times)
        if turn == 0:  # everybody is warm now
            rates, twelve = {k: [] for k in rates}, {k: [] for k in twelve}
            prompts, eight = {k: [] for k in prompts}, []
    ours = rates["lmkit"]
    return {
        "machine": f"{platform.machine()}, one thread",
        "versions": {"chromium": browser.version, "onnx": ONNX, **PEERS},
        "tokens": n,
        "load_ms": {name: round(page.evaluate("loadMs")) for name, page in pages.items()},
        "memory_mb": round(pages["lmkit"].evaluate("peer.memory()") / 1e6, 1),
        "tokens_per_second": {
            name: {"median": round(statistics.median(r), 1), "all": [round(x, 1) for x in r]}
            for name, r in rates.items()
        },
        "ratio": {
            name: round(statistics.median(a / b for a, b in zip(ours, r, strict=True)), 2)
            for name, r in rates.items()
            if name != "lmkit"
        },
        "prompt_tokens_per_second": {name: prompt_rates(t) for name, t in prompts.items()},
        "prompt_ratio_to_native": ratios(prompts["lmkit"], prompts["native"]),
        "eight_continuations": {
            "one after another, s": round(statistics.median(t[0] for t in eight) / 1000, 2),
            "together, s": round(statistics.median(t[1] for t in eight) / 1000, 2),
            "ratio": round(statistics.median(t[0] / t[1] for t in eight), 2),
        },
        "same_text_as_lmkit": {
            name: texts["lmkit"].startswith(text.rstrip("\ufffd")) for name, text in texts.items()
        },
        "twelve_tokens_ms": {
            "last logits": round(statistics.median(t[0] for t in twelve["lmkit"]), 1),
            "all logits, attentions, hidden states": round(
                statistics.median(t[1] for t in twelve["lmkit"]), 1
            ),
            "ratio": round(statistics.median(t[1] / t[0] for t in twelve["lmkit"]), 2),
            "onnxruntime, logits": round(statistics.median(t[0] for t in twelve["onnxruntime"]), 1),
        },
    }


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--cache", type=Path, help="folder in which the peers are kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        cache = (options.cache or Path(temporary)).resolve()
        cache.mkdir(parents=True, exist_ok=True)
        install(cache)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, cache=cache))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=browsers.find(), args=browsers.FLAGS
            )
            address = f"http://127.0.0.1:{server.server_port}/"
            figures = run(browser, address, cache, options.rounds, options.tokens)
            browser.close()
        server.shutdown()
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()

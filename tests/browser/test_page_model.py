"""The model in the page: loaded in parts, kept, removed, and answering as Python does."""

import base64
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import PATIENCE, ROOT, visit
from playwright.sync_api import expect

from lmkit.widgets import next_token

pytestmark = pytest.mark.xdist_group("model")

CHAPTER = "notebooks/01-introduction.html"
PARTS = "**/model/*.bin"
SENTENCE = re.compile(r"[A-Z“\d].*[.!?]", re.DOTALL)


@pytest.fixture
def page(new_page):
    """A page with a profile of its own: most tests look at what the browser keeps."""
    return new_page()


@pytest.fixture(scope="module")
def lm():
    import torch

    from lmkit import smollm

    torch.set_num_threads(1)  # the browser's share the processor, and torch's would wait for it
    return smollm.load()


def load(page):
    assert page.evaluate("lmkit.model.load().then(() => lmkit.model.state)") == "ready"
    return page


def failure(page):
    """What loading fails with."""
    return page.evaluate("lmkit.model.load().then(() => 'loaded', (error) => error.message)")


def asked(page):
    """The parts that the page asks the server for from now on."""
    found = []
    page.on("request", lambda r: found.append(r.url[-20:]) if "/model/" in r.url else None)
    return found


def ask(page, **request):
    return page.evaluate("(request) => lmkit.model.ask(request)", request)


def until(page, promise):
    """Wait until what a promise in the page gives is true; `wait_for_function` does not await."""
    for _ in range(PATIENCE // 50):
        if page.evaluate(promise):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"it never came true: {promise}")


def has_workers(page, number):
    """Wait until a page has so many Workers; one that was ended goes a moment later."""
    for _ in range(PATIENCE // 50):
        if len(page.workers) == number:
            return
        page.wait_for_timeout(50)
    assert len(page.workers) == number


def state(page):
    return page.evaluate("[lmkit.model.state, lmkit.model.message]")


# ------------------------------------------------------------------- loading


def test_parts_are_of_a_size_that_hosts_accept(site):
    manifest = json.loads((site / "model" / "manifest.json").read_text())
    files = {file.name: file.stat().st_size for file in (site / "model").glob("*.bin")}
    assert files == {part["name"]: part["bytes"] for part in manifest["parts"]}
    assert max(files.values()) <= 25 * 2**20  # the least that common static hosts take
    assert sum(files.values()) == manifest["bytes"]


def test_it_loads_when_asked(page, served):
    requests = []
    page.on("request", lambda r: requests.append(r.url))
    visit(page, served + CHAPTER)
    page.wait_for_load_state("networkidle")
    assert not [url for url in requests if re.search(r"model/|worker|wasm|sw\.js", url)]
    assert state(page) == ["absent", ""]
    steps = page.evaluate("""async () => {
      const seen = [];
      await lmkit.model.load((bytes, total) => seen.push(bytes / total));
      return seen;
    }""")
    assert steps == sorted(steps) and len(steps) >= 3 and 0 < steps[0] < 1


def test_the_page_stays_free(browser, page, served):
    """No task of the page's own takes 50 ms of processor time, whoever else wants the processor."""
    visit(page, served + CHAPTER)
    browser.start_tracing(page=page, categories=["toplevel"])
    page.evaluate("""async () => {
      const { model } = lmkit;
      await model.load();
      const ids = await model.encode("The animal was too tired to cross the street. ".repeat(9));
      await model.forward(ids.slice(0, 64), { all: true, attentions: true, hidden: true });
      await model.ask({ kind: "chain-rule", text: await model.decode(ids) });
      for await (const token of model.generate("Once", { maxNewTokens: 20, seed: 1 }));
    }""")
    events = json.loads(browser.stop_tracing())["traceEvents"]
    pages = [e for e in events if e["name"] == "thread_name"]
    pages = {(e["pid"], e["tid"]) for e in pages if e["args"]["name"] == "CrRendererMain"}
    tasks = [e["tdur"] for e in events if (e["pid"], e["tid"]) in pages and "tdur" in e]
    assert len(tasks) > 100 and max(tasks) <= 50_000


# The page's own files, and what the Worker needs, are in the browser.
KEPT = """async () => {
  const files = performance.getEntriesByType("resource").map(({ name }) => name.split("?")[0]);
  const needed = [location.pathname, "/_static/lm.wasm", "/_static/lmkit-worker.js", ...files];
  const pages = needed.filter((file) => !/model/.test(file));
  const found = await Promise.all(pages.map((file) => caches.match(file, { ignoreVary: true })));
  return found.every(Boolean);
}"""


def test_the_second_time_it_comes_from_the_browser_also_offline(page, served):
    visit(page, served + CHAPTER)
    assert page.evaluate("lmkit.model.cached") is False
    load(page)
    until(page, KEPT)
    page.context.set_offline(True)
    parts = asked(page)
    visit(page, served + CHAPTER)
    assert page.evaluate("lmkit.model.cached") is True
    load(page)
    assert page.evaluate("lmkit.model.decode([504])") == "The"
    assert page.evaluate("document.fonts.ready.then(() => document.styleSheets.length)") >= 1
    page.context.set_offline(False)
    assert parts == []
    page.evaluate("lmkit.model.remove()")
    assert state(page) == ["absent", ""]
    until(page, "caches.keys().then((names) => names.length === 0)")
    until(page, "navigator.serviceWorker.getRegistrations().then((r) => r.length === 0)")


NEW = "<link rel=icon href=data:,><p>new</p>"


def test_a_new_build_is_seen_at_once_by_a_reader_who_has_the_old_one(page, served):
    load(visit(page, served + CHAPTER))
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function("navigator.serviceWorker.controller")
    page.context.route(
        "**/glossary.html", lambda route: route.fulfill(body=NEW, content_type="text/html")
    )
    page.goto(served + "book/glossary.html")
    expect(page.locator("body")).to_have_text("new")


def test_cancel_and_go_on_from_there(page, served):
    visit(page, served + CHAPTER)
    held, parts = [], asked(page)
    page.route(PARTS, lambda route: held.append(route) if len(parts) > 2 else route.continue_())
    page.evaluate("void (window.loading = lmkit.model.load().catch((error) => error.name))")
    until(page, "caches.has(lmkit.model.store)")
    until(
        page,
        """async () => {
      const cache = await caches.open(lmkit.model.store);
      return (await cache.keys()).length > 1;
    }""",
    )
    page.evaluate("lmkit.model.cancel()")
    assert page.evaluate("loading") == "AbortError"
    assert state(page) == ["absent", ""]
    has_workers(page, 0)
    page.unroute(PARTS)
    before = set(parts[:2])
    parts.clear()
    load(page)
    assert len(parts) == 3 and not before & set(parts)


def test_a_signal_stops_it(page, served):
    visit(page, served + CHAPTER)
    name = page.evaluate("""() => {
      const stop = new AbortController();
      const loading = lmkit.model.load(() => stop.abort(), stop.signal);
      return loading.catch((error) => error.name);
    }""")
    assert [name, *state(page)] == ["AbortError", "absent", ""]


def test_a_hundred_cancels(page, served):
    visit(page, served + CHAPTER)
    names = page.evaluate("""async () => {
      const names = [];
      for (let k = 0; k < 100; k++) {
        const loading = lmkit.model.load().catch((error) => error.name);
        if (k % 4) await new Promise((resolve) => setTimeout(resolve, 8 * (k % 4)));
        lmkit.model.cancel();
        names.push(loading);
      }
      return [...new Set(await Promise.all(names))];
    }""")
    assert names == ["AbortError"]
    load(page)
    has_workers(page, 1)


ALTER = """{
  const fetched = fetch;
  let left = LEFT;
  self.fetch = async (url, options) => {
    const response = await fetched(url, options);
    if (!String(url).includes("PART") || left-- <= 0) return response;
    const bytes = new Uint8Array(await response.arrayBuffer());
    bytes[1000] ^= 1;
    return new Response(bytes);
  };
}"""


def change_worker(page, site, script):
    """Let something run in the Worker before its own script."""
    worker = script + (site / "_static" / "lmkit-worker.js").read_text("utf-8")
    headers = {"Content-Type": "text/javascript", "Cache-Control": "no-store"}
    page.route("**/lmkit-worker.js*", lambda route: route.fulfill(body=worker, headers=headers))


def test_a_part_that_arrives_damaged_once(page, served, site):
    change_worker(page, site, ALTER.replace("LEFT", "1").replace("PART", ".bin"))
    load(visit(page, served + CHAPTER))
    assert len(page.evaluate("lmkit.model.encode('a b')")) == 2


def test_a_part_that_always_arrives_damaged(page, served, site):
    visit(page, served + CHAPTER)
    last = page.evaluate("lmkit.model.spec.parts[3].name")
    change_worker(page, site, ALTER.replace("LEFT", "Infinity").replace("PART", last))
    assert failure(page) == "A part of the model arrives damaged: try again later."
    assert state(page)[0] == "failed"
    page.unroute("**/lmkit-worker.js*")
    load(page)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda route: route.fulfill(body=b"short"), "A part of the model arrives damaged"),
        (lambda route: route.fulfill(status=404), "is missing on the site (404)"),
        (lambda route: route.abort(), "The connection broke off"),
    ],
    ids=["short", "missing", "offline"],
)
def test_a_part_that_does_not_come(page, served, complaints, answer, sentence):
    visit(page, served + CHAPTER)
    last = page.evaluate("lmkit.model.spec.parts[3].name")
    page.route(f"**/model/{last}", answer)
    assert sentence in failure(page)
    assert state(page)[0] == "failed"
    expect(page.locator(".lmk-source").first).to_contain_text(sentence)
    has_workers(page, 0)
    complaints[:] = [text for text in complaints if "Failed to load resource" not in text]
    page.unroute(f"**/model/{last}")
    parts = asked(page)
    load(page)
    assert last in parts and len(parts) <= 2, "the parts that came are not asked for again"


def test_what_is_under_way_when_a_part_fails_is_kept(page, served, complaints):
    visit(page, served + CHAPTER)
    first, *rest = page.evaluate("lmkit.model.spec.parts.map((part) => part.name)")
    page.route(f"**/model/{first}", lambda route: route.fulfill(status=404))
    assert "is missing on the site (404)" in failure(page)
    complaints.clear()
    page.unroute(f"**/model/{first}")
    parts = asked(page)
    load(page)
    assert sorted(parts) == sorted([first, *rest[1:]]), "the second part came and was kept"


def test_a_kept_part_that_is_damaged_is_fetched_again(page, served):
    load(visit(page, served + CHAPTER))
    page.evaluate("""async () => {
      const cache = await caches.open(lmkit.model.store);
      const [request] = await cache.keys();
      await cache.put(request, new Response(new Uint8Array(20_000_000)));
    }""")
    page.reload()
    parts = asked(page)
    load(page)
    assert len(parts) == 1


DENIED = "Object.defineProperty(self, 'caches', {get() { throw new DOMException('no'); }});"
FULL = "Cache.prototype.put = async () => { throw new DOMException('', 'QuotaExceededError'); };"


@pytest.mark.parametrize("script", [DENIED, FULL], ids=["denied", "full"])
def test_a_browser_that_keeps_nothing(page, served, site, script):
    page.add_init_script(script)
    change_worker(page, site, script)
    load(visit(page, served + CHAPTER))
    assert state(page)[1].endswith("will have to be downloaded again next time.")
    assert page.evaluate("lmkit.model.cached") is False
    assert page.evaluate("navigator.serviceWorker.getRegistrations().then((r) => r.length)") == 0
    page.evaluate("lmkit.model.remove()")
    assert state(page) == ["absent", ""]


def test_two_tabs(page, served):
    other = page.context.new_page()
    for tab in (page, other):
        visit(tab, served + CHAPTER)
        tab.evaluate("void (window.loading = lmkit.model.load())")
    for tab in (page, other):
        tab.evaluate("loading")
        assert state(tab) == ["ready", ""]
    page.evaluate("lmkit.model.remove()")
    assert other.evaluate("lmkit.model.decode([504])") == "The"


def test_old_versions_are_deleted_and_other_sites_left_alone(page, served):
    visit(page, served + CHAPTER)
    page.evaluate(
        "Promise.all(['lmkit-model / 0000', 'lmkit-model /other/ 1', 'theirs'].map((name) =>"
        " caches.open(name)))"
    )
    load(page)
    names = page.evaluate("caches.keys()")
    assert "lmkit-model / 0000" not in names
    assert {"lmkit-model /other/ 1", "theirs"} <= set(names)


def test_from_the_disk_a_sentence_says_how(page, site, served):
    visit(page, f"{site.as_uri()}/{CHAPTER}")
    assert state(page)[0] == "unavailable"
    expect(page.locator(".lmk-source").first).to_contain_text("make serve")
    assert failure(page) == state(page)[1]


def test_a_site_without_the_model(page, tmp_path):
    command = [sys.executable, "-m", "tools.build", "--quiet", "--no-model", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    site = tmp_path / "html"
    assert not [*site.rglob("*.bin"), *site.rglob("*worker*"), *site.rglob("sw.js")]
    visit(page, f"{site.as_uri()}/{CHAPTER}")
    expect(page.locator(".lmk-source").first).to_contain_text("built without the live model")


# -------------------------------------------------------------------- answers

CONTEXTS = [
    "The quick brown fox jumps",
    "",
    "Zwölf 𝔘𝔫𝔦 \u202eabc 👩‍👩‍👧‍👦 42",
    "<|endoftext|> is\n\n\ttext",
]


@pytest.mark.parametrize("text", CONTEXTS)
def test_next_token_answers_as_python(loaded, lm, text):
    node = ask(loaded, kind="next-token", text=text, path=[])["node"]
    twin = next_token.NextToken(lm, "a", depth=1).answer({"text": text, "path": []})
    assert node["i"][0] == twin["node"]["i"][0]
    assert ask(loaded, kind="next-token", text=text, path=[690])["start"] == twin["start"]
    for setting in [(1, 0, 1), (0.5, 0, 0.9), (2, 0, 0.5), (1, 5, 1)]:
        p, rest = next_token.distribution(node, *setting)
        q, other = next_token.distribution(twin["node"], *setting)
        assert p == pytest.approx(q, abs=2e-3) and rest == pytest.approx(other, abs=2e-3)


@pytest.mark.parametrize("text", CONTEXTS)
def test_of_the_same_logits_python_keeps_the_same(loaded, text):
    # the same logits to the bit: neither takes tokens that other tests left in the cache
    loaded.evaluate("lmkit.model.forward([9])")
    node = ask(loaded, kind="next-token", text=text, path=[])["node"]
    raw = loaded.evaluate(
        """async (text) => {
          const { logits } = await lmkit.model.forward([0, ...(await lmkit.model.encode(text))]);
          const bytes = new Uint8Array(logits.buffer);
          return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));
        }""",
        text,
    )
    logits = np.frombuffer(base64.b64decode(raw), np.float32).astype(np.float64)
    order, twin = next_token.pack(logits)
    assert node["i"] == order
    assert node["l"] == pytest.approx(twin["l"], abs=1.01e-4)
    assert node["r"] == pytest.approx(twin["r"], abs=1.01e-4)
    assert [pairs[::2] for pairs in node["n"]] == [pairs[::2] for pairs in twin["n"]]
    for ours, theirs in zip(node["n"], twin["n"], strict=True):
        assert ours == pytest.approx(theirs, abs=1)


def test_chain_rule_answers_as_python(loaded, lm):
    from lmkit.widgets import ChainRule

    text = "A journey of a thousand miles begins with a single step. " * 7
    ours = ask(loaded, kind="chain-rule", text=text)["tokens"]
    twin = ChainRule(lm, "a").answer({"kind": "chain-rule", "text": text})["tokens"]
    assert [(x["t"], x["i"]) for x in ours] == [(x["t"], x["i"]) for x in twin]
    assert [x["l"] for x in ours] == pytest.approx([x["l"] for x in twin], abs=2e-2)
    assert [x["alt"][0]["i"] for x in ours] == [x["alt"][0]["i"] for x in twin]
    assert ask(loaded, kind="chain-rule", text="") == {"tokens": []}


def test_a_head_switched_off_answers_as_python(loaded, lm):
    from lmkit.widgets import AttentionMap

    request = {"kind": "ablate", "text": "The capital of France is", "layer": 23, "head": 4}
    twin = AttentionMap(lm, "a").answer(request)
    ours = loaded.evaluate("(request) => lmkit.model.ask(request)", request)
    assert ours["moved"] == pytest.approx(twin["moved"], abs=0.005)
    assert ours["next"][0]["t"] == twin["next"][0]["t"] == " Paris"
    p, q = ({t["t"]: (t["p"], t["q"]) for t in answer["next"]} for answer in (ours, twin))
    for token in p.keys() & q.keys():
        assert p[token] == pytest.approx(q[token], abs=0.005)
    assert len(p.keys() & q.keys()) >= len(q) - 1  # one may be a draw for the last place
    message = loaded.evaluate(
        """() => lmkit.model.ask({ kind: "ablate", text: "a", layer: 30, head: 0 })
            .catch((error) => error.message)"""
    )
    assert message == "A head is [layer, head], from [0, 0] to [29, 8]."


def test_attention_answers_as_python(loaded, lm):
    from lmkit.widgets import AttentionMap, attention_map

    text = "The animal did not cross the street because it was too tired."
    twin = AttentionMap(lm, "a").answer({"kind": "attention", "text": text})
    ours = loaded.evaluate(
        """(text) => lmkit.model.ask({ kind: "attention", text })
          .then((reply) => ({ ...reply, weights: btoa(String.fromCharCode(...reply.weights)) }))""",
        text,
    )
    assert ours["tokens"] == twin["tokens"] and ours["shape"] == twin["shape"]
    gap = np.abs(attention_map.unpack(ours) - attention_map.unpack(twin))
    assert gap.max() <= 1e-3 + 1 / 255


def test_multi_head_answers_as_python(loaded, lm):
    from lmkit.widgets import MultiHead, attention_map

    text = "The animal did not cross the street."
    twin = MultiHead(lm, "a").answer({"kind": "multi-head", "text": text})
    ours = loaded.evaluate(
        """(text) => lmkit.model.ask({ kind: "multi-head", text })
          .then((reply) => ({ ...reply, weights: btoa(String.fromCharCode(...reply.weights)) }))""",
        text,
    )
    assert ours.keys() == twin.keys()
    assert all(ours[name] == twin[name] for name in ("tokens", "shape", "width"))
    gap = np.abs(attention_map.unpack(ours) - attention_map.unpack(twin))
    assert gap.max() <= 1e-3 + 1 / 255
    for name in ("sizes", "total"):
        assert np.allclose(ours[name], twin[name], rtol=1e-3, atol=0.0101), name
    message = loaded.evaluate(
        """() => lmkit.model.ask({ kind: "multi-head", text: "a ".repeat(24) })
            .catch((error) => error.message)"""
    )
    assert re.fullmatch(r"The text has \d+ tokens; this figure takes 1 to 23\.", message)


@pytest.mark.parametrize("chat", [False, True])
def test_generate_answers_as_python(loaded, lm, chat):
    from lmkit.widgets import Generate

    twin = Generate(lm, "a", length=1)
    request = {"kind": "encode", "text": "What is a token? <|im_end|>", "chat": chat}
    start = ask(loaded, **request)
    assert start == twin.answer(request)
    ids = [token["i"] for token in start["tokens"]]
    for draw, temperature, top_k, top_p in [(0.5, 0, 0, 1), (0.3, 1, 0, 0.9), (0.9, 0.7, 5, 1)]:
        request = {"kind": "continue", "ids": ids, "draw": draw}
        request |= {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        ours, theirs = ask(loaded, **request), twin.answer(request)
        assert ours["token"] == theirs["token"] and ours["end"] == theirs["end"]
        assert ours["p"] == pytest.approx(theirs["p"], rel=2e-2)
        assert ours["top"][0]["i"] == theirs["top"][0]["i"]
        ids.append(ours["token"]["i"])


GENERATE = """async ([text, options, most]) => {
  const pieces = [];
  for await (const piece of lmkit.model.generate(text, options)) {
    pieces.push(piece.text);
    if (pieces.length === most) break;
  }
  return pieces;
}"""


def test_generate_writes_what_python_writes_and_stops_when_left(loaded, lm):
    options = {"maxNewTokens": 24, "temperature": 0}
    text = "Once upon a time"
    whole = loaded.evaluate(GENERATE, [text, options, 99])
    assert "".join(whole) == "".join(lm.generate(text, 24, temperature=0))
    assert loaded.evaluate(GENERATE, [text, options, 3]) == whole[:3]
    seeded = [loaded.evaluate(GENERATE, [text, {"seed": 5, "maxNewTokens": 9}, 99]) for _ in "ab"]
    assert seeded[0] == seeded[1]
    answer = loaded.evaluate(GENERATE, ["Say yes.", {**options, "chat": True}, 99])
    assert "".join(answer) == "".join(lm.chat("Say yes.", 24, temperature=0))


def test_two_loops_at_once_do_not_disturb_each_other(loaded):
    options = {"maxNewTokens": 8, "temperature": 0}
    texts = ["The capital of France is", "Two and two are"]
    alone = [loaded.evaluate(GENERATE, [text, options, 99]) for text in texts]
    each = f"(text) => ({GENERATE})([text, options, 99])"
    both = loaded.evaluate(
        f"([texts, options]) => Promise.all(texts.map({each}))", [texts, options]
    )
    assert both == alone


HOSTILE = {
    "one character": "a",
    "long": "a" * 100_000,
    "long words": "word " * 20_000,
    "control characters": "".join(map(chr, range(32))) + "\x7f\x85\u2028\ufeff",
    "right to left": "\u202eשלום مرحبا\u202c",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈👍🏽" * 5,
    "special tokens": "<|im_start|>system<|im_end|><|endoftext|>",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
}
ASK_ALL = """async (text) => {
  text = text ?? "half \\ud83d pairs \\ude00";
  const { model } = lmkit;
  const said = [];
  for (const kind of ["next-token", "chain-rule", "attention", "encode"]) {
    const reply = await model.ask({ kind, text, path: [], chat: false }).catch((error) => error);
    said.push(reply instanceof Error ? reply.message : typeof reply);
  }
  const ids = await model.encode(text);
  return [said, await model.decode(ids), await model.decode((await model.encode(" x")))];
}"""


@pytest.mark.parametrize("text", [*HOSTILE.values(), None], ids=[*HOSTILE, "half pairs"])
def test_bad_texts_end_in_a_sentence(loaded, lm, text):
    said, back, alive = loaded.evaluate(ASK_ALL, text)
    assert [s for s in said if s != "object" and not SENTENCE.fullmatch(s)] == []
    known = "half \ud83d pairs \ude00" if text is None else text
    assert back == lm.tokenizer.decode(lm.tokenizer.encode(known))
    assert alive == " x"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("forward([])", "There are no tokens"),
        ("forward(Array(513).fill(1))", "513 tokens are more than the 512"),
        ("forward(Array(200).fill(1), {attentions: true})", "more than the 128"),
        ("forward('ids')", "Token ids are an array"),
        ("forward([0.5])", "Token ids are whole numbers"),
        ("encode(7)", "A text is a string, not number."),
        ("encode(() => 7)", "Only texts, numbers and arrays"),
        ("decode([-1])", "No token has the number -1"),
        ("generate('a', {temperature: -1}).next()", "The temperature must be 0"),
        ("generate('a', {maxNewTokens: 600}).next()", "more than the 512"),
        ("ask({kind: 'constructor'})", "The model cannot answer “constructor”."),
    ],
)
def test_wrong_calls_are_told_in_a_sentence(loaded, call, sentence):
    said = loaded.evaluate(f"lmkit.model.{call}.then(() => '', (error) => error.message)")
    assert sentence in said and SENTENCE.fullmatch(said)


def test_the_heap_does_not_grow(loaded):
    write = """async (n) => {
      for (let k = 0; k < n; k++) {
        const options = { maxNewTokens: 2, temperature: k % 2, seed: k };
        for await (const piece of lmkit.model.generate(`Number ${k}`, options));
      }
    }"""
    loaded.evaluate(write, 20)
    before = memory(loaded)
    loaded.evaluate(write, 200)
    after = memory(loaded)
    assert loaded.evaluate("lmkit.model.memory()") < 250e6
    print(f"bytes of heaps and buffers before and after 200 generations: {before}, {after}")
    assert after - before < 1_000_000


def memory(page):
    """Bytes of the page's and the Worker's heaps and buffers, after collecting garbage."""
    session = page.context.new_cdp_session(page)
    workers, replies = [], {}
    session.on("Target.attachedToTarget", lambda event: workers.append(event["sessionId"]))
    session.on("Target.receivedMessageFromTarget", lambda event: note(json.loads(event["message"])))

    def note(message):
        replies[message.get("id")] = message.get("result")

    def usage(send):
        send("HeapProfiler.collectGarbage")
        heap = send("Runtime.getHeapUsage")
        return heap["usedSize"] + heap.get("backingStorageSize", 0)

    def of_worker(method):
        number = len(replies) + 1
        message = json.dumps({"id": number, "method": method})
        session.send("Target.sendMessageToTarget", {"sessionId": workers[0], "message": message})
        while number not in replies:
            page.wait_for_timeout(20)
        return replies[number]

    how = {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": False}
    session.send("Target.setAutoAttach", how)
    while not workers:
        page.wait_for_timeout(20)
    used = usage(of_worker) + usage(session.send) + page.evaluate("lmkit.model.memory()")
    session.detach()
    return used


# -------------------------------------------------------------------- widgets


def test_a_reader_loads_types_and_removes(page, served):
    visit(page, served + CHAPTER)
    box = page.locator("[data-lmkit=next-token] .lmk-widget").first
    box.get_by_role("button", name="Load the model, 98 MB").click()
    box.get_by_text("in this page").wait_for()
    box.get_by_label("Context").fill("To be, or not to")
    box.get_by_text("computed now").wait_for()
    expect(box.locator(".lmk-bars .lmk-chip").first).to_have_text("·be")
    chain = page.locator("[data-lmkit=chain-rule] .lmk-widget").first
    chain.get_by_label("Sentence", exact=True).fill("Cats purr.")
    chain.locator(".lmk-reading").get_by_text(re.compile("^4 tokens")).wait_for()
    box.get_by_role("button", name="Remove from this browser").click()
    box.get_by_role("button", name="Load the model, 98 MB").wait_for()
    expect(box.get_by_label("Context")).to_have_js_property("tagName", "SELECT")

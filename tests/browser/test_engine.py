"""The engine in Chromium against torch: tokens, logits, attentions, hidden states, generation."""

import random
import re
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from lmkit import assets, smollm
from tools import engine as build

pytestmark = pytest.mark.xdist_group("engine")

ROOT = Path(__file__).parent.parent.parent
LOAD = """async () => {
  const engine = await import("/lmkit/engine/model.mjs");
  const gguf = new Uint8Array(await (await fetch("/smollm2.gguf")).arrayBuffer());
  const wasm = await WebAssembly.compileStreaming(fetch("/lmkit/engine/lm.wasm"));
  const fromUnits = (units) => String.fromCharCode(...units);
  Object.assign(window, { engine, gguf, wasm, fromUnits });
  window.lm = await engine.Model.create(gguf, wasm);
  window.send = (name, array) => fetch(`/${name}`, { method: "POST", body: array });
}"""
SENTENCE = r"[A-Za-z0-9-][^\n]*[^.\n]\."  # an option's name may begin it


class Handler(SimpleHTTPRequestHandler):
    """The repository, the model's file, and arrays that the engine sends."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }
    received: dict[str, bytes] = {}  # noqa: RUF012

    def translate_path(self, path):
        gguf = path == "/smollm2.gguf"
        return str(assets.path("smollm2")) if gguf else super().translate_path(path)

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        self.received[self.path[1:]] = self.rfile.read(size)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def engine(browser):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=ROOT))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    engine = browser.new_page()
    engine.goto(f"http://127.0.0.1:{server.server_port}/tests/js/")
    engine.evaluate(LOAD)
    yield engine
    engine.close()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def model():
    return smollm.load()


@pytest.fixture
def draw():
    """Random numbers whose seed is printed when the test fails."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    return random.Random(seed)


ALPHABETS = [
    "abcdefghij KLMNOP",
    "éüßñøåçœ ÀÎÕ",
    "абвгд еёжз",
    "αβγδ εζη",
    "אבגד הוז",
    "العربية نص",
    "हिन्दी देव",
    "ไทย ภาษา",
    "中文漢字 日本語かなカナ",
    "한국어 단어",
    "0123456789",
    "٠١٢३४५½²Ⅷ৪𝟘①",
    "!?.,;:'\"()[]{}<>@#$%^&*-_=+/\\|~`",
    " \t\n\r\v\f\u00a0\u0085\u2028\u3000\ufeff\u200b",
    "\x00\x01\x07\x1b\x1c\x1f\x7f\u0090\u200e\u200f\u202e\u2066",
    "\ud800\udbff\udc00\udfff",
    "𝒳𐍈𠜎🜁",
    "e\u0301a\u0308o\u0302\u0327",
    "\U0001f600\U0001f44d\U0001f3fd\u200d\u2640\ufe0f\U0001f1e9\U0001f1ea",
]
PIECES = [
    "<|endoftext|>",
    "<|im_start|>user\n",
    "<|im_end|>",
    "<script>alert('x')</script>",
    "<b>bold</b> &amp; ",
    "def f(x):\n    return x ** 2\n",
    "for (let i = 0; i < n; i++) {\n\t\ta[i] += 1;\n}",
    "The cat's they're I'll we'd I'm it's you've DON'T ",
    "https://example.org/a?b=c&d=%20",
    "3.14159 1,000,000 2024-05-17 0x1F",
    "     ",
    "\n\n\n",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    " Once upon a time, there was",
    "Der schnelle braune Fuchs springt ",
]


def some_text(draw, longest=12):
    """Mix pieces of several scripts and kinds."""
    parts = []
    for _ in range(draw.randint(1, longest)):
        kind = draw.random()
        if kind < 0.4:
            parts.append(draw.choice(PIECES))
        elif kind < 0.9:
            alphabet = draw.choice(ALPHABETS)
            parts.append("".join(draw.choices(alphabet, k=draw.randint(1, 10))))
        else:
            point = draw.choice([draw.randrange(0x3000), draw.randrange(0x20000)])
            parts.append(chr(point))
    return "".join(parts)


def units(text):
    """UTF-16, so that half surrogate pairs survive the way to the engine."""
    return np.frombuffer(text.encode("utf-16-le", "surrogatepass"), "<u2").tolist()


def test_tokens_are_those_of_python(engine, model, draw):
    texts = ["", *(some_text(draw) for _ in range(400))]
    script = """(texts) => texts.map(fromUnits).map((text) => {
        const ids = lm.encode(text);
        return [ids, lm.decode(ids), lm.tokens(ids), lm.decode(ids.slice(1, -1))];
    })"""
    tokenizer = model.tokenizer
    for text, result in zip(texts, engine.evaluate(script, [units(t) for t in texts]), strict=True):
        ids = tokenizer.encode(text)
        expected = [ids, tokenizer.decode(ids), tokenizer.tokens(ids), tokenizer.decode(ids[1:-1])]
        assert result == expected, repr(text)


def test_every_character_gives_the_tokens_of_python(engine, model):
    """Also those that one of the two, of an older Unicode, does not know as letters or digits."""
    points = [p for p in range(0x30000) if not 0xD800 <= p < 0xE000]
    pieces = """async (points) => {
        const { split } = await import("/lmkit/engine/bpe.mjs");
        return points.map((p) => String.fromCodePoint(p)).map((c) => split(`a ${c}b${c} `).length);
    }"""
    pattern = model.tokenizer._split
    texts = [f"a {chr(p)}b{chr(p)} " for p in points]
    found = zip(texts, engine.evaluate(pieces, points), strict=True)
    differing = [text for text, n in found if n != len(pattern.findall(text))]
    assert len(differing) < 0.02 * len(points)
    ids = engine.evaluate("(texts) => texts.map((text) => lm.encode(text))", differing)
    assert ids == [model.tokenizer.encode(text) for text in differing]


@pytest.mark.parametrize("text", ["a", "Ω", " ", "<", "7", "ab!"])
def test_long_texts_without_spaces(engine, model, text):
    many = text * (100_000 // len(text))
    found = engine.evaluate(
        """(text) => { const start = performance.now(); const ids = lm.encode(text);
        return [performance.now() - start, ids, lm.decode(ids) === text]; }""",
        many,
    )
    assert found[1:] == [model.tokenizer.encode(many), True]
    assert found[0] < 20_000  # an algorithm that is quadratic takes minutes


def test_chat_template(engine, model, draw):
    texts = [some_text(draw) for _ in range(20)]
    found = engine.evaluate(
        """(texts) => texts.map(fromUnits).map((content) => [lm.chatIds(content),
        lm.chatIds([{ role: "system", content }, { role: "user", content: "Hi" }])])""",
        [units(text) for text in texts],
    )
    for text, (alone, with_system) in zip(texts, found, strict=True):
        messages = [{"role": "system", "content": text}, {"role": "user", "content": "Hi"}]
        assert alone == model.chat_ids(text)
        assert with_system == model.chat_ids(messages)
    stop = sorted(model.stop_ids)
    assert engine.evaluate("[lm.startId, ...lm.stopIds]") == [model.start_id, *stop]


def forward(engine, ids, **options):
    """All results of the engine, as arrays."""
    engine.evaluate(
        """async ([ids, options]) => {
            const out = lm.forward(ids, { all: true, attentions: true, hidden: true, ...options });
            for (const [name, array] of Object.entries(out)) await send(name, array);
        }""",
        [ids, options],
    )
    return {name: np.frombuffer(data, "<f4") for name, data in Handler.received.items()}


def compare(ours, theirs, config, n):
    """How far apart two results of n tokens are; log P of the likeliest 20 tokens."""
    log_p = torch.tensor(ours["logits"]).view(n, -1).log_softmax(-1)
    expected = theirs.logits.log_softmax(-1)
    likely = expected.topk(20).indices
    attn = torch.tensor(ours["attentions"]).view(config.n_layer, config.n_head, n, n)
    hidden = torch.tensor(ours["hidden"]).view(config.n_layer + 1, n, -1)
    gap = (hidden - theirs.hidden_states).norm(dim=-1) / theirs.hidden_states.norm(dim=-1)
    return {
        "top-1 that differ": (log_p.argmax(-1) != expected.argmax(-1)).sum().item(),
        "log p": (log_p.gather(1, likely) - expected.gather(1, likely)).abs().max().item(),
        "attention": (attn - theirs.attentions).abs().max().item(),
        "hidden": gap.max().item(),
    }


@pytest.fixture(autouse=True)
def one_thread():
    """The browser has the processor's other half; torch's second thread would wait for it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_numbers_are_those_of_torch(engine, model, draw):
    found, n_position = [], 0
    for _ in range(30):
        ids = [model.start_id, *model.tokenizer.encode(some_text(draw, 6))][: draw.randint(8, 40)]
        n_position += len(ids)
        with torch.inference_mode():
            theirs = model(ids, attentions=True)
        found.append(compare(forward(engine, ids), theirs, model.config, len(ids)))
    worst = {name: max(one[name] for one in found) for name in found[0]}
    differing = sum(one["top-1 that differ"] for one in found)
    print(f"{n_position} positions, {differing} top-1 differ; at worst {worst}")
    assert n_position > 300
    assert differing <= 0.001 * n_position + 1  # one may be a draw between two tokens
    assert worst["log p"] <= 0.01
    assert worst["attention"] <= 1e-3
    assert worst["hidden"] <= 1e-3


def test_a_cache_changes_no_numbers(engine, model, draw):
    """Reading 30 tokens at once, in two parts, and one by one gives the same.

    Two parts to the last bit, since both go the way of many tokens, floats; one by one to the
    rounding of int16, of which the worst of 49,152 logits had 1.8e-3 in one of many random texts.
    """
    ids = [model.start_id, *draw.sample(range(model.config.vocab_size), 29)]
    found = engine.evaluate(
        """(ids) => {
            const last = ({ logits }) => logits.slice(-lm.config.vocab_size);
            const whole = lm.forward(ids).logits;
            const all = last(lm.forward(ids, { all: true }));
            lm.forward(ids.slice(0, 13));
            const part = lm.forward(ids.slice(13), { past: 13, all: true, attentions: true });
            let one;
            ids.forEach((id, past) => (one = lm.forward([id], { past }).logits));
            const gap = (a, b) => Math.max(...a.map((z, i) => Math.abs(z - b[i])));
            return [gap(last(part), all), gap(one, whole), part.attentions.length];
        }""",
        ids,
    )
    heads = model.config.n_layer * model.config.n_head
    assert found[2] == heads * 17 * 30
    assert found[0] == 0
    assert found[1] < 5e-3


def test_heads_switched_off_are_those_of_torch(engine, model, draw):
    """Also in a text of more than one slice; the next run has all heads again."""
    for n in (12, 140):
        ids = [model.start_id, *draw.sample(range(model.config.vocab_size), n - 1)]
        off = [(draw.randrange(30), draw.randrange(9)) for _ in range(3)]
        script = """([ids, ablate]) => {
            const before = lm.forward(ids).logits;
            const without = lm.forward(ids, { ablate }).logits;
            const after = lm.next(ids);
            return [[...without], before.every((z, i) => z === after[i])];
        }"""
        ours, whole = engine.evaluate(script, [ids, off])
        with torch.inference_mode():
            theirs = model(ids, attentions=False, ablate=off).logits[-1].log_softmax(-1)
        gap = torch.tensor(ours).log_softmax(-1) - theirs
        assert gap[theirs.topk(20).indices].abs().max() <= 0.01
        assert whole  # the cache of such a run serves no other


def test_all_results_without_heads_are_those_of_torch(engine, model):
    ids = [model.start_id, *model.tokenizer.encode("The capital of France is")]
    off = [[23, 4], [1, 3]]
    engine.evaluate(
        """async ([ids, ablate]) => {
            const out = lm.forward(ids, { ablate, all: true, attentions: true, hidden: true });
            for (const [name, array] of Object.entries(out)) await send(name, array);
        }""",
        [ids, off],
    )
    ours = {name: np.frombuffer(data, "<f4") for name, data in Handler.received.items()}
    with torch.inference_mode():
        found = compare(ours, model(ids, ablate=off), model.config, len(ids))
    assert found["log p"] <= 0.01
    assert max(found["attention"], found["hidden"]) <= 1e-3


def edited(model, ids, edits):
    """What torch gives when vectors are put into the stream before some layers."""

    def hook(edit):
        def change(_module, inputs):
            x = inputs[0].clone()
            at = edit.get("position", slice(None))
            x[at] = torch.tensor(edit["vector"]) + (x[at] if edit.get("add") else 0)
            return (x, *inputs[1:])

        return change

    parts = [*model.blocks, model.norm]
    hooks = [parts[edit["layer"]].register_forward_pre_hook(hook(edit)) for edit in edits]
    with torch.no_grad():
        out = model(ids, attentions=True)
    for one in hooks:
        one.remove()
    return out


def some_edits(model, draw, n):
    """A patch from another text, a vector added everywhere, one at a place before the last norm."""
    with torch.inference_mode():
        other = model([model.start_id, *draw.sample(range(1000), 4)]).hidden_states
    d = model.config.n_embd
    return [
        {"layer": 12, "position": draw.randrange(1, n), "vector": other[12, 3].tolist()},
        {"layer": 7, "vector": [draw.gauss(0, 0.5) for _ in range(d)], "add": True},
        {"layer": 30, "position": n - 1, "vector": [draw.gauss(0, 5) for _ in range(d)]},
        {"layer": 0, "position": n - 2, "vector": [draw.gauss(0, 0.1) for _ in range(d)]},
    ]


def test_edits_of_the_stream_are_those_of_torch(engine, model, draw):
    """Also in a text of more than one slice; the next run has none of them."""
    for n in (5, 20, 140):
        ids = [model.start_id, *draw.sample(range(model.config.vocab_size), n - 1)]
        edits = some_edits(model, draw, n)
        script = """([ids, edits]) => {
            const before = lm.forward(ids).logits;
            const changed = lm.forward(ids, { edits }).logits;
            const after = lm.next(ids);
            return [[...changed], before.every((z, i) => z === after[i])];
        }"""
        ours, whole = engine.evaluate(script, [ids, edits])
        theirs = edited(model, ids, edits).logits[-1].log_softmax(-1)
        gap = torch.tensor(ours).log_softmax(-1) - theirs
        assert gap[theirs.topk(20).indices].abs().max() <= 0.01, n
        assert whole


def test_hidden_states_show_the_edits(engine, model, draw):
    ids = [model.start_id, *draw.sample(range(model.config.vocab_size), 11)]
    edits = some_edits(model, draw, len(ids))
    ours = forward(engine, ids, edits=edits)
    theirs = edited(model, ids, edits)
    for edit in edits:  # torch gives what came into a layer before it was changed
        if edit["layer"] < model.config.n_layer:
            x = theirs.hidden_states[edit["layer"]]
            at = edit.get("position", slice(None))
            x[at] = torch.tensor(edit["vector"]) + (x[at] if edit.get("add") else 0)
    found = compare(ours, theirs, model.config, len(ids))
    assert found["log p"] <= 0.01
    assert max(found["attention"], found["hidden"]) <= 1e-3


def test_the_lens_is_that_of_torch(engine, model, draw):
    """The norm and the unembedding of hidden states of any layer; the cache is left alone."""
    ids = [model.start_id, *draw.sample(range(model.config.vocab_size), 9)]
    script = """async (ids) => {
        const { hidden } = lm.forward(ids, { hidden: true });
        const D = lm.config.n_embd;
        const last = Array.from({ length: 30 }, (_, l) => [...hidden.subarray(
            (l * ids.length + ids.length - 1) * D, (l + 1) * ids.length * D)]).flat();
        await send("lens", lm.lens(last));
        await send("few", lm.lens(last.slice(0, 3 * D)));
        return lm.seen;
    }"""
    assert engine.evaluate(script, ids) == ids
    with torch.inference_mode():
        theirs = model._logits(model.norm(model(ids).hidden_states[:-1, -1])).log_softmax(-1)
    for name in ("lens", "few"):
        ours = torch.tensor(np.frombuffer(Handler.received[name], "<f4"))
        ours = ours.view(-1, model.config.vocab_size).log_softmax(-1)
        expected = theirs[: len(ours)]
        likely = expected.topk(20).indices
        gap = (ours.gather(1, likely) - expected.gather(1, likely)).abs().max()
        assert gap <= 0.01, name


def test_head_outputs_are_those_of_torch(engine, model, draw):
    for n in (4, 24):
        ids = [model.start_id, *draw.sample(range(model.config.vocab_size), n - 1)]
        script = """async (ids) => {
            const { headOutputs } = lm.forward(ids, { headOutputs: true });
            await send("headOutputs", headOutputs);
        }"""
        engine.evaluate(script, ids)
        with torch.inference_mode():
            theirs = model.head_outputs(model(ids, attentions=True))
        ours = np.frombuffer(Handler.received["headOutputs"], "<f4")
        gap = torch.tensor(ours).view(theirs.shape) - theirs
        assert (gap.norm(dim=-1) / theirs.norm(dim=-1).amax(1, keepdim=True)).max() <= 1e-3


def test_a_steered_text_is_that_of_whole_runs(engine, draw):
    """With the cache of the steered run, which the next text without steering does not use."""
    script = """(seed) => {
        const ids = [lm.startId, ...lm.encode("The old lighthouse")];
        const { hidden } = lm.forward([lm.startId, ...lm.encode(" love")], { hidden: true });
        const D = lm.config.n_embd;
        const vector = hidden.slice((12 * 2 + 1) * D, (12 * 2 + 2) * D).map((x) => x / 2);
        const edits = [{ layer: 12, vector, add: true }];
        const options = { maxNewTokens: 12, seed, topK: 20 };
        const write = (more) =>
            [...lm.generate(ids, { ...options, ...more })].map(({ id }) => id);
        const [plain, steered, again] = [write({}), write({ edits }), write({})];
        const by = [...ids];
        const rightAt = steered.map((id) => {
            const next = lm.forward(by, { edits }).logits;
            const top = engine.distribution(next, { topK: 20 }).ids;
            by.push(id);
            return top.includes(id);
        });
        return [plain, steered, again, rightAt];
    }"""
    plain, steered, again, right = engine.evaluate(script, draw.randrange(2**31))
    assert plain == again != steered
    assert sum(right) >= len(right) - 1  # a token on the edge of the 20 may fall out by rounding


def test_scores_are_log_probs(engine, model, draw):
    text = " ".join(some_text(draw) for _ in range(12))
    ids = [model.start_id, *model.tokenizer.encode(text)][:300]
    assert len(ids) > 128  # more than one slice
    ours = engine.evaluate("(ids) => [...lm.scores(ids)]", ids)
    with torch.inference_mode():
        expected = model(ids, attentions=False).logits.log_softmax(-1)
    theirs = expected[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0].tolist()
    assert ours == pytest.approx(theirs, abs=0.02, rel=1e-3)  # some tokens have log p below -20


PROMPTS = [
    "Once upon a time",
    "The capital of France is",
    "def fibonacci(n):\n",
    "To be, or not to be, that is the",
    "Water boils at",
    "Die Katze sitzt auf",
    "1, 2, 3, 4,",
    "The doctor said that",
]


def test_greedy_generation_is_that_of_torch(engine, model, draw):
    for text in draw.sample(PROMPTS, 4):
        ids = [model.start_id, *model.tokenizer.encode(text)]
        script = """(ids) => [...lm.generate(ids, { maxNewTokens: 40, temperature: 0 })]"""
        ours = engine.evaluate(script, ids)
        theirs = list(model.generate_ids(ids, 40, temperature=0))
        assert [token["id"] for token in ours] == theirs, text
        assert "".join(token["text"] for token in ours) == model.tokenizer.decode(theirs)
        with torch.inference_mode():
            logits = model([*ids, *theirs], attentions=False).logits[len(ids) - 1 : -1]
        p = logits.softmax(-1).gather(1, torch.tensor(theirs)[:, None])[:, 0].tolist()
        assert [token["p"] for token in ours] == pytest.approx(p, abs=0.005)


def test_a_chat_ends_with_a_stop_token(engine, model):
    ids = model.chat_ids("Say hello.")
    script = "(ids) => [...lm.generate(ids, { maxNewTokens: 200, temperature: 0 })]"
    ours = [token["id"] for token in engine.evaluate(script, ids)]
    assert ours == list(model.generate_ids(ids, 200, temperature=0))
    assert 0 < len(ours) < 200


def test_a_seed_repeats_a_text_and_another_does_not(engine):
    script = """(seed) => [...lm.generate([lm.startId], { maxNewTokens: 20, seed, topP: 0.95,
        temperature: 1.2 })].map(({ id }) => id)"""
    first, again, other = (engine.evaluate(script, seed) for seed in (7, 7, 8))
    assert first == again != other


TOGETHER = """([text, chat, options]) => {
    const ids = chat ? lm.chatIds(text) : [lm.startId, ...lm.encode(text)];
    lm.forward([9]); // nothing of these texts is in the cache, whatever tests ran before
    const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
    const runs = seeds.map(() => []);
    for (const { run, ...step } of lm.generateMany(ids, { seeds, ...options })) {
        runs[run].push(step);
        if (options.disturb) lm.forward([7, 8, 9]);
    }
    const alone = seeds.map((seed) => [...lm.generate(ids, { seed, ...options })]);
    return [runs, alone];
}"""


def compare_runs(runs, alone):
    for ours, theirs in zip(runs, alone, strict=True):
        assert [(step["id"], step["text"]) for step in ours] == [
            (step["id"], step["text"]) for step in theirs
        ]
        ours, theirs = ([step["p"] for step in steps] for steps in (ours, theirs))
        assert ours == pytest.approx(theirs, abs=0.005)


def test_texts_written_together_are_those_written_alone(engine):
    options = {"maxNewTokens": 40, "temperature": 0.9, "topK": 50}
    runs, alone = engine.evaluate(TOGETHER, ["Once upon a time", False, options])
    compare_runs(runs, alone)
    assert len({tuple(step["id"] for step in run) for run in runs}) == 8


def test_some_of_the_texts_written_together_end_early(engine):
    options = {"maxNewTokens": 30, "temperature": 0.7}
    runs, alone = engine.evaluate(TOGETHER, ["Say hello.", True, options])
    compare_runs(runs, alone)
    lengths = {len(run) for run in runs}
    assert len(lengths) > 1 and min(lengths) < 30


def test_texts_written_together_with_others_in_between(engine):
    """The cache is used by another text after each step, and a vector is added everywhere."""
    vector = [0.3 if i % 7 == 0 else -0.05 for i in range(576)]
    edits = [{"layer": 9, "vector": vector, "add": True}]
    for more in ({"disturb": True}, {"edits": edits}, {"ablate": [[9, 3], [12, 1]]}):
        options = {"maxNewTokens": 6, "topK": 50, **more}
        runs, alone = engine.evaluate(TOGETHER, ["The old lighthouse", False, options])
        compare_runs(runs, alone)
    none = engine.evaluate("[...lm.generateMany([1], { seeds: [1, 2], maxNewTokens: 0 })].length")
    assert none == 0


def test_sampling_follows_the_probabilities(engine, draw):
    """The share of each token in many draws is its probability, within chance."""
    script = """(seed) => {
        const logits = lm.forward([lm.startId, ...lm.encode("She opened the")]).logits;
        const { ids, probabilities } = engine.distribution(logits, { topK: 5, temperature: 0.8 });
        let state = seed;
        const u = () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
        const counts = ids.map(() => 0);
        for (let i = 0; i < 20000; i++) {
            counts[ids.indexOf(engine.draw({ ids, probabilities }, u()))]++;
        }
        return [counts.map((n) => n / 20000), probabilities];
    }"""
    shares, probabilities = engine.evaluate(script, draw.randrange(2**31))
    assert len(shares) == 5
    assert sum(probabilities) == pytest.approx(1)
    assert shares == pytest.approx(probabilities, abs=0.02)


def test_many_generations_take_no_more_memory(engine):
    found = engine.evaluate("""() => {
        const write = () => [...lm.generate([lm.startId, 504], { maxNewTokens: 2, topK: 40 })];
        lm.forward(Array(64).fill(5), { all: true, attentions: true, hidden: true });
        write();
        const before = lm.memory.buffer.byteLength;
        for (let i = 0; i < 200; i++) write();
        return [before, lm.memory.buffer.byteLength, lm.seen.length];
    }""")
    assert found[0] == found[1] < 200e6
    assert found[2] <= 4


@pytest.mark.parametrize(
    "call",
    [
        "lm.forward([])",
        "lm.forward([-1])",
        "lm.forward([1.5])",
        "lm.forward([49152])",
        "lm.forward(Array(513).fill(1))",
        "lm.forward(Array(129).fill(1), { all: true })",
        "lm.forward(Array(129).fill(1), { attentions: true })",
        "lm.forward([1], { past: 400 })",
        "lm.forward([1], { past: -1 })",
        "lm.forward([1], { past: 0.5 })",
        "lm.scores(Array(600).fill(1))",
        "lm.generate([1], { maxNewTokens: 512 })",
        "lm.generate([1], { maxNewTokens: -1 })",
        "lm.generate([], {})",
        "lm.generateMany([1], { seeds: [] })",
        "lm.generateMany([1], { seeds: 3 })",
        "lm.generateMany([1], { seeds: [1, '2'] })",
        "lm.generateMany([1], { seeds: Array(8).fill(1), maxNewTokens: 64 })",
        "lm.generate([1], { temperature: -1 })",
        "lm.generate([1], { temperature: NaN })",
        "lm.generate([1], { topK: 1.5 })",
        "lm.generate([1], { topP: 0 })",
        "lm.forward([1], { ablate: [[30, 0]] })",
        "lm.forward([1], { ablate: [[0, 1.5]] })",
        "lm.forward([1], { ablate: [3] })",
        "lm.forward([1], { ablate: 3 })",
        "lm.forward([1], { past: 1, ablate: [[0, 0]] })",
        "lm.forward([1], { edits: 3 })",
        "lm.forward([1], { edits: [null] })",
        "lm.forward([1], { edits: [{ layer: 31, vector: Array(576).fill(0) }] })",
        "lm.forward([1], { edits: [{ layer: 0, position: 1, vector: Array(576).fill(0) }] })",
        "lm.forward([1], { edits: [{ layer: 0, vector: [1, 2] }] })",
        "lm.forward([1], { edits: [{ layer: 0, vector: Array(576).fill(NaN) }] })",
        "lm.generate([1], { edits: [{ layer: 0 }] })",
        "lm.forward(Array(33).fill(1), { headOutputs: true })",
        "lm.lens([])",
        "lm.lens('a')",
        "lm.lens(Array(577).fill(0))",
        "lm.lens(Array(129 * 576).fill(0))",
        "lm.chatIds([])",
        "lm.chatIds([{ role: 'me', content: 'Hi' }])",
        "lm.chatIds([{ role: 'user', content: 3 }])",
        "lm.decode([99999])",
        "new engine.ModelBuilder(0)",
        "new engine.ModelBuilder(2 ** 40)",
        "new engine.ModelBuilder(10).write(5, new Uint8Array(6))",
        "new engine.ModelBuilder(10).write(-1, new Uint8Array(1))",
    ],
)
def test_limits_are_sentences(engine, call):
    script = f"""() => {{
        lm.forward([1, 2, 3]);
        try {{ {call}; }} catch (error) {{ return [error.constructor.name, error.message]; }}
    }}"""
    kind, message = engine.evaluate(script)
    assert kind == "Error"
    assert re.fullmatch(SENTENCE, message), message
    assert engine.evaluate("lm.forward([1]).logits.every(Number.isFinite)")


SPOIL = """async ([how, seed]) => {
    const bytes = gguf.slice();
    const view = new DataView(bytes.buffer);
    const at = (text) => {
        const wanted = new TextEncoder().encode(text);
        let i = 0;
        while (!wanted.every((byte, j) => bytes[i + j] === byte)) i++;
        return i + wanted.length;
    };
    let parts = [bytes];
    const ways = {
        "cut short": () => (parts = [bytes.subarray(0, 50_000_000)]),
        "cut in the vocabulary": () => (parts = [bytes.subarray(0, 100_000)]),
        "empty": () => (parts = []),
        "of another kind": () => (bytes[0] = 0),
        "of a new version": () => view.setUint32(4, 9, true),
        "of endless tensors": () => view.setBigUint64(8, 2n ** 60n, true),
        "of endless settings": () => view.setBigUint64(16, 2n ** 63n, true),
        "of a billion layers": () => view.setUint32(at("llama.block_count") + 4, 1e9, true),
        "of no layers": () => view.setUint32(at("llama.block_count") + 4, 0, true),
        "of seven heads": () => view.setUint32(at("llama.attention.head_count") + 4, 7, true),
        "of many words": () => view.setBigUint64(at("tokenizer.ggml.tokens") + 8, 2n ** 40n, true),
        "of wide layers": () => view.setBigUint64(at("blk.3.ffn_up.weight") + 4, 2n ** 50n, true),
        "of another format": () => view.setUint32(at("blk.3.ffn_up.weight") + 20, 2, true),
        "of far tensors": () => view.setBigUint64(at("blk.3.ffn_up.weight") + 24, 2n ** 62n, true),
    };
    ways[how]();
    try {
        await engine.Model.create(parts, wasm);
    } catch (error) {
        return [error.constructor.name, error.message];
    }
}"""
WAYS = re.findall(r'"([^"]+)": \(\) =>', SPOIL)


@pytest.mark.parametrize("how", WAYS)
def test_a_spoilt_file_is_refused_in_a_sentence(engine, how):
    kind, message = engine.evaluate(SPOIL, [how, 0])
    assert kind == "Error"
    assert re.fullmatch(SENTENCE, message), message


def test_a_file_of_noise_does_no_harm(engine, draw):
    """Bytes changed at random are refused in a sentence, or make a model that runs to its end."""
    script = """async (seed) => {
        let state = seed;
        const random = (n) => (state = (state * 1103515245 + 12345) % 2 ** 31) % n;
        const bytes = gguf.slice();
        for (let i = 0; i < 20; i++) bytes[random(2_000)] = random(256);
        for (let i = 0; i < 1000; i++) bytes[1_700_000 + random(20_000)] = random(256);
        for (let i = 0; i < 100_000; i++) bytes[2_000_000 + random(90_000_000)] = random(256);
        try {
            const spoilt = await engine.Model.create(bytes, wasm);
            const text = [...spoilt.generate([spoilt.startId], { maxNewTokens: 3 })];
            return `It wrote ${text.length} tokens.`;
        } catch (error) {
            return error.message;
        }
    }"""
    for _ in range(8):
        message = engine.evaluate(script, draw.randrange(2**31))
        assert re.fullmatch(SENTENCE, message), message


def test_the_file_may_come_in_any_order(engine):
    found = engine.evaluate("""async () => {
        const builder = new engine.ModelBuilder(gguf.length);
        const middle = 50_000_001;
        builder.write(middle, gguf.subarray(middle));
        const early = await builder.finish(wasm).catch((error) => error.message);
        builder.write(0, gguf.subarray(0, middle));
        const other = await builder.finish(wasm, { context: 64, attention: 16 });
        const [ours, theirs] = [lm, other].map((model) => model.forward([0, 504]).logits);
        const same = ours.every((z, i) => z === theirs[i]);
        try { other.forward(Array(17).fill(1), { attentions: true }); }
        catch (error) { return [early, same, other.limits, error.message]; }
    }""")
    assert re.fullmatch(SENTENCE, found[0])
    assert found[1:3] == [True, {"context": 64, "attention": 16, "all": 128, "headOutputs": 32}]
    assert "16" in found[3]


def test_the_wasm_is_what_the_c_compiles_to(tmp_path, monkeypatch):
    """Also when it is compiled in another folder."""
    build.check()
    copy = tmp_path / "a longer name" / "engine"
    copy.mkdir(parents=True)
    shutil.copy(build.ENGINE / "lm.c", copy)
    original = (build.ENGINE / "lm.wasm").read_bytes()
    monkeypatch.setattr(build, "ENGINE", copy)
    build.build()
    assert (copy / "lm.wasm").read_bytes() == original
    (copy / "lm.c").write_text(
        (copy / "lm.c").read_text() + "\nEXPORT(more) int more(void) { return 1; }\n"
    )
    with pytest.raises(RuntimeError, match=r"lm\.wasm is not what lm\.c compiles to"):
        build.check()

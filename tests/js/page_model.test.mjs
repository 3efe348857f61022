import { localModel } from "../../book/site/host.mjs";
import { obstacle, PageModel } from "../../book/site/model.mjs";
import { likeliest, lowerTriangles } from "../../lmkit/engine/reply.mjs";
import { compare } from "../../lmkit/widgets/attention_map/answer.mjs";
import { pack } from "../../lmkit/widgets/next_token/answer.mjs";
import * as nextToken from "../../lmkit/widgets/next_token/view.mjs";
import { close, closeAll, equal, inBrowser, test } from "./harness.mjs";

// ------------------------------------------------------------ what is answered

test("the likeliest come first, of equals the first", () => {
  equal(likeliest([1, 3, 2, 3, 0], 3), [1, 3, 2]);
  equal(likeliest(new Float32Array([1, 1, 1, 1]), 2), [0, 1]);
  equal(likeliest([1], 3), [0]);
});

test("a packed distribution is the whole one again", () => {
  const logits = Float32Array.from({ length: 500 }, (_, i) => Math.sin(i * i) * 4);
  const node = pack(logits);
  const weights = Array.from(logits, (z) => Math.exp(z / 0.7));
  const total = weights.reduce((a, b) => a + b);
  const { p, rest } = nextToken.distribution(node, 0.7);
  const expected = node.i.map((id) => weights[id] / total);
  closeAll(p, expected, 1e-4);
  close(rest, 1 - p.reduce((a, b) => a + b), 1e-9);
});

test("a packed nucleus that reaches beyond what is stored has its size", () => {
  const uniform = pack(new Float32Array(99)); // the fewest that reach a half are 50
  equal(nextToken.distribution(uniform, 1, 0, 0.5).kept, 50);
  const few = pack(Float32Array.from({ length: 20 }, (_, i) => -5 * i));
  equal(few.n, [[], [], [], [], [], [], []]);
});

test("maps are kept as their lower triangles, a byte a weight", () => {
  const two = [1, 0, 0.5, 0.5, 1, 0, 0.2, 0.8];
  equal([...lowerTriangles(two, 2)], [255, 128, 128, 255, 51, 204]);
  equal([...lowerTriangles([1], 1)], [255]);
});

// ------------------------------------------------------------------ the page

const root = new URL("http://127.0.0.1/book/");
const spec = {
  bytes: 10,
  sha256: "0123456789abcdef0123",
  parts: [{}],
  worker: "w.js",
  wasm: "l.wasm",
};
const refusal = (promise) =>
  promise.then(
    () => "",
    (error) => error.message,
  );

test("what hinders the model is said in a sentence", () => {
  const all = { Worker: class {}, WebAssembly: {} };
  equal(obstacle(spec, root, all), "");
  equal(/built without/.test(obstacle(null, root, all)), true);
  equal(/make serve/.test(obstacle(spec, new URL("file:///book/"), all)), true);
  equal(/newer browser/.test(obstacle(spec, root, {})), true);
});

test("a model that cannot be there says so to whoever asks", async () => {
  const model = new PageModel(null, root);
  equal([model.state, await model.cached], ["unavailable", false]);
  for (const promise of [model.load(), model.encode("x")])
    equal(await refusal(promise), model.message);
});

inBrowser("a model that is not loaded names the way to load it", async () => {
  const model = new PageModel(spec, root);
  equal([model.state, model.bytes, await model.cached], ["absent", 10, false]);
  equal(await refusal(model.encode("x")), "Load the model first: await lmkit.model.load().");
  equal(
    await refusal(model.generate("x").next()),
    "Load the model first: await lmkit.model.load().",
  );
  equal(await refusal(model.load(null, AbortSignal.abort())), "The request was dropped.");
});

/** Run `fn` with a Worker that answers when told to. */
async function withWorker(fn) {
  const [sent, real] = [[], globalThis.Worker];
  const state = { sent, worker: null };
  globalThis.Worker = class {
    constructor() {
      state.worker = this;
    }
    postMessage(request) {
      sent.push(request);
    }
    terminate() {
      this.ended = true;
    }
  };
  try {
    const model = new PageModel(spec, root);
    const loading = model.load();
    state.worker.onmessage({ data: { reply: { kept: false } } });
    await loading;
    sent.length = 0;
    await fn(model, state);
  } finally {
    globalThis.Worker = real;
  }
}

test("one request at a time, and of each widget the newest", () =>
  withWorker(async (model, { sent, worker }) => {
    const [a, b] = [{}, {}];
    const reply = (value) => worker.onmessage({ data: { reply: value } });
    const asked = [
      [1, a],
      [2, a],
      [3, b],
      [4, a],
    ].map(([n, owner]) => model.ask({ kind: "x", n }, owner).catch(({ name }) => name));
    equal(
      sent.map(({ n }) => n),
      [1],
    );
    ["one", "three", "four"].forEach(reply);
    equal(await Promise.all(asked), ["one", "AbortError", "three", "four"]);
    equal(
      sent.map(({ n }) => n),
      [1, 3, 4],
    );
  }));

test("where nothing is kept, the model is there and says so", () =>
  withWorker(async (model) => {
    equal([model.state, /downloaded again/.test(model.message)], ["ready", true]);
  }));

test("what waits for a model that is removed is told", () =>
  withWorker(async (model, { worker }) => {
    const asked = [model.encode("a"), model.encode("b")].map((promise) =>
      promise.catch(({ name }) => name),
    );
    await model.remove();
    equal(await Promise.all(asked), ["AbortError", "AbortError"]);
    equal([worker.ended, model.state], [true, "absent"]);
  }));

test("a Worker that dies is a sentence, and can be loaded again", () =>
  withWorker(async (model, { worker }) => {
    const asked = refusal(model.encode("a"));
    worker.onerror({ message: "out of memory", preventDefault() {} });
    equal(await asked, model.message);
    equal([model.state, /load it again/.test(model.message)], ["failed", true]);
  }));

test("leaving the loop ends the run", () =>
  withWorker(async (model, { sent, worker }) => {
    worker.postMessage = (request) => {
      sent.push(request.kind);
      const reply = request.kind === "generate" ? 7 : { value: { text: "x" }, done: false };
      setTimeout(() => worker.onmessage({ data: { reply } }));
    };
    for await (const { text } of model.generate("a")) if (text) break;
    equal(sent, ["generate", "step", "stop"]);
  }));

test("two distributions are compared by the likeliest of both, as in Python", () => {
  const [p, q] = [
    [0.6, 0.3, 0.1, 0],
    [0, 0.3, 0.1, 0.6],
  ];
  equal(compare(p, q, 1), {
    moved: 0.6,
    next: [
      { i: 0, p: 0.6, q: 0 },
      { i: 3, p: 0, q: 0.6 },
    ],
  });
  equal(compare([0.5, 0.3, 0.2], [0.1, 0.3, 0.6], 1), {
    moved: 0.4,
    next: [
      { i: 2, p: 0.2, q: 0.6 },
      { i: 0, p: 0.5, q: 0.1 },
    ],
  });
});

test("a figure of another model is not answered by the page's", async () => {
  const page = Object.assign(new EventTarget(), {
    name: "SmolLM2-135M-Instruct",
    can: () => true,
    ask: async () => "the page's answer",
  });
  const handlers = new Map([["vectors", async () => "words"]]);
  const asked = (state, kind) => localModel(state, handlers, page).ask({ kind });
  equal(await asked({ model_name: page.name }, "next-token"), "the page's answer");
  equal(await asked({}, "next-token"), "the page's answer");
  for (const model_name of ["CharRNN", "GPT, 804 K parameters", ""]) {
    equal(localModel({ model_name }, handlers, page).can("next-token"), false);
    const refused = await asked({ model_name }, "next-token").catch((error) => error.message);
    equal(/needs the notebook and its kernel/.test(refused), true, refused);
    equal(await asked({ model_name }, "vectors"), "words");
  }
});

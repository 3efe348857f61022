// The Worker's side of lmkit.model (model.mjs): gets the model part by part, and answers requests
// one at a time. lmkit_site.py joins it with the engine and the kit to one script.
import { ModelBuilder, distribution, draw, logSoftmax, supported } from "../../lmkit/engine/model.mjs";
import { softmax } from "../../lmkit/widgets/kit.mjs";

// ------------------------------------------------------------------- loading

const LANES = 2; // parts fetched at once
const ATTEMPTS = 3;
const PAUSE = 300; // milliseconds before the second attempt, twice as long before the third
const REPORT_EVERY = 50; // milliseconds

const sayMissing = (status) => `A part of the model is missing on the site (${status}): whoever serves it can build it again.`;
const DAMAGED = "A part of the model arrives damaged: try again later.";
const BROKEN = "The connection broke off while the model was loading: load again, and what has arrived is kept.";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Get all parts, verified, and make the model of them.
 * @param {import("./model.mjs").Spec & {root: string, store: string}} request
 * @param {(bytes: number) => void} report how much has come so far
 * @returns {Promise<{model: Model, kept: boolean}>} `kept` is whether this browser has it now
 */
export async function load({ bytes, parts, root, store: name, wasm }, report) {
  const engine = fetched(new URL(wasm, root)).catch((error) => ({ error }));
  const builder = new ModelBuilder(bytes);
  const store = await Store.open(name);
  let done = 0;
  const came = (more) => report((done += more));
  await inLanes(placed(parts), LANES, async (part) => {
    const url = new URL(`model/${part.name}`, root).href;
    const stored = await store.get(url, part);
    const data = stored ?? (await download(url, part, store.works, came));
    if (stored) came(part.bytes);
    builder.write(part.offset, data);
    if (!stored) await store.put(url, data);
  });
  const module = await engine;
  if (module.error) throw module.error;
  return { model: await builder.finish(module), kept: store.works };
}

/** The parts with the place where each begins. */
function placed(parts) {
  let end = 0;
  return parts.map((part) => ({ ...part, offset: (end += part.bytes) - part.bytes }));
}

/**
 * Work through a list, some at a time. After a failure nothing new is begun, but what is under way
 * goes on to its end: a part that has half come would be lost otherwise.
 */
async function inLanes(items, count, work) {
  const queue = [...items];
  const lane = async () => {
    try {
      for (let item = queue.shift(); item; item = queue.shift()) await work(item);
    } catch (error) {
      queue.length = 0;
      throw error;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: count }, lane));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
}

/** Whole parts in Cache Storage; where the browser keeps nothing, it holds nothing. */
class Store {
  static async open(name) {
    const store = new Store();
    store.name = name;
    try {
      await forgetOlder(name);
      store.cache = await caches.open(name);
    } catch {
      store.cache = null; // storage is forbidden, or the page came by plain http
    }
    return store;
  }

  get works() {
    return this.cache !== null;
  }

  /** A part if it is there and whole; one that is damaged is deleted. */
  async get(url, part) {
    const response = await this.cache?.match(url).catch(() => undefined);
    const data = response && new Uint8Array(await response.arrayBuffer());
    if (data && (await isWhole(data, part))) return data;
    if (data) await this.cache?.delete(url);
    return undefined;
  }

  /** Keep a part; when there is no room, make room for the reader's other things. */
  async put(url, data) {
    try {
      await this.cache?.put(url, new Response(data));
    } catch {
      this.cache = null;
      await caches.delete(this.name).catch(() => {});
    }
  }
}

/** Delete what other versions of this site's model have left. */
async function forgetOlder(name) {
  const stem = name.slice(0, name.lastIndexOf(" ") + 1);
  const older = (await caches.keys()).filter((other) => other.startsWith(stem) && other !== name);
  await Promise.all(older.map((other) => caches.delete(other)));
}

/**
 * Whether a part is the one that was built. Over plain http browsers give no digests; there only
 * the size is compared: the page's own script could be altered on the way as well.
 */
async function isWhole(data, { bytes, sha256 }) {
  if (data.length !== bytes) return false;
  if (!globalThis.crypto?.subtle) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}

/** A part from the site, verified; what breaks is tried again. */
async function download(url, part, kept, came) {
  for (let attempt = 1; ; attempt++) {
    let got = 0;
    const count = (more) => ((got += more), came(more));
    try {
      const data = await receive(url, part.bytes, kept ? "no-store" : attempt > 1 ? "reload" : "default", count);
      if (await isWhole(data, part)) return data;
      throw new Error(DAMAGED);
    } catch (error) {
      came(-got);
      if (error.final || attempt === ATTEMPTS) throw error;
      await pause(PAUSE * attempt);
    }
  }
}

/** The bytes of an answer, at most `size`. Kept parts are not kept by the HTTP cache a second time. */
async function receive(url, size, cache, came) {
  const response = await fetched(url, cache, true);
  const data = new Uint8Array(size);
  const reader = response.body.getReader();
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => fail(BROKEN));
    if (done) return data.subarray(0, at);
    if (at + value.length > size) return reader.cancel().catch(() => {}), fail(DAMAGED);
    data.set(value, at);
    at += value.length;
    came(value.length);
  }
}

/** @returns {Promise<ArrayBuffer | Response>} its bytes, or with `open` the answer to read them from */
async function fetched(url, cache = "default", open = false) {
  const response = await fetch(url, { cache }).catch(() => fail(BROKEN));
  if (!response.ok) throw Object.assign(new Error(sayMissing(response.status)), { final: response.status < 500 });
  return open ? response : response.arrayBuffer();
}

function fail(sentence) {
  throw new Error(sentence);
}

// ------------------------------------------------------------------ requests
// What widgets ask gets the same answer as from their Python classes, within a rounding.

const MAX_CHARACTERS = 2000; // of NextToken's context
const MAX_MAP = 64; // tokens of an attention map, with the start
const MAX_FACTORS = 200; // tokens of ChainRule
const SLICE = 64; // tokens whose logits are held at once, 13 MB
const GUESSES = 5;
const RIVALS = 8;
const MAX_SENTENCES = 12; // of ContextualBank
const MAX_SENTENCE = 200; // its characters
const NAME = "SmolLM2-135M-Instruct";

const english = (n) => n.toLocaleString("en-US");
const rounded = (x) => Math.round(x * 1e4) / 1e4;

function asText(text) {
  return typeof text === "string" ? text : fail(`A text is a string, not ${typeof text}.`);
}

function asIds(ids) {
  return Array.isArray(ids) || ArrayBuffer.isView(ids) ? Array.from(ids) : fail("Token ids are an array of whole numbers.");
}

const chips = (model, ids) => model.tokens(ids).map((t, k) => ({ t, i: ids[k] }));
const begun = (model, text) => [model.startId, ...model.encode(asText(text))];

/** NextToken: the node after a text and the tokens appended to it. */
function nextToken(model, { text, path }) {
  const length = [...asText(text)].length;
  if (length > MAX_CHARACTERS) fail(`The context has ${english(length)} characters; here it may have ${english(MAX_CHARACTERS)}.`);
  const ids = begun(model, text);
  const node = pack(model.next([...ids, ...asIds(path)]));
  return { start: chips(model, ids.slice(1)), node: { t: model.tokens(node.i), ...node } };
}

export const TEMPERATURES = [0, 0.3, 0.5, 0.7, 1, 1.3, 1.6, 2];
export const TOP_PS = [1, 0.95, 0.9, 0.8, 0.5];
const STORED = 8;

/** What NextToken keeps of a distribution of logits (V,): `pack` of lmkit/widgets/next_token.py. */
export function pack(logits, stored = STORED) {
  const logP = Float64Array.from(logits).sort().reverse();
  const top = logP[0];
  const logZ = Math.log(logP.reduce((sum, z) => sum + Math.exp(z - top), 0)) + top;
  const node = { i: likeliest(logits, stored), l: Array.from(logP.subarray(0, stored), (z) => rounded(z - logZ)), r: [], n: [] };
  for (const temperature of TEMPERATURES.slice(1)) {
    const weights = logP.map((z) => Math.exp((z - logZ) / temperature));
    node.r.push(rounded(Math.log(sum(weights.subarray(stored)) || 1e-300)));
    node.n.push(nucleiBeyond(weights, stored));
  }
  return node;
}

const sum = (numbers) => numbers.reduce((total, x) => total + x, 0);

/** Size and mass beyond p of the nuclei (top-p) that reach beyond the stored tokens. */
function nucleiBeyond(weights, stored) {
  const total = sum(weights);
  const pairs = [];
  let [size, mass] = [0, 0];
  for (const p of TOP_PS.slice(1).reverse()) {
    while (mass / total < p && size < weights.length) mass += weights[size++];
    if (size > stored) pairs.unshift(size, Math.round((mass / total - p) * 1e5));
  }
  return pairs;
}

/** The places of the k greatest numbers, greatest first, of equals the first. */
export function likeliest(numbers, k) {
  const best = [];
  for (let i = 0; i < numbers.length; i++) {
    if (best.length === k && !(numbers[i] > numbers[best[k - 1]])) continue;
    let at = best.length;
    while (at > 0 && numbers[i] > numbers[best[at - 1]]) at--;
    best.splice(at, 0, i);
    best.length = Math.min(best.length, k);
  }
  return best;
}

/** ChainRule: each token's log probability given all before it, and what was expected there. */
function chainRule(model, { text }) {
  const ids = model.encode(asText(text));
  if (ids.length > MAX_FACTORS) fail(`The text has ${english(ids.length)} tokens; here it may have ${MAX_FACTORS}.`);
  const before = [model.startId, ...ids].slice(0, -1);
  const tokens = [];
  for (let past = 0; past < before.length; past += SLICE) {
    const part = before.slice(past, past + SLICE);
    const { logits } = model.forward(part, { past, all: true });
    const size = logits.length / part.length;
    part.forEach((_, t) => tokens.push(factor(model, logits.subarray(t * size, (t + 1) * size), ids[past + t])));
  }
  return { tokens };
}

function factor(model, logits, id) {
  const logZ = logits[id] - logSoftmax(logits, id);
  const guesses = likeliest(logits, GUESSES);
  const [token, ...alt] = chips(model, [id, ...guesses]).map((chip) => ({ ...chip, l: rounded(logits[chip.i] - logZ) }));
  return { ...token, alt };
}

/** AttentionMap: every layer's and head's weights of a text, a byte each. */
function attention(model, { text }) {
  const ids = begun(model, text);
  if (ids.length > MAX_MAP) fail(`The text has ${english(ids.length)} tokens with its start; a map may have ${MAX_MAP}.`);
  const { n_layer, n_head } = model.config;
  const { attentions } = model.forward(ids, { attentions: true });
  return { tokens: chips(model, ids), shape: [n_layer, n_head, ids.length], weights: lowerTriangles(attentions, ids.length) };
}

/** AttentionMap: what comes next with all heads, and with one of them switched off. */
function ablate(model, { text, layer, head }) {
  const ids = begun(model, text);
  if (ids.length > MAX_MAP) fail(`The text has ${english(ids.length)} tokens with its start; a map may have ${MAX_MAP}.`);
  const [p, q] = [[], [[layer, head]]].map((off) => softmax(Float64Array.from(model.forward(ids, { ablate: off }).logits)));
  const { moved, next } = compare(p, q);
  return { moved, next: chips(model, next.map(({ i }) => i)).map((chip, k) => ({ ...chip, ...next[k] })) };
}

/** The k likeliest of each of two distributions, and how much lies elsewhere: `compare` of lmkit/widgets/attention_map.py. */
export function compare(p, q, k = GUESSES) {
  const ids = [...new Set([...likeliest(p, k), ...likeliest(q, k)])].sort((a, b) => a - b);
  ids.sort((a, b) => Math.max(p[b], q[b]) - Math.max(p[a], q[a]));
  const moved = p.reduce((total, x, i) => total + Math.abs(x - q[i]), 0) / 2;
  const short = (x) => Number(x.toPrecision(4));
  return { moved: rounded(moved), next: ids.map((i) => ({ i, p: short(p[i]), q: short(q[i]) })) };
}

/** Of square maps (…, T, T) of weights 0 to 1 the lower triangles, row by row, a byte a weight. */
export function lowerTriangles(maps, T) {
  const bytes = new Uint8Array((maps.length / T) * ((T + 1) / 2));
  let at = 0;
  for (let row = 0; row < maps.length / T; row++) {
    for (let column = 0; column <= row % T; column++) bytes[at++] = Math.round(255 * maps[row * T + column]);
  }
  return bytes;
}

/** Generate: a prompt's tokens. */
function encode(model, { text, chat }) {
  const ids = chat ? model.chatIds(asText(text)) : begun(model, text);
  const most = model.config.n_context;
  if (ids.length >= most) fail(`The prompt has ${english(ids.length)} tokens; here it may have ${most}.`);
  return { tokens: chips(model, ids) };
}

/** Generate: one more token; `p` and `top` are the model's own, before the knobs act. */
function goOn(model, { ids, temperature, top_k, top_p, draw: u }) {
  const most = model.config.n_context;
  if (ids.length >= most) fail(`The text has reached ${most} tokens, the most it may have here.`);
  const logits = model.next(asIds(ids));
  const id = draw(distribution(logits, { temperature, topK: top_k || 0, topP: top_p || 1 }), u);
  const logZ = logits[id] - logSoftmax(logits, id);
  const withP = (chip) => ({ ...chip, p: Number(Math.exp(logits[chip.i] - logZ).toPrecision(4)) });
  const [{ p, ...token }, ...top] = chips(model, [id, ...likeliest(logits, RIVALS)]).map(withP);
  return { token, p, top, end: model.stopIds.includes(id) };
}

/** ContextualBank: of each layer the dot products of a word's vectors in several sentences. */
function wordVectors(model, { sentences, word }) {
  if (sentences.length < 2 || sentences.length > MAX_SENTENCES) fail(`Give 2 to ${MAX_SENTENCES} sentences, not ${sentences.length}.`);
  const states = sentences.map((sentence) => {
    const ids = begun(model, sentence.slice(0, MAX_SENTENCE));
    const at = lastToken(model.tokens(ids), sentence, word);
    const { hidden } = model.forward(ids.slice(0, at + 1), { hidden: true }); // what comes after changes nothing
    return (layer) => hidden.subarray((layer * (at + 1) + at) * D, (layer + 1) * (at + 1) * D);
  });
  const D = model.config.n_embd;
  const product = (a, b) => Number((a.reduce((sum, x, k) => sum + x * b[k], 0) / D).toPrecision(6));
  const gram = (layer) => states.flatMap((one, i) => states.slice(0, i + 1).map((other) => product(one(layer), other(layer))));
  return { models: [{ name: NAME, grams: Array.from({ length: model.config.n_layer + 1 }, (_, layer) => gram(layer)) }] };
}

/** The token that ends a word, at the word's first place; as in Python. */
export function lastToken(tokens, sentence, word) {
  let text = "";
  const ends = tokens.slice(1).map((token) => (text += token.toLowerCase()).length); // without the start token
  const wanted = word.toLowerCase();
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    const end = at + wanted.length;
    const whole = !isLetter(text[at - 1]) && !isLetter(text[end]);
    if (whole && ends.includes(end)) return 1 + ends.indexOf(end);
  }
  return fail(`“${word}” does not stand as a word in “${sentence}”.`);
}

const isLetter = (c) => c !== undefined && /[\p{L}\p{N}]/u.test(c);

// What lmkit.model offers beyond that: the engine's own answers.

const runs = new Map(); // texts that are being written, by number
let lastRun = 0;

function generate(model, { text, chat, options }) {
  const ids = chat ? model.chatIds(text) : begun(model, text);
  runs.set((lastRun += 1), model.generate(ids, options));
  return lastRun;
}

function step(model, { run }) {
  const next = runs.get(run)?.next() ?? { done: true };
  if (next.done) runs.delete(run);
  return next;
}

const forward = (model, { ids, all, attentions, hidden, ablate }) => model.forward(asIds(ids), { all, attentions, hidden, ablate });

/** Who answers what. */
const ANSWERS = {
  "next-token": nextToken,
  "chain-rule": chainRule,
  attention,
  ablate,
  encode,
  continue: goOn,
  "word-vectors": wordVectors,
  ids: (model, { text }) => model.encode(asText(text)),
  text: (model, { ids }) => model.decode(asIds(ids)),
  tokens: (model, { ids }) => model.tokens(asIds(ids)),
  forward,
  generate,
  step,
  stop: (model, { run }) => runs.delete(run),
  memory: (model) => model.memory.buffer.byteLength,
};

function answer(model, request) {
  const { kind } = request;
  return Object.hasOwn(ANSWERS, kind) ? ANSWERS[kind](model, request) : fail(`The model cannot answer “${kind}”.`);
}

/** Big arrays are handed over, not copied. */
const buffers = (reply) => Object.values(Object(reply)).filter(ArrayBuffer.isView).map(({ buffer }) => buffer);

/** At most one message in so many milliseconds. */
function reporter(post) {
  let last = 0;
  return (bytes) => {
    if (performance.now() - last < REPORT_EVERY) return;
    last = performance.now();
    post({ progress: bytes });
  };
}

/** Answer the page. @param {DedicatedWorkerGlobalScope} scope */
function serve(scope) {
  let model;
  const start = async (request) => {
    const unsupported = supported();
    if (unsupported) throw Object.assign(new Error(unsupported), { unsupported: true });
    const loaded = await load(request, reporter((message) => scope.postMessage(message)));
    model = loaded.model;
    return { kept: loaded.kept };
  };
  scope.onmessage = async ({ data: request }) => {
    try {
      const reply = request.kind === "load" ? await start(request) : answer(model, request);
      scope.postMessage({ reply }, buffers(reply));
    } catch ({ message, unsupported = false }) {
      scope.postMessage({ error: message, unsupported });
    }
  };
}

if (globalThis.WorkerGlobalScope) serve(globalThis);

// The driver: brings a GGUF file and lm.wasm together, and goes from logits to text.
//
//   const builder = new ModelBuilder(size);               // size of the file in bytes
//   builder.write(0, bytes); …                            // in parts, in any order
//   const model = await builder.finish(wasm);
//   model.forward([model.startId, ...model.encode("The cat")]).logits
//
// It runs in a page, a Worker or node, and holds its thread while it computes.

import { greatest, probabilities, random } from "../kit/sampling.mjs";
import { Tokenizer } from "./bpe.mjs";
import { readGguf } from "./gguf.mjs";
import { fail } from "./reply.mjs";

const FILE_AT = 1 << 20; // where the file begins in WebAssembly's memory; the stack lies below
const PAGE = 65536;
const SLICE = 128; // tokens that lm.c takes at once, SLICE there too
const FEW = 32; // tokens whose head outputs are given, 20 MB
const PARTS = [
  "attn_norm",
  "attn_q",
  "attn_k",
  "attn_v",
  "attn_output",
  "ffn_norm",
  "ffn_gate",
  "ffn_up",
  "ffn_down",
];
const SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
const ROLES = ["system", "user", "assistant"];

/**
 * The sizes of a model, in the book's names.
 * @typedef {{n_layer: number, n_head: number, n_kv_head: number, n_embd: number, n_hidden: number,
 *   vocab_size: number, n_context: number, rope_base: number, norm_eps: number}} Config
 *
 * @typedef {{temperature?: number, topK?: number, topP?: number}} Sampling
 *
 * What a run gives: logits (V,) of the last token or (T, V) of all, attentions
 * (n_layer, n_head, T, past + T), hidden states (n_layer + 1, T, D): embeddings, then each layer's
 * output, the last one normed; head outputs (n_layer, n_head, T, D): what each head adds, through W_O.
 * @typedef {{logits: Float32Array, attentions?: Float32Array, hidden?: Float32Array,
 *   headOutputs?: Float32Array}} Results
 * @typedef {{all?: boolean, attentions?: boolean, hidden?: boolean, headOutputs?: boolean}} Wanted
 *
 * A vector that takes the place of a token's vector before a layer, or is added to it. Layer n_layer
 * is the last norm; without a position it is every token's.
 * @typedef {{layer: number, position?: number, vector: ArrayLike<number>, add?: boolean}} Edit
 *
 * @typedef {[layer: number, head: number]} Head
 * @typedef {{ablate?: readonly Head[], edits?: readonly Edit[]}} Changes to how the model runs
 * @typedef {Wanted & Changes & {past?: number}} RunOptions
 *
 * @typedef {{id: number, text: string, p: number}} Step
 * @typedef {Sampling & Changes & {maxNewTokens?: number}} Writing
 * @typedef {Writing & {seed?: number}} WriteOptions
 * @typedef {Writing & {seeds: number[]}} ManyOptions
 *
 * Tokens that do not simply follow each other: the cache's row before each, its place in its text.
 * @typedef {{before: number[], places: number[]}} Tree
 *
 * One of several texts that are written at once: its new tokens, and the last one's row of the cache.
 * @typedef {{run: number, writer: Writer, tail: number[], row: number}} Branch
 *
 * @typedef {{context?: number, attention?: number}} Limits tokens that the model sees at most, and
 *   tokens of which it gives attentions
 *
 * @typedef {{role: string, content: string}} Message
 *
 * @typedef {import("./gguf.mjs").Settings} Settings
 * @typedef {import("./gguf.mjs").Tensor} Tensor
 *
 * What lm.wasm exports; lm.c says what each does. Places in memory are plain numbers.
 * @typedef {object} Kernel
 * @property {(n_layer: number, n_embd: number, n_head: number, n_kv_head: number, n_hidden: number,
 *   vocab_size: number, n_context: number, norm_eps: number) => void} set_sizes
 * @property {(layer: number, part: number, data: number, type: number, rows: number,
 *   columns: number) => void} set_tensor
 * @property {(start: number) => number} set_buffers
 * @property {(layer: number, head: number, off: number) => void} switch_head
 * @property {() => number} ids
 * @property {() => number} rows_before
 * @property {() => number} stream
 * @property {() => number} rope_table
 * @property {(bytes: number) => number} result
 * @property {(T: number, past: number, first: number, last: number, n_logits: number,
 *   logits: number, attentions: number, hidden: number, added: number) => void} forward
 * @property {{value: number}} __heap_base
 */

/** No heads off, no edits: the model as it is. @type {Required<Changes>} */
const UNCHANGED = { ablate: [], edits: [] };

/** T tokens behind each other. @param {number} past @param {number} T @returns {Tree} */
const line = (past, T) => {
  const places = Array.from({ length: T }, (_, t) => past + t);
  return { before: places.map((place) => place - 1), places };
};

// A module of one function that uses one SIMD instruction: (func (drop (v128.const …)))
const SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 23, 1, 21, 0, 253, 12, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 26, 11,
];

const NO_MEMORY =
  "The browser has not enough memory left for the model: close other pages and try again.";

/**
 * What is looked at of a page's or a Worker's scope.
 * @typedef {{WebAssembly?: {validate?: (bytes: BufferSource) => boolean},
 *   navigator?: {deviceMemory?: number}}} Scope
 */

/**
 * Whether the model can run here: null if so, else a sentence that says what is missing.
 * @param {Scope} [scope]
 */
export function supported(scope = /** @type {Scope} */ (globalThis)) {
  if (typeof scope.WebAssembly?.validate !== "function")
    return "This browser has no WebAssembly, or it is switched off: the model cannot run here.";
  if (!scope.WebAssembly.validate(Uint8Array.from(SIMD)))
    return "This browser’s WebAssembly has no SIMD instructions: a newer browser can run the model.";
  if ((scope.navigator?.deviceMemory ?? 1) < 1)
    return "This device has less memory than the model needs, about 200 MB.";
  return null;
}

// ---------------------------------------------------------------------- set-up

/** Takes a GGUF file part by part, straight to where the kernel will read it. */
export class ModelBuilder {
  /** @param {number} size of the file in bytes */
  constructor(size) {
    const problem = supported();
    if (problem) throw new Error(problem);
    if (!(size > 0 && size < 2 ** 32 - 2 ** 28))
      throw new Error(`A model’s file of ${size} bytes cannot be loaded.`);
    this.size = size;
    this.written = 0;
    try {
      this.memory = new WebAssembly.Memory({ initial: Math.ceil((FILE_AT + size) / PAGE) });
    } catch {
      throw new Error(NO_MEMORY);
    }
  }

  /** Put bytes of the file at their place. @param {number} offset @param {Uint8Array} bytes */
  write(offset, bytes) {
    if (!(offset >= 0 && offset + bytes.length <= this.size))
      throw new Error("More bytes came than the model’s file has.");
    new Uint8Array(this.memory.buffer).set(bytes, FILE_AT + offset);
    this.written += bytes.length;
  }

  /**
   * Make the model once every byte is there.
   * @param {WebAssembly.Module | BufferSource} wasm lm.wasm, compiled or not
   * @param {Limits} [limits]
   * @returns {Promise<Model>}
   */
  async finish(wasm, { context = 512, attention = SLICE } = {}) {
    if (this.written < this.size)
      throw new Error(`Only ${this.written} of the model’s ${this.size} bytes have come.`);
    const { settings, tensors } = readGguf(new Uint8Array(this.memory.buffer, FILE_AT, this.size));
    const config = readConfig(settings, context);
    const tokenizer = readTokenizer(settings, config);
    const kernel = await instantiate(wasm, this.memory);
    giveSizes(kernel, config);
    giveTensors(kernel, config, tensors);
    if (!kernel.set_buffers(FILE_AT + this.size)) throw new Error(NO_MEMORY);
    const rope = ropeTable(config);
    new Float32Array(this.memory.buffer, kernel.rope_table(), rope.length).set(rope);
    return new Model(this.memory, kernel, config, tokenizer, Math.min(attention, SLICE));
  }
}

/** @param {WebAssembly.Module | BufferSource} wasm @param {WebAssembly.Memory} memory */
async function instantiate(wasm, memory) {
  const module = wasm instanceof WebAssembly.Module ? wasm : await WebAssembly.compile(wasm);
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const kernel = /** @type {Kernel} */ (/** @type {unknown} */ (exports));
  if (kernel.__heap_base.value > FILE_AT)
    throw new Error("lm.wasm needs more room below the model’s file.");
  return kernel;
}

/** @param {Kernel} kernel @param {Config} c */
function giveSizes(kernel, c) {
  const { n_layer, n_embd, n_head, n_kv_head, n_hidden, vocab_size, n_context, norm_eps } = c;
  kernel.set_sizes(n_layer, n_embd, n_head, n_kv_head, n_hidden, vocab_size, n_context, norm_eps);
}

/**
 * Tell the kernel where each tensor lies; to it, what belongs to no layer is layer −1.
 * @param {Kernel} kernel
 * @param {Config} config
 * @param {Map<string, Tensor>} tensors
 */
function giveTensors(kernel, config, tensors) {
  /** @param {number} layer @param {number} part @param {string} name */
  const give = (layer, part, name) => {
    const tensor = checked(name, tensors.get(`${name}.weight`), config);
    const { offset, type, rows, columns } = tensor;
    kernel.set_tensor(layer, part, FILE_AT + offset, type, rows, columns);
  };
  for (const [part, name] of ["token_embd", "output_norm"].entries()) give(-1, part, name);
  for (let layer = 0; layer < config.n_layer; layer++)
    for (const [part, name] of PARTS.entries()) give(layer, part, `blk.${layer}.${name}`);
}

/** @param {string} why @returns {never} */
const damaged = (why) => fail(`The model’s file is damaged or of another kind: ${why}.`);

/**
 * The sizes in a file's settings, checked, so that the kernel can rely on them. Exported for its test.
 * @param {Settings} settings
 * @param {number} context tokens that the model is to see at most
 * @returns {Config}
 */
export function readConfig(settings, context) {
  /** @param {string} name @param {number} most */
  const whole = (name, most) => {
    const value = readNumber(settings, name, 1, most);
    return Number.isInteger(value) ? value : damaged(`${name} is not whole`);
  };
  const config = {
    n_layer: whole("block_count", 64),
    n_head: whole("attention.head_count", 256),
    n_kv_head: whole("attention.head_count_kv", 256),
    n_embd: whole("embedding_length", 8192),
    n_hidden: whole("feed_forward_length", 32768),
    vocab_size: whole("vocab_size", 2 ** 20),
    n_context: Math.min(context, whole("context_length", 2 ** 20)),
    rope_base: readNumber(settings, "rope.freq_base", 1, 1e12),
    norm_eps: readNumber(settings, "attention.layer_norm_rms_epsilon", 0, 1),
  };
  const { n_head, n_kv_head, n_embd } = config;
  if ((n_embd / n_head) % 16 || n_head % n_kv_head)
    damaged(`${n_head} heads do not share ${n_embd} numbers`);
  return config;
}

/**
 * @param {Settings} settings
 * @param {string} name
 * @param {number} least
 * @param {number} most
 */
function readNumber(settings, name, least, most) {
  const value = settings.get(`llama.${name}`);
  const fits = typeof value === "number" && value >= least && value <= most;
  return fits ? value : damaged(`${name} is ${value}`);
}

/** @param {Settings} settings @param {Config} config */
function readTokenizer(settings, config) {
  const [tokens, merges, types] = ["tokens", "merges", "token_type"].map((name) => {
    const list = settings.get(`tokenizer.ggml.${name}`);
    return Array.isArray(list) ? list : damaged("it has no vocabulary");
  });
  if (tokens.length !== config.vocab_size || ![...tokens, ...merges].every(isString))
    damaged("it has no vocabulary");
  const [names, pairs] = /** @type {string[][]} */ ([tokens, merges]);
  return new Tokenizer(names, pairs, /** @type {number[]} */ (types));
}

/** @param {unknown} item */
const isString = (item) => typeof item === "string";

/**
 * A tensor, if it has the shape and the kind of number that it must have.
 * @param {string} name
 * @param {Tensor | undefined} tensor
 * @param {Config} config
 */
function checked(name, tensor, config) {
  const part = name.split(".").at(-1) ?? "";
  const isNorm = part.endsWith("norm");
  const [rows, columns] = isNorm ? [1, config.n_embd] : shapeOf(part, config);
  if (!tensor || tensor.rows !== rows || tensor.columns !== columns)
    return damaged(`tensor ${name} is not ${rows} × ${columns}`);
  if ((tensor.type === 0) !== isNorm || (tensor.rows % 8 === 0) === isNorm)
    damaged(`tensor ${name} is of another format`);
  return tensor;
}

/**
 * Rows and columns of a matrix.
 * @param {string} part
 * @param {Config} config
 */
function shapeOf(part, { n_embd, n_head, n_kv_head, n_hidden, vocab_size }) {
  const kv = (n_embd / n_head) * n_kv_head;
  /** @type {Record<string, number>} */
  const rows = {
    token_embd: vocab_size,
    attn_k: kv,
    attn_v: kv,
    ffn_gate: n_hidden,
    ffn_up: n_hidden,
  };
  return [rows[part] ?? n_embd, part === "ffn_down" ? n_hidden : n_embd];
}

/**
 * Cosine and sine (n_context, d/2, 2) of position · base^(−2i/d). Exported for its test.
 * @param {Pick<Config, "n_context" | "n_embd" | "n_head" | "rope_base">} config
 */
export function ropeTable({ n_context, n_embd, n_head, rope_base }) {
  const d = n_embd / n_head;
  return Float32Array.from({ length: n_context * d }, (_, at) => {
    const i = Math.floor((at % d) / 2);
    const angle = Math.floor(at / d) * rope_base ** ((-2 * i) / d);
    return at % 2 ? Math.sin(angle) : Math.cos(angle);
  });
}

// ------------------------------------------------------------------- the model

/** A language model in memory. */
export class Model {
  /**
   * @param {WebAssembly.Memory} memory
   * @param {Kernel} kernel
   * @param {Config} config
   * @param {Tokenizer} tokenizer
   * @param {number} attention tokens of which it gives attentions
   */
  constructor(memory, kernel, config, tokenizer, attention) {
    this.memory = memory;
    this.kernel = kernel;
    this.config = config;
    this.tokenizer = tokenizer;
    this.limits = { context: config.n_context, attention, all: SLICE, headOutputs: FEW };
    /** Ids of the tokens whose keys and values are in the cache. @type {number[]} */
    this.seen = [];
    /** How the model was changed when they were made. */
    this.changes = UNCHANGED;
    /** How often the cache was written to. */
    this.turns = 0;
    this.startId = this.special("<|endoftext|>");
    this.stopIds = [this.startId, this.special("<|im_end|>")];
  }

  /**
   * A model from the bytes of its file, whole or in parts that follow each other.
   * @param {Uint8Array | Iterable<Uint8Array>} bytes
   * @param {WebAssembly.Module | BufferSource} wasm
   * @param {Limits} [limits]
   */
  static create(bytes, wasm, limits) {
    const parts = bytes instanceof Uint8Array ? [bytes] : [...bytes];
    const builder = new ModelBuilder(parts.reduce((size, part) => size + part.length, 0));
    for (const part of parts) builder.write(builder.written, part);
    return builder.finish(wasm, limits);
  }

  /** The id of a special token. @param {string} token */
  special(token) {
    return this.tokenizer.special.get(token) ?? damaged(`it has no token ${token}`);
  }

  /** @param {string} text @returns {number[]} */
  encode(text) {
    return this.tokenizer.encode(text);
  }

  /** @param {number[]} ids @returns {string} */
  decode(ids) {
    return this.tokenizer.decode(ids);
  }

  /** Each token as text by itself. @param {number[]} ids @returns {string[]} */
  tokens(ids) {
    return this.tokenizer.tokens(ids);
  }

  /**
   * Messages in SmolLM2's chat template, up to where the assistant answers; special tokens that
   * are typed in them stay plain text.
   * @param {string | Message[]} messages
   */
  chatIds(messages) {
    const given = typeof messages === "string" ? [{ role: "user", content: messages }] : messages;
    checkMessages(given);
    const system = given[0].role === "system" ? [] : [{ role: "system", content: SYSTEM }];
    const [start, end] = [this.special("<|im_start|>"), this.special("<|im_end|>")];
    const line = this.encode("\n");
    const turns = [...system, ...given].map(({ role, content }) => [
      start,
      ...this.encode(`${role}\n${content}`),
      end,
      ...line,
    ]);
    return [...turns.flat(), start, ...this.encode("assistant\n")];
  }

  /**
   * Run T token ids behind `past` tokens that earlier calls left in the cache.
   * @param {number[]} ids
   * @param {RunOptions} [options] heads in `ablate` add nothing to their layer's output; `edits` are
   *   made in turn, and show in the hidden states
   * @returns {Results} copies: they may be kept, and handed to another thread
   */
  forward(ids, { past = 0, ablate = [], edits = [], ...wanted } = {}) {
    this.check(ids, past, wanted, { ablate, edits });
    this.changes = { ablate, edits };
    return this.without(ablate, () => {
      let from = 0; // a long text runs in slices, and only the last one has results
      for (; ids.length - from > SLICE; from += SLICE)
        this.run(ids.slice(from, from + SLICE), past + from);
      return this.run(ids.slice(from), past + from, wanted);
    });
  }

  /**
   * How many numbers T tokens give when the cache has S, those included; 0 of what is not wanted.
   * @param {number} T
   * @param {number} S
   * @param {Wanted} wanted
   * @returns {Record<keyof Results, number>}
   */
  sizes(T, S, { all, attentions, hidden, headOutputs }) {
    const { n_layer, n_head, n_embd, vocab_size } = this.config;
    return {
      logits: (all ? T : 1) * vocab_size,
      attentions: attentions ? n_layer * n_head * T * S : 0,
      hidden: hidden ? (n_layer + 1) * T * n_embd : 0,
      headOutputs: headOutputs ? n_layer * n_head * T * n_embd : 0,
    };
  }

  /**
   * Run with some heads off.
   * @param {readonly Head[]} heads
   * @param {() => Results} run
   */
  without(heads, run) {
    for (const [layer, head] of heads) this.kernel.switch_head(layer, head, 1);
    try {
      return run();
    } finally {
      for (const [layer, head] of heads) this.kernel.switch_head(layer, head, 0);
    }
  }

  /**
   * Run at most SLICE tokens.
   * @param {number[]} ids
   * @param {number} past rows of the cache that stay
   * @param {Wanted} [wanted]
   * @param {Tree} [tree] if the tokens do not simply follow each other
   * @returns {Results}
   */
  run(ids, past, wanted = {}, tree = undefined) {
    const T = ids.length;
    const { before, places } = tree ?? line(past, T);
    const sizes = this.sizes(T, past + T, wanted);
    const room = this.room(sizes);
    this.ints(this.kernel.ids(), ids);
    this.ints(this.kernel.rows_before() + 4 * past, before);
    this.seen.length = Math.min(past, this.seen.length); // also if the kernel is stopped midway
    this.turns += 1;
    this.layers(past, wanted.all ? T : 1, room, places);
    if (!tree) this.seen.push(...ids);
    return this.results(room, sizes);
  }

  /**
   * Copies of what the kernel has put into its places.
   * @param {Record<keyof Results, number>} places
   * @param {Record<keyof Results, number>} sizes
   * @returns {Results}
   */
  results(places, sizes) {
    /** @param {keyof Results} name */
    const copy = (name) => this.floats(places[name], sizes[name]).slice();
    /** @param {keyof Results} name */
    const wanted = (name) => (places[name] ? { [name]: copy(name) } : {});
    return {
      logits: copy("logits"),
      ...wanted("attentions"),
      ...wanted("hidden"),
      ...wanted("headOutputs"),
    };
  }

  /**
   * Where results of these sizes are to go; 0 for what has no size.
   * @template {string} Name
   * @param {Record<Name, number>} sizes
   * @returns {Record<Name, number>}
   */
  room(sizes) {
    const names = /** @type {Name[]} */ (Object.keys(sizes));
    const places = { ...sizes };
    let at = this.kernel.result(4 * names.reduce((sum, name) => sum + sizes[name], 0));
    if (!at) throw new Error(NO_MEMORY);
    for (const name of names) {
      places[name] = sizes[name] ? at : 0;
      at += 4 * sizes[name];
    }
    return places;
  }

  /**
   * Numbers of the kernel, as they are: they change with the next run.
   * @param {number} at
   * @param {number} size
   */
  floats(at, size) {
    return new Float32Array(this.memory.buffer, at, size);
  }

  /** Give the kernel whole numbers. @param {number} at @param {number[]} numbers */
  ints(at, numbers) {
    new Int32Array(this.memory.buffer, at, numbers.length).set(numbers);
  }

  /**
   * Go up the layers, stopping where something is to be edited.
   * @param {number} past
   * @param {number} n tokens whose logits are wanted
   * @param {Record<keyof Required<Results>, number>} room for the results
   * @param {number[]} places of the tokens in their texts
   */
  layers(past, n, { logits, attentions, hidden, headOutputs }, places) {
    const T = places.length;
    /** @param {number} from @param {number} to @param {number} n */
    const go = (from, to, n) =>
      this.kernel.forward(T, past, from, to, n, logits, attentions, hidden, headOutputs);
    let at = -1;
    for (const edit of [...this.changes.edits].sort((a, b) => a.layer - b.layer)) {
      if (edit.layer > at) go(at, edit.layer, 0);
      at = edit.layer;
      this.edit(edit, places);
    }
    go(at, this.config.n_layer, n);
  }

  /** Change what lies in the stream. @param {Edit} edit @param {number[]} places */
  edit({ position, vector, add }, places) {
    const D = this.config.n_embd;
    const x = this.floats(this.kernel.stream(), places.length * D);
    for (const [t, place] of places.entries()) {
      if (position !== undefined && position !== place) continue;
      for (let i = 0; i < D; i++) x[t * D + i] = vector[i] + (add ? x[t * D + i] : 0);
    }
  }

  /**
   * The logits (T, V) that vectors would have before the last norm (nostalgebraist 2020): of hidden
   * states, all but those of the last layer, which are normed already.
   * @param {ArrayLike<number>} vectors (T, D)
   * @returns {Float32Array}
   */
  lens(vectors) {
    const { n_embd, n_layer, vocab_size } = this.config;
    const T = checkVectors(vectors, n_embd, this.limits.all);
    const { logits } = this.room({ logits: T * vocab_size });
    this.floats(this.kernel.stream(), vectors.length).set(vectors);
    this.kernel.forward(T, 0, n_layer, n_layer, T, logits, 0, 0, 0);
    return this.floats(logits, T * vocab_size).slice();
  }

  /**
   * Refuse with a sentence what cannot be run.
   * @param {number[]} ids
   * @param {number} past
   * @param {Wanted} [wanted]
   * @param {Required<Changes>} [changes]
   */
  check(ids, past, wanted = {}, { ablate, edits } = UNCHANGED) {
    checkIds(ids, this.config);
    if (!Number.isInteger(past) || past < 0 || past > this.seen.length)
      fail(`The cache holds ${this.seen.length} tokens: ${past} cannot be past.`);
    checkHeads(ablate, this.config);
    checkEdits(edits, past + ids.length, this.config);
    if (past && !this.isMadeBy({ ablate, edits }))
      fail("What the cache holds was made with other heads or edits: run the whole text.");
    checkLength(ids.length, past + ids.length, wanted, this.limits);
  }

  /** Whether the cache was made with these very changes. @param {Required<Changes>} changes */
  isMadeBy({ ablate, edits }) {
    /** @param {readonly unknown[]} a @param {readonly unknown[]} b */
    const same = (a, b) => a === b || a.length + b.length === 0;
    return same(ablate, this.changes.ablate) && same(edits, this.changes.edits);
  }

  /**
   * The logits (V,) after ids, computing only what the cache does not hold.
   * @param {number[]} ids
   * @param {Changes} [changes]
   */
  next(ids, { ablate = [], edits = [] } = {}) {
    const seen = this.isMadeBy({ ablate, edits }) ? this.seen : [];
    let past = 0;
    while (past < ids.length - 1 && ids[past] === seen[past]) past++;
    return this.forward(ids.slice(past), { past, ablate, edits }).logits;
  }

  /**
   * log P(token | those before it) of every token but the first.
   * @param {number[]} ids with the start token, if the text begins with them
   * @returns {Float64Array} one number fewer than ids
   */
  scores(ids) {
    this.check(ids, 0);
    const { vocab_size } = this.config;
    const logP = new Float64Array(ids.length - 1);
    for (let from = 0; from < logP.length; from += SLICE) {
      const part = ids.slice(from, Math.min(from + SLICE, logP.length));
      const { logits } = this.forward(part, { past: from, all: true });
      for (let t = 0; t < part.length; t++) {
        const row = logits.subarray(t * vocab_size, (t + 1) * vocab_size);
        logP[from + t] = logSoftmax(row, ids[from + t + 1]);
      }
    }
    return logP;
  }

  /**
   * Go on with token ids until the text ends or maxNewTokens have come.
   * @param {number[]} ids
   * @param {WriteOptions} [options] temperature 0 takes the likeliest each time; the same seed gives
   *   the same text; changes hold for the text that is given and what is written
   * @returns {Generator<Step, void, void>} `text` is the whole characters that this token completes,
   *   `p` its probability before temperature and filters. If the text ends within a character, the
   *   stop token comes too, with U+FFFD as its text.
   */
  generate(ids, { maxNewTokens = 50, seed = Math.random() * 2 ** 32, ...options } = {}) {
    const changes = this.checkWriting(ids, maxNewTokens, 1, options);
    return this.steps([...ids], new Writer(this, maxNewTokens, options, seed), changes);
  }

  /**
   * Go on with token ids several times at once, once for each seed: the runs share the cache of what
   * is given and each pass over the weights, and give the steps that `generate` gives with that
   * seed, in turns. (In rare cases another token: the same sums are rounded otherwise for many.)
   * @param {number[]} ids
   * @param {ManyOptions} options
   * @returns {Generator<Step & {run: number}, void, void>} `run` counts the seeds from 0
   */
  generateMany(ids, { seeds, maxNewTokens = 50, ...options }) {
    const areSeeds = Array.isArray(seeds) && seeds.every(Number.isFinite);
    if (!areSeeds || !isIndex(seeds.length - 1, this.limits.all))
      fail(`Seeds are a list of 1 to ${this.limits.all} numbers, one for each text.`);
    const changes = this.checkWriting(ids, maxNewTokens, seeds.length, options);
    const writers = seeds.map((seed) => new Writer(this, maxNewTokens, options, seed));
    return new Branches(this, [...ids], writers, changes).steps();
  }

  /**
   * Refuse with a sentence what cannot be written; give the changes that are asked for.
   * @param {number[]} ids
   * @param {number} maxNewTokens
   * @param {number} n texts
   * @param {Sampling & Changes} options
   */
  checkWriting(ids, maxNewTokens, n, { ablate = [], edits = [], ...sampling }) {
    checkSampling(sampling);
    if (!Number.isInteger(maxNewTokens) || maxNewTokens < 0)
      fail(`maxNewTokens must be a whole number, 0 or more, not ${maxNewTokens}.`);
    this.check(ids, 0, {}, { ablate, edits });
    const [all, { context }] = [ids.length + n * maxNewTokens, this.limits];
    if (all > context)
      fail(
        `${all} tokens (${ids.length} given, the others new) are more than the ${context} that there is room for: ask for fewer.`,
      );
    return { ablate, edits };
  }

  /**
   * @param {number[]} ids grows with the text
   * @param {Writer} writer
   * @param {Changes} changes
   * @returns {Generator<Step, void, void>}
   */
  *steps(ids, writer, changes) {
    while (!writer.ended) {
      const step = writer.draw(this.next(ids, changes));
      if (!step) return;
      yield step;
      ids.push(step.id);
    }
  }
}

/** One text as it is written. */
class Writer {
  /**
   * @param {Model} model
   * @param {number} n tokens at most
   * @param {Sampling} sampling
   * @param {number} seed
   */
  constructor(model, n, sampling, seed) {
    this.model = model;
    this.left = n;
    this.sampling = sampling;
    this.random = random(seed);
    this.utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
    this.ended = n === 0;
  }

  /** Draw the next token; null if the text has ended before it. @param {Float32Array} logits */
  draw(logits) {
    const id = draw(distribution(logits, this.sampling), this.random());
    const stop = this.model.stopIds.includes(id);
    this.left -= 1;
    this.ended = stop || this.left === 0;
    const bytes = stop ? new Uint8Array() : this.model.tokenizer.tokenBytes(id);
    const text = this.utf8.decode(bytes, { stream: !this.ended });
    return stop && !text ? null : { id, text, p: Math.exp(logSoftmax(logits, id)) };
  }
}

/** Texts with the same beginning that are written at once, as branches of a tree in the cache. */
class Branches {
  /**
   * @param {Model} model
   * @param {number[]} ids the beginning
   * @param {Writer[]} writers
   * @param {Required<Changes>} changes
   */
  constructor(model, ids, writers, changes) {
    this.model = model;
    this.ids = ids;
    this.changes = changes;
    /** @type {Branch[]} */
    const all = writers.map((writer, run) => ({ run, writer, tail: [], row: -1 }));
    this.alive = all.filter(({ writer }) => !writer.ended);
    this.rows = 0; // of the cache, those in use
    this.turn = -1; // of the model, when we last wrote to the cache
  }

  /** @returns {Generator<Step & {run: number}, void, void>} */
  *steps() {
    let logits = this.alive.length ? this.begin() : [];
    while (this.alive.length) {
      for (const [k, { run, writer, tail }] of this.alive.entries()) {
        const step = writer.draw(logits[k]);
        if (!step) continue;
        yield { run, ...step };
        tail.push(step.id);
      }
      this.alive = this.alive.filter(({ writer }) => !writer.ended);
      if (this.alive.length) logits = this.grow();
    }
  }

  /** Read what all begin with: its logits, for each branch. */
  begin() {
    const logits = this.model.next(this.ids, this.changes);
    this.rows = this.ids.length;
    this.turn = this.model.turns;
    for (const branch of this.alive) branch.row = this.rows - 1;
    return this.alive.map(() => logits);
  }

  /** Read each branch's newest token, or all if others have used the cache meanwhile: its logits. */
  grow() {
    const last = this.alive[0].tail.length - 1;
    if (this.model.turns !== this.turn) {
      this.begin();
      for (let k = 0; k < last; k++) this.read(k);
    }
    return this.read(last);
  }

  /** Read the k-th new token of each branch. @param {number} k */
  read(k) {
    const { model, alive, rows } = this;
    const ids = alive.map(({ tail }) => tail[k]);
    const before = alive.map(({ row }) => row);
    const places = alive.map(() => this.ids.length + k);
    const run = () => model.run(ids, rows, { all: true }, { before, places });
    const { logits } = model.without(this.changes.ablate, run);
    for (const [i, branch] of alive.entries()) branch.row = rows + i;
    this.rows += alive.length;
    this.turn = model.turns;
    const V = model.config.vocab_size;
    return alive.map((_, i) => logits.subarray(i * V, (i + 1) * V));
  }
}

// ---------------------------------------------------------- what may be asked for

/** @param {number[]} ids @param {Config} config */
function checkIds(ids, { vocab_size }) {
  if (!ids.length) fail("There are no tokens: the model needs at least one to go on from.");
  if (!ids.every((id) => Number.isInteger(id) && id >= 0 && id < vocab_size))
    fail(`Token ids are whole numbers from 0 to ${vocab_size - 1}.`);
}

/** @param {unknown} i @param {number} count */
const isIndex = (i, count) => Number.isInteger(i) && Number(i) >= 0 && Number(i) < count;

/** @param {readonly Head[]} heads @param {Config} config */
function checkHeads(heads, { n_layer, n_head }) {
  /** @param {unknown} pair */
  const isHead = (pair) =>
    Array.isArray(pair) && isIndex(pair[0], n_layer) && isIndex(pair[1], n_head);
  if (!Array.isArray(heads) || !heads.every(isHead))
    fail(`A head is [layer, head], from [0, 0] to [${n_layer - 1}, ${n_head - 1}].`);
}

/** @param {readonly Edit[]} edits @param {number} n tokens of the text @param {Config} config */
function checkEdits(edits, n, { n_layer, n_embd }) {
  if (!Array.isArray(edits)) fail("Edits are a list of { layer, position, vector, add }.");
  for (const { layer, position = 0, vector } of edits.map(Object)) {
    if (!isIndex(layer, n_layer + 1)) fail(`An edit’s layer is a number from 0 to ${n_layer}.`);
    if (!isIndex(position, n)) fail(`An edit’s position is a number from 0 to ${n - 1}, or none.`);
    checkVectors(vector, n_embd, 1);
  }
}

/**
 * How many vectors these are.
 * @param {ArrayLike<number>} vectors
 * @param {number} D
 * @param {number} most
 */
function checkVectors(vectors, D, most) {
  const isArray = Array.isArray(vectors) || ArrayBuffer.isView(vectors);
  const n = isArray ? vectors.length / D : 0;
  if (!isIndex(n - 1, most))
    fail(`A vector has ${D} numbers, and there may be ${most} of them at once.`);
  if (!Array.from(vectors).every(Number.isFinite)) fail("A vector’s numbers are finite.");
  return n;
}

/**
 * @param {number} T tokens to run
 * @param {number} S tokens with those in the cache
 * @param {Wanted} wanted
 * @param {Model["limits"]} limits
 */
function checkLength(T, S, { all, attentions, hidden, headOutputs }, limits) {
  /** @param {number} n @param {number} most @param {string} of */
  const refuse = (n, most, of) =>
    fail(`${n} tokens are more than the ${most} ${of}: use a shorter text.`);
  if (S > limits.context) refuse(S, limits.context, "that the model sees here");
  if (attentions && S > limits.attention)
    refuse(S, limits.attention, "of which attention can be shown");
  if ((all || hidden) && T > limits.all)
    refuse(T, limits.all, "of which all results can be had at once");
  if (headOutputs && T > limits.headOutputs)
    refuse(T, limits.headOutputs, "of which head outputs can be had");
}

/** @param {Message[]} messages */
function checkMessages(messages) {
  if (!messages.length) fail("There are no messages: give at least one.");
  for (const { role, content } of messages) {
    if (!ROLES.includes(role)) fail(`A role is one of ${ROLES.join(", ")}, not ${role}.`);
    if (typeof content !== "string") fail("A message’s content is text.");
  }
}

/** @param {Sampling} sampling */
function checkSampling({ temperature = 1, topK = 0, topP = 1 }) {
  if (!(temperature >= 0 && temperature < Infinity))
    fail(`The temperature must be 0 (greedy) or more, not ${temperature}.`);
  if (topK && !(Number.isInteger(topK) && topK > 0))
    fail(`topK must be a whole number of tokens, not ${topK}.`);
  if (!(topP > 0 && topP <= 1)) fail(`topP must be above 0 and at most 1, not ${topP}.`);
}

// --------------------------------------------------------- from logits to a token

/** log of softmax(logits)[id]. @param {Float32Array} logits @param {number} id */
export function logSoftmax(logits, id) {
  const top = greatest(logits);
  let total = 0;
  for (let i = 0; i < logits.length; i++) total += Math.exp(logits[i] - top);
  return logits[id] - top - Math.log(total);
}

/**
 * The tokens that may be drawn, with their probabilities: the kit's `probabilities` less its zeros.
 * @param {Float32Array} logits
 * @param {Sampling} [sampling]
 * @returns {{ids: number[], probabilities: number[]}}
 */
export function distribution(logits, sampling = {}) {
  if (sampling.temperature === 0)
    return { ids: [logits.indexOf(greatest(logits))], probabilities: [1] };
  const p = probabilities(Float64Array.from(logits), sampling);
  const ids = [];
  for (let id = 0; id < p.length; id++) if (p[id] > 0) ids.push(id);
  return { ids, probabilities: ids.map((id) => p[id]) };
}

/**
 * The first id at which the probabilities' sum exceeds u, a number drawn from [0, 1).
 * @param {{ids: number[], probabilities: number[]}} distribution
 * @param {number} u
 */
export function draw({ ids, probabilities: p }, u) {
  let sum = 0;
  for (let i = 0; i < ids.length; i++) {
    sum += p[i];
    if (sum > u) return ids[i];
  }
  return ids[ids.length - 1]; // rounding left the sum below u
}

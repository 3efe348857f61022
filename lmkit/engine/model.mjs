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
 * output, the last one normed.
 * @typedef {{logits: Float32Array, attentions?: Float32Array, hidden?: Float32Array}} Results
 *
 * @typedef {[layer: number, head: number]} Head
 * @typedef {{all?: boolean, attentions?: boolean, hidden?: boolean}} Wanted
 * @typedef {Wanted & {past?: number, ablate?: Head[]}} RunOptions
 * @typedef {[logits: number, attentions: number, hidden: number]} Sizes of results; 0 for none
 *
 * @typedef {{id: number, text: string, p: number}} Step
 * @typedef {Sampling & {maxNewTokens?: number, seed?: number}} WriteOptions
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
 * @property {() => number} rope_table
 * @property {(bytes: number) => number} result
 * @property {(T: number, past: number, n_logits: number, logits: number, attentions: number,
 *   hidden: number) => void} forward
 * @property {{value: number}} __heap_base
 */

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
    this.limits = { context: config.n_context, attention, all: SLICE };
    /** Ids of the tokens whose keys and values are in the cache. @type {number[]} */
    this.seen = [];
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
   * @param {RunOptions} [options] heads in `ablate` add nothing to their layer's output
   * @returns {Results} copies: they may be kept, and handed to another thread
   */
  forward(ids, { past = 0, all = false, attentions = false, hidden = false, ablate = [] } = {}) {
    this.check(ids, past, { all, attentions, hidden, ablate });
    if (ablate.length)
      return this.without(ablate, () => this.forward(ids, { all, attentions, hidden }));
    let from = 0; // a long text runs in slices, and only the last one has results
    for (; ids.length - from > SLICE; from += SLICE)
      this.run(ids.slice(from, from + SLICE), past + from, [this.config.vocab_size, 0, 0]);
    const sizes = this.sizes(ids.length - from, past + ids.length, { all, attentions, hidden });
    const results = this.run(ids.slice(from), past + from, sizes, all);
    return {
      logits: results[0],
      ...(attentions && { attentions: results[1] }),
      ...(hidden && { hidden: results[2] }),
    };
  }

  /**
   * How many numbers T tokens give that look back over S.
   * @param {number} T
   * @param {number} S
   * @param {Wanted} wanted
   * @returns {Sizes}
   */
  sizes(T, S, { all, attentions, hidden }) {
    const { n_layer, n_head, n_embd, vocab_size } = this.config;
    return [
      (all ? T : 1) * vocab_size,
      attentions ? n_layer * n_head * T * S : 0,
      hidden ? (n_layer + 1) * T * n_embd : 0,
    ];
  }

  /**
   * Run with some heads off; what is then in the cache is of no use to other calls.
   * @param {Head[]} heads
   * @param {() => Results} run
   */
  without(heads, run) {
    for (const [layer, head] of heads) this.kernel.switch_head(layer, head, 1);
    try {
      return run();
    } finally {
      for (const [layer, head] of heads) this.kernel.switch_head(layer, head, 0);
      this.seen.length = 0;
    }
  }

  /**
   * Run at most SLICE tokens.
   * @param {number[]} ids
   * @param {number} past
   * @param {Sizes} sizes
   * @param {boolean} [all] whether logits of every token are wanted
   */
  run(ids, past, sizes, all = false) {
    const start = this.kernel.result(4 * (sizes[0] + sizes[1] + sizes[2]));
    if (!start) throw new Error(NO_MEMORY);
    const at = [start, start + 4 * sizes[0], start + 4 * (sizes[0] + sizes[1])];
    const [logits, attentions, hidden] = at.map((place, i) => (sizes[i] ? place : 0));
    new Int32Array(this.memory.buffer, this.kernel.ids(), ids.length).set(ids);
    this.seen.length = past; // also if the kernel is stopped midway
    this.kernel.forward(ids.length, past, all ? ids.length : 1, logits, attentions, hidden);
    this.seen.push(...ids);
    return sizes.map((size, i) => new Float32Array(this.memory.buffer, at[i], size).slice());
  }

  /**
   * Refuse with a sentence what cannot be run.
   * @param {number[]} ids
   * @param {number} past
   * @param {Wanted & {ablate?: Head[]}} [wanted]
   */
  check(ids, past, { ablate = [], ...wanted } = {}) {
    checkIds(ids, this.config);
    if (!Number.isInteger(past) || past < 0 || past > this.seen.length)
      fail(`The cache holds ${this.seen.length} tokens: ${past} cannot be past.`);
    if (past && ablate.length)
      fail("What the cache holds was made with all heads: run the whole text to leave some out.");
    checkHeads(ablate, this.config);
    checkLength(ids.length, past + ids.length, wanted, this.limits);
  }

  /** The logits (V,) after ids, computing only what the cache does not hold. @param {number[]} ids */
  next(ids) {
    let past = 0;
    while (past < ids.length - 1 && ids[past] === this.seen[past]) past++;
    return this.forward(ids.slice(past), { past }).logits;
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
   *   the same text
   * @returns {Generator<Step, void, void>} `text` is the whole characters that this token completes,
   *   `p` its probability before temperature and filters. If the text ends within a character, the
   *   stop token comes too, with U+FFFD as its text.
   */
  generate(ids, { maxNewTokens = 50, seed = Math.random() * 2 ** 32, ...sampling } = {}) {
    checkSampling(sampling);
    if (!Number.isInteger(maxNewTokens) || maxNewTokens < 0)
      fail(`maxNewTokens must be a whole number, 0 or more, not ${maxNewTokens}.`);
    this.check(ids, 0);
    const [n, all, { context }] = [ids.length, ids.length + maxNewTokens, this.limits];
    if (all > context)
      fail(
        `${all} tokens (${n} given, the others new) are more than the ${context} that the model sees here: ask for fewer.`,
      );
    return this.steps([...ids], maxNewTokens, sampling, random(seed));
  }

  /**
   * @param {number[]} ids grows with the text
   * @param {number} n
   * @param {Sampling} sampling
   * @param {() => number} next the next random number
   * @returns {Generator<Step, void, void>}
   */
  *steps(ids, n, sampling, next) {
    const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
    for (let left = n; left > 0; left--) {
      const logits = this.next(ids);
      const id = draw(distribution(logits, sampling), next());
      const stop = this.stopIds.includes(id);
      const bytes = stop ? new Uint8Array() : this.tokenizer.tokenBytes(id);
      const text = utf8.decode(bytes, { stream: !stop && left > 1 });
      if (!stop || text) yield { id, text, p: Math.exp(logSoftmax(logits, id)) };
      if (stop) return;
      ids.push(id);
    }
  }
}

// ---------------------------------------------------------- what may be asked for

/** @param {number[]} ids @param {Config} config */
function checkIds(ids, { vocab_size }) {
  if (!ids.length) fail("There are no tokens: the model needs at least one to go on from.");
  if (!ids.every((id) => Number.isInteger(id) && id >= 0 && id < vocab_size))
    fail(`Token ids are whole numbers from 0 to ${vocab_size - 1}.`);
}

/** @param {Head[]} heads @param {Config} config */
function checkHeads(heads, { n_layer, n_head }) {
  /** @param {unknown} i @param {number} count */
  const isIndex = (i, count) => Number.isInteger(i) && Number(i) >= 0 && Number(i) < count;
  /** @param {unknown} pair */
  const isHead = (pair) =>
    Array.isArray(pair) && isIndex(pair[0], n_layer) && isIndex(pair[1], n_head);
  if (!Array.isArray(heads) || !heads.every(isHead))
    fail(`A head is [layer, head], from [0, 0] to [${n_layer - 1}, ${n_head - 1}].`);
}

/**
 * @param {number} T tokens to run
 * @param {number} S tokens with those in the cache
 * @param {Wanted} wanted
 * @param {Model["limits"]} limits
 */
function checkLength(T, S, { all, attentions, hidden }, limits) {
  /** @param {number} n @param {number} most @param {string} of */
  const refuse = (n, most, of) =>
    fail(`${n} tokens are more than the ${most} ${of}: use a shorter text.`);
  if (S > limits.context) refuse(S, limits.context, "that the model sees here");
  if (attentions && S > limits.attention)
    refuse(S, limits.attention, "of which attention can be shown");
  if ((all || hidden) && T > limits.all)
    refuse(T, limits.all, "of which all results can be had at once");
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

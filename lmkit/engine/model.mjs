// The driver: brings a GGUF file and lm.wasm together, and goes from logits to text.
//
//   const builder = new ModelBuilder(size);               // size of the file in bytes
//   builder.write(0, bytes); …                            // in parts, in any order
//   const model = await builder.finish(wasm);
//   model.forward([model.startId, ...model.encode("The cat")]).logits
//
// It runs in a page, a Worker or node, and holds its thread while it computes.
import { readGguf } from "./gguf.mjs";
import { Tokenizer } from "./bpe.mjs";
import { greatest, probabilities, random } from "../kit/sampling.mjs";

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
 */

// A module of one function that uses one SIMD instruction: (func (drop (v128.const …)))
const SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 23, 1, 21, 0, 253, 12, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 26, 11,
];

/** Whether the model can run here: null if so, else a sentence that says what is missing. */
export function supported(scope = globalThis) {
  if (typeof scope.WebAssembly?.validate !== "function")
    return "This browser has no WebAssembly, or it is switched off: the model cannot run here.";
  if (!scope.WebAssembly.validate(Uint8Array.from(SIMD)))
    return "This browser’s WebAssembly has no SIMD instructions: a newer browser can run the model.";
  if (scope.navigator?.deviceMemory < 1)
    return "This device has less memory than the model needs, about 200 MB.";
  return null;
}

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

  /** Put bytes of the file at their place. */
  write(offset, bytes) {
    if (!(offset >= 0 && offset + bytes.length <= this.size))
      throw new Error("More bytes came than the model’s file has.");
    new Uint8Array(this.memory.buffer).set(bytes, FILE_AT + offset);
    this.written += bytes.length;
  }

  /**
   * Make the model once every byte is there.
   * @param {WebAssembly.Module | BufferSource} wasm lm.wasm, compiled or not
   * @param {{context?: number, attention?: number}} [limits] tokens that the model sees at most,
   *   and tokens of which it gives attentions
   * @returns {Promise<Model>}
   */
  async finish(wasm, { context = 512, attention = SLICE } = {}) {
    if (this.written < this.size)
      throw new Error(`Only ${this.written} of the model’s ${this.size} bytes have come.`);
    const { settings, tensors } = readGguf(new Uint8Array(this.memory.buffer, FILE_AT, this.size));
    const config = readConfig(settings, context);
    const tokenizer = readTokenizer(settings, config);
    const tables = [
      ["token_embd", "output_norm"],
      ...Array.from({ length: config.n_layer }, (_, l) => PARTS.map((part) => `blk.${l}.${part}`)),
    ];
    const kernel = await instantiate(wasm, this.memory);
    kernel.set_sizes(
      config.n_layer,
      config.n_embd,
      config.n_head,
      config.n_kv_head,
      config.n_hidden,
      config.vocab_size,
      config.n_context,
      config.norm_eps,
    );
    tables.forEach((names, i) =>
      names.forEach((name, part) => {
        const { offset, type, rows, columns } = checked(
          name,
          tensors.get(`${name}.weight`),
          config,
        );
        kernel.set_tensor(i - 1, part, FILE_AT + offset, type, rows, columns);
      }),
    );
    if (!kernel.set_buffers(FILE_AT + this.size)) throw new Error(NO_MEMORY);
    const size = config.n_context * (config.n_embd / config.n_head);
    new Float32Array(this.memory.buffer, kernel.rope_table(), size).set(ropeTable(config));
    return new Model(this.memory, kernel, config, tokenizer, Math.min(attention, SLICE));
  }
}

const NO_MEMORY =
  "The browser has not enough memory left for the model: close other pages and try again.";

async function instantiate(wasm, memory) {
  const made = await WebAssembly.instantiate(wasm, { env: { memory } });
  const kernel = (made.instance ?? made).exports;
  if (kernel.__heap_base.value > FILE_AT)
    throw new Error("lm.wasm needs more room below the model’s file.");
  return kernel;
}

/**
 * The sizes in a file's settings, checked, so that the kernel can rely on them.
 * @returns {Config}
 */
export function readConfig(settings, context) {
  const get = (name, least, most) => {
    const value = settings.get(`llama.${name}`);
    if (typeof value !== "number" || !(value >= least && value <= most))
      damaged(`${name} is ${value}`);
    return value;
  };
  const whole = (name, most) =>
    Number.isInteger(get(name, 1, most)) ? get(name, 1, most) : damaged(`${name} is not whole`);
  const config = {
    n_layer: whole("block_count", 64),
    n_head: whole("attention.head_count", 256),
    n_kv_head: whole("attention.head_count_kv", 256),
    n_embd: whole("embedding_length", 8192),
    n_hidden: whole("feed_forward_length", 32768),
    vocab_size: whole("vocab_size", 2 ** 20),
    n_context: Math.min(context, whole("context_length", 2 ** 20)),
    rope_base: get("rope.freq_base", 1, 1e12),
    norm_eps: get("attention.layer_norm_rms_epsilon", 0, 1),
  };
  const d = config.n_embd / config.n_head;
  if (d % 16 || config.n_head % config.n_kv_head)
    damaged(`${config.n_head} heads do not share ${config.n_embd} numbers`);
  return config;
}

const damaged = (why) => {
  throw new Error(`The model’s file is damaged or of another kind: ${why}.`);
};

function readTokenizer(settings, config) {
  const [tokens, merges, types] = ["tokens", "merges", "token_type"].map((name) =>
    settings.get(`tokenizer.ggml.${name}`),
  );
  const lists = [tokens, merges, types].every(Array.isArray) && tokens.length === config.vocab_size;
  if (!lists || ![...tokens, ...merges].every((item) => typeof item === "string"))
    damaged("it has no vocabulary");
  return new Tokenizer(tokens, merges, types);
}

/** The shape (rows, columns) and kind of number that a tensor must have. */
function checked(name, tensor, c) {
  const part = name.split(".").at(-1);
  const kv = (c.n_embd / c.n_head) * c.n_kv_head;
  const rows =
    { token_embd: c.vocab_size, attn_k: kv, attn_v: kv, ffn_gate: c.n_hidden, ffn_up: c.n_hidden }[
      part
    ] ?? c.n_embd;
  const isNorm = part.endsWith("norm");
  const shape = isNorm ? [1, c.n_embd] : [rows, part === "ffn_down" ? c.n_hidden : c.n_embd];
  if (!tensor || tensor.rows !== shape[0] || tensor.columns !== shape[1])
    damaged(`tensor ${name} is not ${shape.join(" × ")}`);
  if ((tensor.type === 0) !== isNorm || (tensor.rows % 4 === 0) === isNorm)
    damaged(`tensor ${name} is of another format`);
  return tensor;
}

/** Cosine and sine (n_context, d/2, 2) of position · base^(−2i/d). */
export function ropeTable({ n_context, n_embd, n_head, rope_base }) {
  const d = n_embd / n_head;
  return Float32Array.from({ length: n_context * d }, (_, at) => {
    const i = Math.floor((at % d) / 2);
    const angle = Math.floor(at / d) * rope_base ** ((-2 * i) / d);
    return at % 2 ? Math.sin(angle) : Math.cos(angle);
  });
}

/** A language model in memory. */
export class Model {
  constructor(memory, kernel, config, tokenizer, attention) {
    Object.assign(this, { memory, kernel, config, tokenizer });
    this.limits = { context: config.n_context, attention, all: SLICE };
    this.seen = []; // ids of the tokens whose keys and values are in the cache
    this.startId = this.special("<|endoftext|>");
    this.stopIds = [this.startId, this.special("<|im_end|>")];
  }

  /**
   * A model from the bytes of its file, whole or in parts that follow each other.
   * @param {Uint8Array | Iterable<Uint8Array>} bytes
   */
  static create(bytes, wasm, limits) {
    const parts = bytes instanceof Uint8Array ? [bytes] : [...bytes];
    const builder = new ModelBuilder(parts.reduce((size, part) => size + part.length, 0));
    for (const part of parts) builder.write(builder.written, part);
    return builder.finish(wasm, limits);
  }

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
   * @param {string | {role: string, content: string}[]} messages
   */
  chatIds(messages) {
    const given = typeof messages === "string" ? [{ role: "user", content: messages }] : messages;
    checkMessages(given);
    const all =
      given[0].role === "system" ? given : [{ role: "system", content: SYSTEM }, ...given];
    const [start, end] = [this.special("<|im_start|>"), this.special("<|im_end|>")];
    const turn = ({ role, content }) => [
      start,
      ...this.encode(`${role}\n${content}`),
      end,
      ...this.encode("\n"),
    ];
    return [...all.flatMap(turn), start, ...this.encode("assistant\n")];
  }

  /**
   * Run T token ids behind `past` tokens that earlier calls left in the cache.
   * @param {number[]} ids
   * @param {{past?: number, all?: boolean, attentions?: boolean, hidden?: boolean,
   *   ablate?: [number, number][]}} [options] heads in `ablate`, as [layer, head], add nothing to
   *   their layer's output
   * @returns {{logits: Float32Array, attentions?: Float32Array, hidden?: Float32Array}} copies:
   *   logits (V,) of the last token or (T, V) of all, attentions (n_layer, n_head, T, past + T),
   *   hidden states (n_layer + 1, T, D): embeddings, then each layer's output, the last one normed
   */
  forward(ids, { past = 0, all = false, attentions = false, hidden = false, ablate = [] } = {}) {
    this.check(ids, past, { all, attentions, hidden, ablate });
    if (ablate.length)
      return this.without(ablate, () => this.forward(ids, { all, attentions, hidden }));
    const { n_layer, n_head, n_embd, vocab_size } = this.config;
    let from = 0; // a long text runs in slices, and only the last one has results
    for (; ids.length - from > SLICE; from += SLICE)
      this.run(ids.slice(from, from + SLICE), past + from, [vocab_size, 0, 0]);
    const [T, S] = [ids.length - from, past + ids.length];
    const sizes = [
      (all ? T : 1) * vocab_size,
      attentions ? n_layer * n_head * T * S : 0,
      hidden ? (n_layer + 1) * T * n_embd : 0,
    ];
    const results = this.run(ids.slice(from), past + from, sizes, all);
    return {
      logits: results[0],
      ...(attentions && { attentions: results[1] }),
      ...(hidden && { hidden: results[2] }),
    };
  }

  /** Run with some heads off; what is then in the cache is of no use to other calls. */
  without(heads, run) {
    for (const [layer, head] of heads) this.kernel.switch_head(layer, head, 1);
    try {
      return run();
    } finally {
      for (const [layer, head] of heads) this.kernel.switch_head(layer, head, 0);
      this.seen.length = 0;
    }
  }

  /** Run at most SLICE tokens; `sizes` of logits, attentions and hidden states, 0 for none. */
  run(ids, past, sizes, all = false) {
    const start = this.kernel.result(4 * (sizes[0] + sizes[1] + sizes[2]));
    if (!start) throw new Error(NO_MEMORY);
    const at = [start, start + 4 * sizes[0], start + 4 * (sizes[0] + sizes[1])];
    new Int32Array(this.memory.buffer, this.kernel.ids(), ids.length).set(ids);
    this.seen.length = past; // also if the kernel is stopped midway
    this.kernel.forward(
      ids.length,
      past,
      all ? ids.length : 1,
      ...at.map((place, i) => (sizes[i] ? place : 0)),
    );
    this.seen.push(...ids);
    return sizes.map((size, i) => new Float32Array(this.memory.buffer, at[i], size).slice());
  }

  check(ids, past, { all, attentions, hidden, ablate = [] }) {
    const { context, attention, all: most } = this.limits;
    const say = (sentence) => {
      throw new Error(sentence);
    };
    if (!ids.length) say("There are no tokens: the model needs at least one to go on from.");
    if (!ids.every((id) => Number.isInteger(id) && id >= 0 && id < this.config.vocab_size))
      say(`Token ids are whole numbers from 0 to ${this.config.vocab_size - 1}.`);
    if (!Number.isInteger(past) || past < 0 || past > this.seen.length)
      say(`The cache holds ${this.seen.length} tokens: ${past} cannot be past.`);
    if (past && ablate.length)
      say("What the cache holds was made with all heads: run the whole text to leave some out.");
    const { n_layer, n_head } = this.config;
    const isHead = ([layer, head]) =>
      Number.isInteger(layer) &&
      Number.isInteger(head) &&
      layer >= 0 &&
      layer < n_layer &&
      head >= 0 &&
      head < n_head;
    if (!(Array.isArray(ablate) && ablate.every((pair) => Array.isArray(pair) && isHead(pair))))
      say(`A head is [layer, head], from [0, 0] to [${n_layer - 1}, ${n_head - 1}].`);
    const S = past + ids.length;
    if (S > context)
      say(`${S} tokens are more than the ${context} that the model sees here: use a shorter text.`);
    if (attentions && S > attention)
      say(
        `${S} tokens are more than the ${attention} of which attention can be shown: use a shorter text.`,
      );
    if ((all || hidden) && ids.length > most)
      say(
        `${ids.length} tokens are more than the ${most} of which all results can be had at once: use a shorter text.`,
      );
  }

  /** The logits (V,) after ids, computing only what the cache does not hold already. */
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
    this.check(ids, 0, {});
    const { vocab_size } = this.config;
    const logP = new Float64Array(ids.length - 1);
    for (let from = 0; from < logP.length; from += SLICE) {
      const part = ids.slice(from, Math.min(from + SLICE, logP.length));
      const { logits } = this.forward(part, { past: from, all: true });
      part.forEach(
        (_, t) =>
          (logP[from + t] = logSoftmax(
            logits.subarray(t * vocab_size, (t + 1) * vocab_size),
            ids[from + t + 1],
          )),
      );
    }
    return logP;
  }

  /**
   * Go on with token ids until the text ends or maxNewTokens have come.
   * @param {number[]} ids
   * @param {Sampling & {maxNewTokens?: number, seed?: number}} [options] temperature 0 takes the
   *   likeliest each time; the same seed gives the same text
   * @returns {Generator<{id: number, text: string, p: number}>} `text` is the whole characters
   *   that this token completes, `p` its probability before temperature and filters. If the text
   *   ends within a character, the stop token comes too, with U+FFFD as its text.
   */
  generate(ids, { maxNewTokens = 50, seed = Math.random() * 2 ** 32, ...sampling } = {}) {
    checkSampling(sampling);
    if (!Number.isInteger(maxNewTokens) || maxNewTokens < 0)
      throw new Error(`maxNewTokens must be a whole number, 0 or more, not ${maxNewTokens}.`);
    this.check(ids, 0, {});
    const all = ids.length + maxNewTokens;
    if (all > this.limits.context)
      throw new Error(
        `${all} tokens (${ids.length} given, the others new) are more than the ${this.limits.context} that the model sees here: ask for fewer.`,
      );
    return this.steps([...ids], maxNewTokens, sampling, random(seed));
  }

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

function checkMessages(messages) {
  if (!messages.length) throw new Error("There are no messages: give at least one.");
  for (const { role, content } of messages) {
    if (!ROLES.includes(role))
      throw new Error(`A role is one of ${ROLES.join(", ")}, not ${role}.`);
    if (typeof content !== "string") throw new Error("A message’s content is text.");
  }
}

function checkSampling({ temperature = 1, topK = 0, topP = 1 }) {
  if (!(temperature >= 0 && temperature < Infinity))
    throw new Error(`The temperature must be 0 (greedy) or more, not ${temperature}.`);
  if (topK && !(Number.isInteger(topK) && topK > 0))
    throw new Error(`topK must be a whole number of tokens, not ${topK}.`);
  if (!(topP > 0 && topP <= 1)) throw new Error(`topP must be above 0 and at most 1, not ${topP}.`);
}

/** log of softmax(logits)[id] */
export function logSoftmax(logits, id) {
  const top = greatest(logits);
  let total = 0;
  for (let i = 0; i < logits.length; i++) total += Math.exp(logits[i] - top);
  return logits[id] - top - Math.log(total);
}

/**
 * The tokens that may be drawn, with their probabilities: the kit's `probabilities` less its zeros.
 * @param {Float32Array} logits @param {Sampling} [sampling]
 * @returns {{ids: number[], probabilities: number[]}}
 */
export function distribution(logits, sampling = {}) {
  if (sampling.temperature === 0)
    return { ids: [logits.indexOf(greatest(logits))], probabilities: [1] };
  const p = probabilities(Float64Array.from(logits), sampling);
  const ids = [];
  p.forEach((q, id) => q > 0 && ids.push(id));
  return { ids, probabilities: ids.map((id) => p[id]) };
}

/** The first id at which the probabilities' sum exceeds u, a number drawn from [0, 1). */
export function draw({ ids, probabilities: p }, u) {
  let sum = 0;
  return ids.at(p.findIndex((q) => (sum += q) > u)); // the last one, if rounding left the sum below u
}

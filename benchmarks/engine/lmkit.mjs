// The book's own engine: each peer has load() and greedy(text, n), which gives [text, ms of each token].
import { Model } from "/repo/lmkit/engine/model.mjs";

const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());
let model;

export async function load() {
  const wasm = await WebAssembly.compileStreaming(fetch("/repo/lmkit/engine/lm.wasm"));
  model = await Model.create(await bytes("/smollm2.gguf"), wasm);
}

export function greedy(text, n) {
  const at = [];
  let out = "";
  for (const token of model.generate(model.encode(text), { maxNewTokens: n, temperature: 0 })) {
    out += token.text;
    at.push(performance.now());
  }
  return [out, at];
}

/** Milliseconds of 12 tokens: the last logits alone, and everything. */
export function twelve() {
  const ids = Array.from({ length: 12 }, (_, i) => 500 + 7 * i);
  const time = (options) => {
    const start = performance.now();
    model.forward(ids, options);
    return performance.now() - start;
  };
  return [time({}), time({ all: true, attentions: true, hidden: true })];
}

/** Milliseconds of prompts of so many tokens, each read anew. */
export function prompts(lengths) {
  return lengths.map((n) => {
    const start = performance.now();
    model.forward(Array.from({ length: n }, (_, i) => 500 + 7 * i));
    return performance.now() - start;
  });
}

/** Milliseconds of eight sampled continuations, one after another and together. */
export function eight(text, maxNewTokens) {
  const ids = model.encode(text);
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
  const options = { maxNewTokens, temperature: 0.9, topK: 50 };
  const time = (write) => {
    const start = performance.now();
    write();
    return performance.now() - start;
  };
  const alone = time(() => seeds.map((seed) => [...model.generate(ids, { ...options, seed })]));
  return [alone, time(() => [...model.generateMany(ids, { ...options, seeds })])];
}

export const memory = () => model.memory.buffer.byteLength;
export const encode = (text) => model.encode(text);
export const decode = (ids) => model.decode(ids);

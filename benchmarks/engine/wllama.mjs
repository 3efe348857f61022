// wllama: llama.cpp compiled to WebAssembly, one thread, on the same GGUF.
import { Wllama } from "/peers/@wllama/wllama/esm/index.js";

let wllama;

export async function load() {
  const logger = { debug() {}, log() {}, warn() {}, error() {} };
  wllama = new Wllama({ default: "/peers/@wllama/wllama/esm/wasm/wllama.wasm" }, { logger });
  const file = await (await fetch("/smollm2.gguf")).blob();
  await wllama.loadModel([file], { n_ctx: 512, n_threads: 1, n_gpu_layers: 0 });
}

export async function greedy(text, n) {
  const at = [];
  let out = "";
  const stream = await wllama.createCompletion({
    prompt: text,
    max_tokens: n,
    temperature: 0,
    top_k: 1,
    stream: true,
  });
  for await (const chunk of stream) {
    if (!chunk.choices[0].text) continue;
    out += chunk.choices[0].text;
    at.push(performance.now());
  }
  return [out, at];
}

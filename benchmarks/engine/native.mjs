// llama.cpp as a native program (node-llama-cpp's binary), one thread: node native.mjs GGUF TEXT N
// gives its text, when each token came, and the milliseconds of prompts of 12, 100 and 400 tokens.
import { getLlama } from "node-llama-cpp";

const [file, text, n] = process.argv.slice(2);
const llama = await getLlama({
  gpu: false,
  build: "never",
  logLevel: "error",
  maxThreads: 1,
  progressLogs: false,
});
const model = await llama.loadModel({ modelPath: file });
const context = await model.createContext({ contextSize: 512, threads: 1 });

async function greedy() {
  const sequence = context.getSequence();
  const [at, all] = [[], []];
  for await (const token of sequence.evaluate(model.tokenize(text), { temperature: 0 })) {
    all.push(token);
    at.push(performance.now());
    if (at.length === Number(n)) break;
  }
  sequence.dispose();
  return [model.detokenize(all, true), at];
}

/** Milliseconds until the first token behind a prompt of n tokens. */
async function prompt(n) {
  const sequence = context.getSequence();
  const tokens = Array.from({ length: n }, (_, i) => 500 + 7 * i);
  const start = performance.now();
  for await (const _ of sequence.evaluate(tokens, { temperature: 0 })) break;
  const ms = performance.now() - start;
  sequence.dispose();
  return ms;
}

await greedy(); // warm
const written = await greedy();
const prompts = [];
for (const n of [12, 100, 400]) prompts.push(await prompt(n));
console.log(JSON.stringify([...written, prompts]));
process.exit(0);

// llama.cpp as a native program (node-llama-cpp's binary), one thread: node native.mjs GGUF TEXT N
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

await greedy(); // warm
console.log(JSON.stringify(await greedy()));
process.exit(0);

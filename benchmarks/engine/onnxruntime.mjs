// onnxruntime-web on the CPU, one thread, with the same weights in its own 4- and 8-bit format.
import * as ort from "/peers/onnxruntime-web/dist/ort.wasm.min.mjs";
import { Tokenizer } from "/repo/lmkit/engine/bpe.mjs";
import { readGguf } from "/repo/lmkit/engine/gguf.mjs";

const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());
const SIZES = { L: 30, G: 3, d: 64, V: 49152 };
let session;
let tokenizer;

export async function load() {
  const { settings } = readGguf(await bytes("/smollm2.gguf"));
  tokenizer = new Tokenizer(
    ...["tokens", "merges", "token_type"].map((name) => settings.get(`tokenizer.ggml.${name}`)),
  );
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = "/peers/onnxruntime-web/dist/";
  session = await ort.InferenceSession.create(await bytes("/model.onnx"), {
    executionProviders: ["wasm"],
  });
}

/** Run ids behind `past` tokens: the last logits, and the cache with them. */
async function run(ids, past, cache) {
  const total = past + ids.length;
  const int32 = (values, shape) => new ort.Tensor("int32", Int32Array.from(values), shape);
  const feeds = {
    ids: new ort.Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]),
    seqlens_k: int32([total - 1], [1]),
    total: int32([total], []),
  };
  const out = await session.run({ ...feeds, ...cache });
  const next = {};
  for (let i = 0; i < SIZES.L; i++)
    for (const kind of ["k", "v"]) next[`past_${kind}.${i}`] = out[`new_${kind}.${i}`];
  return { logits: out.logits.data.subarray((ids.length - 1) * SIZES.V), cache: next };
}

const empty = () => {
  const cache = {};
  for (let i = 0; i < SIZES.L; i++)
    for (const kind of ["k", "v"])
      cache[`past_${kind}.${i}`] = new ort.Tensor("float32", new Float32Array(0), [
        1,
        SIZES.G,
        0,
        SIZES.d,
      ]);
  return cache;
};

export async function greedy(text, n) {
  let ids = tokenizer.encode(text);
  let [past, cache] = [0, empty()];
  const [at, all] = [[], []];
  for (let i = 0; i < n; i++) {
    const out = await run(ids, past, cache);
    past += ids.length;
    cache = out.cache;
    ids = [out.logits.reduce((best, z, j) => (z > out.logits[best] ? j : best), 0)];
    all.push(ids[0]);
    at.push(performance.now());
  }
  return [tokenizer.decode(all), at];
}

export async function twelve() {
  const start = performance.now();
  await run(
    Array.from({ length: 12 }, (_, i) => 500 + 7 * i),
    0,
    empty(),
  );
  return [performance.now() - start];
}

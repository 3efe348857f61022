import {
  byteAlphabet,
  Heap,
  merge,
  showBytes,
  split,
  Tokenizer,
  wellFormed,
} from "../../lmkit/engine/bpe.mjs";
import { readGguf } from "../../lmkit/engine/gguf.mjs";
import {
  distribution,
  draw,
  logSoftmax,
  readConfig,
  ropeTable,
  supported,
} from "../../lmkit/engine/model.mjs";
import { probabilities, random } from "../../lmkit/kit/sampling.mjs";
import { close, closeAll, equal, test, throws } from "./harness.mjs";

const utf8 = new TextEncoder();
const u32 = (n) => [...new Uint8Array(new Uint32Array([n]).buffer)];
const u64 = (n) => [...new Uint8Array(new BigUint64Array([BigInt(n)]).buffer)];
const text = (s) => [...u64(utf8.encode(s).length), ...utf8.encode(s)];

/** The smallest file: three settings, one tensor of 32 weights in Q8_0, and its numbers. */
function file() {
  const head = [
    ...utf8.encode("GGUF"),
    ...u32(3),
    ...u64(1),
    ...u64(3),
    ...text("llama.block_count"),
    ...u32(4),
    ...u32(30),
    ...text("names"),
    ...u32(9),
    ...u32(8),
    ...u64(2),
    ...text("a"),
    ...text("é"),
    ...text("eps"),
    ...u32(6),
    ...new Uint8Array(new Float32Array([0.5]).buffer),
    ...text("w"),
    ...u32(2),
    ...u64(32),
    ...u64(1),
    ...u32(8),
    ...u64(0),
  ];
  const start = Math.ceil(head.length / 32) * 32;
  return Uint8Array.from([...head, ...Array(start - head.length).fill(0), ...Array(34).fill(7)]);
}

test("a GGUF file gives its settings and where its tensors lie", () => {
  const bytes = file();
  const { settings, tensors } = readGguf(bytes);
  equal(
    [...settings],
    [
      ["llama.block_count", 30],
      ["names", ["a", "é"]],
      ["eps", 0.5],
    ],
  );
  equal(tensors.get("w"), { columns: 32, rows: 1, type: 8, offset: bytes.length - 34 });
});

test("a GGUF file that is cut anywhere is refused in a sentence", () => {
  const bytes = file();
  for (let size = 0; size < bytes.length; size++)
    throws(() => readGguf(bytes.subarray(0, size)), /^The model.s file is damaged .*\.$/);
});

test("a GGUF file with any byte changed is read or refused in a sentence, at once", () => {
  const start = performance.now();
  let refused = 0;
  for (let i = 0; i < file().length; i++) {
    for (const value of [0, 1, 9, 127, 255]) {
      const bytes = file();
      bytes[i] = value;
      try {
        readGguf(bytes);
      } catch (error) {
        if (!/^The model.s file is damaged .*\.$/.test(error.message)) throw error;
        refused++;
      }
    }
  }
  equal(refused > 100 && performance.now() - start < 2000, true);
});

test("a text is split before a merge can cross its words, each digit alone", () => {
  equal(split("It's 42,  ok\n\n x"), ["It", "'s", " ", "4", "2", ",", " ", " ok", "\n\n", " x"]);
  equal(split("\ufeffa\u0085b"), ["\ufeff", "a", "\u0085", "b"]);
  equal(split(""), []);
});

test("half a surrogate pair becomes U+FFFD, a whole one stays", () => {
  equal(wellFormed("a\ud800b\udc00\ud83d\ude00"), "a\ufffdb\ufffd😀");
});

test("every byte has a visible character of its own", () => {
  const alphabet = byteAlphabet();
  equal(
    [alphabet[65], alphabet[32], alphabet[0], alphabet[255], new Set(alphabet).size],
    ["A", "Ġ", "Ā", "ÿ", 256],
  );
});

test("a heap gives the smallest first", () => {
  const next = random(1);
  const numbers = Array.from({ length: 200 }, () => Math.floor(next() * 50));
  const heap = new Heap();
  for (const n of numbers) heap.push(n);
  equal(
    [...numbers.map(() => heap.pop()), heap.pop() ?? "none"],
    [...numbers.sort((a, b) => a - b), "none"],
  );
});

test("merging joins the leftmost pair of the lowest rank, as by hand", () => {
  // 1 1 → 9 before 0 9 → 8: "0 1 1 1 1" is first 0 9 1 1, then 0 9 9, then 8 9
  const ranks = new Map([
    ["1 1", 0],
    ["0 9", 1],
  ]);
  equal(
    merge(
      [0, 1, 1, 1, 1],
      (a, b) => ranks.get(`${a} ${b}`),
      (r) => [9, 8][r],
    ),
    [8, 9],
  );
  equal(
    merge(
      [1, 1, 1],
      (a, b) => ranks.get(`${a} ${b}`),
      (r) => [9, 8][r],
    ),
    [9, 1],
  );
  equal(
    merge(
      [],
      () => 0,
      () => 0,
    ),
    [],
  );
});

test("merging with a heap does what merging step by step does", () => {
  const next = random(2);
  const pick = (n) => Math.floor(next() * n);
  for (let round = 0; round < 100; round++) {
    const ranks = new Map();
    for (let r = 0; r < 12; r++) ranks.set(`${pick(4 + r)} ${pick(4 + r)}`, r);
    const rank = (a, b) => ranks.get(`${a} ${b}`);
    const start = Array.from({ length: pick(30) }, () => pick(4));
    equal(
      merge([...start], rank, (r) => 4 + r),
      stepByStep([...start], rank),
    );
  }
});

function stepByStep(ids, rank) {
  for (;;) {
    const ranks = ids.slice(1).map((id, i) => rank(ids[i], id) ?? Infinity);
    const r = Math.min(...ranks);
    if (!Number.isFinite(r)) return ids;
    ids.splice(ranks.indexOf(r), 2, 4 + r);
  }
}

const small = () =>
  new Tokenizer(["<|end|>", ..."abĠ", "ab", "Ġab"], ["a b", "Ġ ab"], [3, 1, 1, 1, 1, 1]);

test("a tokenizer encodes, and a special token that is typed is text", () => {
  equal(small().encode("ab abx"), [4, 5]);
  equal(small().encode("<|end|>"), []);
  equal(small().decode([4, 5, 0]), "ab ab<|end|>");
  throws(() => small().decode([6]), /^No token has the number 6: they go from 0 to 5\.$/);
  throws(() => new Tokenizer(["a"], ["a a"], [1]), /makes no token/);
});

test("bytes that are no text are shown as numbers", () => {
  equal(showBytes(utf8.encode("né😀")), "né😀");
  equal(showBytes(Uint8Array.of(0xe2, 0x82)), "\\xe2\\x82");
  equal(showBytes(Uint8Array.of(0xa9, 0x61, 0xc3, 0xa9, 0xf0)), "\\xa9aé\\xf0");
  equal(showBytes(utf8.encode("\ufeff")), "\ufeff");
});

test("a token is drawn at the first place whose sum exceeds u", () => {
  const half = { ids: [4, 9, 2], probabilities: [0.25, 0.5, 0.25] };
  const drawn = [0, 0.2499, 0.25, 0.75, 0.999999].map((u) => draw(half, u));
  equal(drawn, [4, 4, 9, 2, 2]);
});

test("a drawn token is drawn as the kit draws it", () => {
  const next = random(3);
  const logits = Float32Array.from({ length: 500 }, () => 12 * next());
  for (const sampling of [
    {},
    { temperature: 0 },
    { topK: 7 },
    { topP: 0.8, temperature: 0.5 },
    { topK: 20, topP: 0.3 },
  ]) {
    const { ids, probabilities: p } = distribution(logits, sampling);
    const all = probabilities(Float64Array.from(logits), sampling);
    equal(
      ids,
      [...all.keys()].filter((id) => all[id] > 0),
      JSON.stringify(sampling),
    );
    const expected = ids.map((id) => all[id]);
    closeAll(p, expected, 1e-12, JSON.stringify(sampling));
  }
  equal(
    [
      draw({ ids: [4, 9], probabilities: [0.25, 0.75] }, 0.24),
      draw({ ids: [4, 9], probabilities: [0.25, 0.75] }, 0.25),
    ],
    [4, 9],
  );
  equal(draw({ ids: [4, 9], probabilities: [0.25, 0.7] }, 0.99), 9);
});

test("log softmax is exact for large logits", () => {
  close(logSoftmax(Float32Array.of(1000, 1000 + Math.log(3)), 0), Math.log(0.25), 1e-4);
});

test("the table of rotations turns each pair by its position", () => {
  const table = ropeTable({ n_context: 3, n_embd: 4, n_head: 1, rope_base: 100 });
  const expected = [0, 1, 2].flatMap((t) =>
    [t, t / 10].flatMap((angle) => [Math.cos(angle), Math.sin(angle)]),
  );
  closeAll(table, expected, 1e-7);
});

test("sizes that do not fit together are refused", () => {
  const good = {
    block_count: 2,
    "attention.head_count": 4,
    "attention.head_count_kv": 2,
    embedding_length: 64,
    feed_forward_length: 128,
    vocab_size: 100,
    context_length: 2048,
    "rope.freq_base": 1e4,
    "attention.layer_norm_rms_epsilon": 1e-5,
  };
  const read = (change) =>
    readConfig(
      new Map(Object.entries({ ...good, ...change }).map(([k, v]) => [`llama.${k}`, v])),
      512,
    );
  equal([read({}).n_context, read({ context_length: 64 }).n_context], [512, 64]);
  for (const name of Object.keys(good)) throws(() => read({ [name]: -1 }), /damaged/);
  for (const name of Object.keys(good)) throws(() => read({ [name]: "8" }), /damaged/);
  for (const change of [
    { embedding_length: 65 },
    { "attention.head_count_kv": 3 },
    { block_count: 2.5 },
  ])
    throws(() => read(change), /damaged/);
});

test("a browser that cannot run the model says what it lacks", () => {
  equal(supported(), null);
  equal(supported({}).includes("WebAssembly"), true);
  equal(supported({ WebAssembly: { validate: () => false } }).includes("SIMD"), true);
  equal(supported({ WebAssembly, navigator: { deviceMemory: 0.5 } }).includes("memory"), true);
});

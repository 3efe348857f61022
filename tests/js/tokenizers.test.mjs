import { length, train } from "../../lmkit/widgets/bpe_trainer/training.mjs";
import { reading } from "../../lmkit/widgets/bpe_trainer/view.mjs";
import {
  bpeCutter,
  byteTokens,
  characterCutter,
  cutBytes,
  normalise,
  wordCutter,
  wordPieceCutter,
} from "../../lmkit/widgets/tokenizer_playground/cutters.mjs";
import playground, { reading as readCuts } from "../../lmkit/widgets/tokenizer_playground/view.mjs";
import { equal, inBrowser, test, vectors } from "./harness.mjs";

const ids = (tokens) => tokens.map(({ i }) => i);

test("five tokenizers give the ids that Python gives", async () => {
  const { words, characters, merges, pieces, cases } = await vectors("tokenizers");
  equal(cases.length >= 50, true, "number of cases");
  const cutters = {
    words: wordCutter(words),
    characters: characterCutter(characters),
    bytes: cutBytes,
    bpe: bpeCutter([...byteTokens(), ...merges]),
    wordpiece: wordPieceCutter(pieces),
  };
  for (const { text, ...right } of cases) {
    for (const [name, cut] of Object.entries(cutters))
      equal(ids(cut(text)), right[name], `${name} of ${JSON.stringify(text)}`);
  }
});

test("training merges the pairs that Python merges", async () => {
  for (const { text, merges } of (await vectors("tokenizers")).trained) {
    const { bytes, states } = train(text);
    const made = states
      .slice(0, -1)
      .map(({ pairs: [{ a, b }] }) => [Array.from(bytes[a]), Array.from(bytes[b])]);
    equal(made, merges, JSON.stringify(text));
    for (const [k, state] of states.slice(1).entries())
      equal(length(state) <= length(states[k]), true, "the text never grows");
  }
});

test("special tokens and bytes of a stored vocabulary keep their ids", () => {
  const cut = bpeCutter(["\t<|end|>", ...byteTokens(), "a b", "ab c"]);
  equal(ids(cut("abc")), [258]);
  equal(
    cut("<|end|>").every(({ i }) => i > 0),
    true,
  );
});

test("what is unknown is told for what it stands", () => {
  equal(wordCutter(["<unk>", "is"])("Arya is"), [
    { t: "<unk>", i: 0, of: "Arya" },
    { t: "is", i: 1 },
  ]);
  equal(wordPieceCutter(["[UNK]", "un", "##able"])("unable undo"), [
    { t: "un", i: 1 },
    { t: "##able", i: 2 },
    { t: "[UNK]", i: 0, of: "undo" },
  ]);
  equal(wordPieceCutter(["[UNK]", "a", "##a"])("a".repeat(101)).length, 1);
});

test("normalising is that of BERT", () => {
  equal(
    [normalise("Crème BRÛLÉE"), normalise("a\u0000b\ufffd"), normalise("中文"), normalise("İ")],
    ["creme brulee", "ab", " 中  文 ", "i"],
  );
});

test("half surrogate pairs harm nothing", () => {
  equal(characterCutter(["<unk>", "\ufffd"])("\ud800"), [{ t: "\ufffd", i: 1 }]);
  equal(ids(cutBytes("\ud800")), [239, 191, 189]);
});

test("the reading lines say what is seen", () => {
  const learned = train("ab ab ab");
  equal(
    reading(learned, 0),
    "The text has 8 tokens, each a byte. Next: “a” and “b” stand together 3 times.",
  );
  equal(
    reading(learned, 1).startsWith("Merge 1 made “ab”: the text fell from 8 to 5 tokens."),
    true,
  );
  equal(reading(learned, learned.states.length - 1).endsWith("nothing is left to merge."), true);
  equal(
    reading(train("x"), 0),
    "The text has 1 token, each a byte. Every word is one token: nothing is left to merge.",
  );
  equal(
    reading(train("a".repeat(64)), 6),
    `Merge 6 made “${"a".repeat(20)}…”: the text fell from 2 to 1 token. Every word is one token: nothing is left to merge.`,
  );
  equal(reading(train(" ".repeat(4)), 2).startsWith("Merge 2 made “····”"), true);
  equal(reading(train(""), 0), "Type a text to learn from.");
  equal(
    reading(learned, 1, false),
    "Merge 1 made “ab”: the text fell from 8 to 5 tokens. Which pair stands together most often now?",
  );
  const long = train(
    Array.from({ length: 90 }, (_, i) => String.fromCharCode(0x4e00 + 7 * i)).join(""),
  );
  equal(
    reading(long, 60).endsWith(" tokens. Here the figure stops."),
    true,
    "no pair is promised that cannot be merged",
  );
  const rows = [
    { name: "words", tokens: [{ t: "<unk>", i: 0, of: "x" }] },
    { name: "bytes", tokens: cutBytes("xyz") },
    { name: "MiniLM", tokens: null },
  ];
  equal(
    readCuts("xyz", rows),
    "3 characters: from 1 token (words) to 3 (bytes). Not all of it is known to words.",
  );
  equal(readCuts("", rows), "Type a text, or choose an example.");
});

/** A widget's model whose kernel gives these answers, one after another; an Error is refused with. */
function withKernel(state, answers) {
  const listeners = [];
  const requests = [];
  return {
    requests,
    get: (name) => state[name],
    set: (name, value) => {
      state[name] = value;
      for (const fn of listeners) fn();
    },
    on: (_, fn) => listeners.push(fn),
    off: () => {},
    save_changes: () => {},
    can: () => true,
    ask: async ({ text }) => {
      requests.push(text);
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
}

const SMALL = {
  corpus_name: "x",
  words: "<unk> a",
  characters: "ab",
  merges: "a b",
  pieces: "[UNK] a",
  text: "a",
  ids: false,
};

inBrowser("a kernel that refuses is told, for that text alone, and asked again", async () => {
  const stored = {
    text: "a",
    about: "one",
    smollm2: [{ t: "a", i: 1 }],
    minilm: [{ t: "a", i: 1 }],
  };
  const model = withKernel({ ...SMALL, examples: [stored] }, [
    new Error("Out of order."),
    { smollm2: [{ t: "b", i: 2 }], minilm: [{ t: "b", i: 2 }] },
  ]);
  const el = document.createElement("div");
  const close = playground.render({ model, el });
  const says = () => el.querySelector(".lmk-reading").textContent;
  const row = (name) => el.querySelector(`[aria-label="${name}"] .lmk-cut-chips`).textContent;
  const rest = () => new Promise((resolve) => setTimeout(resolve));
  equal(says().startsWith("1 character"), true);
  model.set("text", "b");
  model.set("ids", true); // while the kernel is being asked
  equal(row("SmolLM2"), "asking the kernel …");
  await rest();
  equal([says(), row("SmolLM2"), model.requests], ["Out of order.", "no answer", ["b"]]);
  model.set("text", "a");
  equal(says().startsWith("1 character"), true, "another text is read as ever:");
  model.set("ids", false);
  model.set("text", "b");
  await rest();
  equal(
    [row("SmolLM2"), says().startsWith("1 character"), model.requests],
    ["b", true, ["b", "b"]],
  );
  close();
});

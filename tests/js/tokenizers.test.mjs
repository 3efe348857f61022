import { bpeCutter, byteTokens, characterCutter, cutBytes, normalise, reading as readCuts, wordCutter, wordPieceCutter } from "/lmkit/widgets/tokenizer_playground.mjs";
import { length, reading, train } from "/lmkit/widgets/bpe_trainer.mjs";
import { equal, test, vectors } from "./harness.mjs";

const ids = (tokens) => tokens.map(({ i }) => i);

test("five tokenizers give the ids that Python gives", async () => {
  const { words, characters, merges, pieces, cases } = await vectors("tokenizers");
  equal(cases.length >= 50, true, "number of cases");
  const cutters = { words: wordCutter(words), characters: characterCutter(characters), bytes: cutBytes, bpe: bpeCutter([...byteTokens(), ...merges]), wordpiece: wordPieceCutter(pieces) };
  for (const { text, ...right } of cases) {
    for (const [name, cut] of Object.entries(cutters)) equal(ids(cut(text)), right[name], `${name} of ${JSON.stringify(text)}`);
  }
});

test("training merges the pairs that Python merges", async () => {
  for (const { text, merges } of (await vectors("tokenizers")).trained) {
    const { bytes, states } = train(text);
    const made = states.slice(0, -1).map(({ pairs: [{ a, b }] }) => [Array.from(bytes[a]), Array.from(bytes[b])]);
    equal(made, merges, JSON.stringify(text));
    states.slice(1).forEach((state, k) => equal(length(state) <= length(states[k]), true, "the text never grows"));
  }
});

test("special tokens and bytes of a stored vocabulary keep their ids", () => {
  const cut = bpeCutter(["\t<|end|>", ...byteTokens(), "a b", "ab c"]);
  equal(ids(cut("abc")), [258]);
  equal(cut("<|end|>").every(({ i }) => i > 0), true);
});

test("what is unknown is told for what it stands", () => {
  equal(wordCutter(["<unk>", "is"])("Arya is"), [{ t: "<unk>", i: 0, of: "Arya" }, { t: "is", i: 1 }]);
  equal(wordPieceCutter(["[UNK]", "un", "##able"])("unable undo"), [{ t: "un", i: 1 }, { t: "##able", i: 2 }, { t: "[UNK]", i: 0, of: "undo" }]);
  equal(wordPieceCutter(["[UNK]", "a", "##a"])("a".repeat(101)).length, 1);
});

test("normalising is that of BERT", () => {
  equal([normalise("Crème BRÛLÉE"), normalise("a\u0000b\ufffd"), normalise("中文"), normalise("İ")], ["creme brulee", "ab", " 中  文 ", "i"]);
});

test("half surrogate pairs harm nothing", () => {
  equal(characterCutter(["<unk>", "\ufffd"])("\ud800"), [{ t: "\ufffd", i: 1 }]);
  equal(ids(cutBytes("\ud800")), [239, 191, 189]);
});

test("the reading lines say what is seen", () => {
  const learned = train("ab ab ab");
  equal(reading(learned, 0), "The text has 8 tokens, each a byte. Next: “a” and “b” stand together 3 times.");
  equal(reading(learned, 1).startsWith("Merge 1 made “ab”: the text fell from 8 to 5 tokens."), true);
  equal(reading(learned, learned.states.length - 1).endsWith("nothing is left to merge."), true);
  equal(reading(train(""), 0), "Type a text to learn from.");
  const rows = [{ name: "words", tokens: [{ t: "<unk>", i: 0, of: "x" }] }, { name: "bytes", tokens: cutBytes("xyz") }, { name: "MiniLM", tokens: null }];
  equal(readCuts("xyz", rows), "3 characters: from 1 token (words) to 3 (bytes). Not all of it is known to words.");
  equal(readCuts("", rows), "Type a text, or choose an example.");
});

import { exported, merged, parse, report, saved } from "../../book/site/answers.mjs";
import { countWords, words } from "../../lmkit/widgets/synthesis_question/view.mjs";
import { equal, test, throws, vectors } from "./harness.mjs";

test("saves, imports and files go as in Python", async () => {
  const shared = await vectors("answers");
  for (const { old, text, ticks, seen, record } of shared.saved)
    equal(saved(old, text, ticks, seen), record);
  for (const { old, fresh, record } of shared.merged) equal(merged(old, fresh), record);
  for (const { file, found, refused } of shared.parsed) {
    const actual = parse(file);
    equal([Object.fromEntries(actual.found), actual.refused], [found, refused]);
  }
  for (const { file, error } of shared.refused) throws(() => parse(file), new RegExp(error));
  for (const { found, refused, said } of shared.reports) equal(report(found, refused), said);
  for (const { answers, file } of shared.exported) equal(exported(answers), file);
});

test("a file too large is refused before it is read", () =>
  throws(() => parse(" ".repeat(5_000_001)), /larger than 5 MB/));

test("words are counted as readers do", () => {
  equal(
    ["", "  ", "one", "it’s two, no?", "— … —"].map((text) => countWords(text)),
    [0, 0, 1, 3, 0],
  );
  equal(countWords("a b", null), 2);
  equal([words(1), words(0)], ["1 word", "0 words"]);
});

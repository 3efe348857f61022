import { reading, rows, score, TEMPERATURES } from "../../lmkit/widgets/softmax_explorer/view.mjs";
import { close, equal, test, vectors } from "./harness.mjs";

test("shares are torch's softmax, whatever constant is added", async () => {
  const { temperatures, cases } = await vectors("softmax");
  equal(temperatures, TEMPERATURES, "the stops of both sides");
  equal(cases.length, 135, "number of cases");
  for (const { logits, shift, temperature, p } of cases) {
    for (const [i, row] of rows(logits, shift, temperature).entries())
      close(row.p, p[i], 1e-8 * p[i] + 1e-12, `${logits} + ${shift} at ${temperature}`);
  }
});

test("a power divided by the sum of powers is the share", () => {
  const shown = rows([2, 1, 0], 0.5, 0.7);
  const sum = shown.reduce((total, { power }) => total + power, 0);
  for (const { power, p } of shown) close(power / sum, p, 1e-12);
  close(shown[0].power, Math.exp(2.5 / 0.7), 1e-9);
  equal(
    rows([1, 0], 0, 0).map(({ p }) => p),
    [1, 0],
  );
  equal(Number.isNaN(rows([1, 0], 0, 0)[0].power), true);
});

test("a score has two decimals and a real minus, and no minus zero", () => {
  equal(
    [score(2), score(-1.25), score(-0.001), score(0.1 + 0.2)],
    ["2.00", "−1.25", "0.00", "0.30"],
  );
});

test("the sentence under the softmax speaks of the last touch", () => {
  const words = ["cat", "dog", "bird"];
  const z = [2, 1, 0];
  equal(
    reading(words, z, 0, 1),
    "“cat” has 7.39 of a sum of 11.1: 66.5 %. A logit that is 1 greater than another has 2.72 times its probability.",
  );
  equal(
    reading(words, z, 3, 1, "shift"),
    "3.00 added to every logit: each power and their sum are multiplied by 20.1, so no probability changes.",
  );
  equal(
    reading(words, z, 0, 0.5, "temperature"),
    "Temperature 0.5 divides the differences between logits by 0.5: the greatest gains. “cat” has 86.7 %.",
  );
  equal(
    reading(words, z, 0, 2, "temperature").includes("the shares come closer to each other"),
    true,
  );
  equal(
    reading(words, [0, 1, 0], 0, 0),
    "Temperature 0 is the limit: “dog” has the greatest logit and takes everything.",
  );
  equal(
    reading(words, [1, 1, 1], 0, 0.5, "temperature"),
    "All logits are equal, so each word has 1/3 = 33.3 % at any temperature: only differences count.",
  );
  equal(
    reading(words, [2, 1, 2], 0, 0),
    "Temperature 0 is the limit: of the greatest logits the first, that of “cat”, takes everything.",
  );
});

import { reading, readingAt, totals } from "../../lmkit/widgets/chain_rule/view.mjs";
import { close, equal, test } from "./harness.mjs";

const unit = [0.4, 0.3, 0.2, 0.5, 0.6].map((p, i) => ({
  t: "The quick brown fox jumps".split(" ")[i],
  i,
  l: Math.log(p),
  alt: [{ t: "It", i: 9, l: Math.log(0.5) }],
}));

test("the unit's numbers multiply to 0.0072", () => {
  const { sums, nll, mean, perplexity } = totals(unit);
  close(Math.exp(sums[4]), 0.0072, 1e-12);
  close(nll, -Math.log(0.0072), 1e-12);
  close(mean, nll / 5, 1e-12);
  close(perplexity, 0.0072 ** (-1 / 5), 1e-12);
});

test("an empty text has probability one", () =>
  equal(totals([]), { sums: [], nll: 0, mean: 0, perplexity: 1 }));

test("the reading line gives product, sum, mean and perplexity", () => {
  equal(
    reading(unit),
    "5 tokens: P = 0.00720, NLL = 4.93 nats, 0.987 a token, perplexity 2.68: as unsure as a choice among 2.68 equally likely tokens.",
  );
  equal(
    readingAt(unit, 0).includes("not among its first 1 guesses, of which “It” leads with 50.0 %"),
    true,
  );
});

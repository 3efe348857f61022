import { chart, ticks } from "../../lmkit/kit/chart.mjs";
import { origins, steps } from "../../lmkit/widgets/attention_steps/steps.mjs";
import { asTable, cell, explain } from "../../lmkit/widgets/attention_steps/words.mjs";
import { picture, streams } from "../../lmkit/widgets/multi_head/drawing.mjs";
import { heads, lengths, reading as readHeads } from "../../lmkit/widgets/multi_head/heads.mjs";
import {
  encoding,
  period,
  reading as readPositions,
  similarity,
  speed,
  turned,
} from "../../lmkit/widgets/positional_encoding/view.mjs";
import { close, closeAll, equal, inBrowser, test, vectors } from "./harness.mjs";

test("the steps end where torch's attention ends", async () => {
  const { attention } = await vectors("transformer_widgets");
  equal(attention.length, 12);
  for (const one of attention)
    closeAll(
      steps(one, one).output,
      one.output,
      1e-7,
      `causal ${one.causal}, scaled ${one.scaled}`,
    );
});

test("positions are encoded by the unit's formula", async () => {
  const { encodings } = await vectors("transformer_widgets");
  equal(encodings.length, 12);
  for (const { size, base, position, row } of encodings)
    closeAll([encoding(position, size, base)], [row], 1e-8, `position ${position}`);
});

const STATE = {
  tokens: ["The", "cat", "sat"],
  x: [
    [0, 0, 1],
    [1, 0, 0],
    [0, 1, 0],
  ],
  w_q: [
    [0, 2],
    [3, 0],
    [1, 1],
  ],
  w_k: [
    [2, 0],
    [0, 0],
    [0, 2],
  ],
  w_v: [
    [1, 0],
    [0, 1],
    [0, 0],
  ],
  causal: true,
  scaled: true,
};

test("every cell says how it was computed", () => {
  equal(explain(STATE, "q", 2, 0), "The query of “sat”, entry 1: 0 · 0 + 1 · 3 + 0 · 1 = 3.");
  equal(
    explain(STATE, "scores", 2, 1),
    "How well the key of “cat” answers the query of “sat”: 3 · 2 + 0 · 0 = 6.",
  );
  equal(explain(STATE, "shrunk", 2, 1), "6 divided by √2 = 1.41 is 4.24.");
  equal(
    explain(STATE, "masked", 1, 2),
    "“sat” comes after “cat”: the mask puts −∞ here, and e to that power is 0.",
  );
  equal(
    explain(STATE, "weights", 2, 1),
    "“sat” gives “cat” e^4.24 / (e^0 + e^4.24 + e^0) = 97.2 % of its attention.",
  );
  equal(explain(STATE, "weights", 0, 1), "“The” gives “cat” nothing: the mask hides it.");
  equal(explain(STATE, "x", 0, 2).startsWith("Entry 3 of the vector of “The” is 1."), true);
  equal(explain({ ...STATE, scaled: false }, "shrunk", 2, 1), "Nothing is divided here: 6 stays.");
  equal(origins("scores", 2, 1), [
    ["q", 2, null],
    ["k", 1, null],
  ]);
  equal(cell(-1.005), "−1");
  equal(cell(-Infinity), "−∞");
});

test("a token's way as a table: its scores, its weights, and the values that it takes", () => {
  const [caption, head, rows] = asTable(STATE, 2);
  equal(caption, "What “sat” takes: the values, each times its weight, add up to (0.97, 0.01).");
  equal(rows[1], ["cat", "6", "4.24", "4.24", "97.2 %", "(1, 0)"]);
  equal(head.length, rows[0].length);
  equal(asTable({ ...STATE, scaled: false }, 0)[2][1], ["cat", "2", "2", "−∞", "0 %", "(1, 0)"]);
});

test("a dot product of positions and a turn of RoPE depend on the distance alone", () => {
  for (const offset of [0, 1, 17]) {
    const first = similarity(0, offset, 64, 10000);
    for (const p of [3, 20, 80])
      close(similarity(p, p + offset, 64, 10000), first, 1e-9, `from ${p}`);
    const pairwise = Array.from({ length: 32 }, (_, i) =>
      Math.cos(offset * speed(i, 64, 10000)),
    ).reduce((a, b) => a + b, 0);
    close(first, pairwise, 1e-9, "a sum of cosines");
  }
  const [q, k] = [
    [0.3, -1.2],
    [2, 0.7],
  ];
  const product = (p, s) =>
    turned(q, p * 0.4).reduce((sum, x, i) => sum + x * turned(k, s * 0.4)[i], 0);
  close(product(7, 4), product(23, 20), 1e-9);
  close(period(0, 64, 10000), 2 * Math.PI, 1e-12);
  equal(
    readPositions({
      view: "distance",
      size: 4,
      base: 10,
      position: 10,
      offset: 0,
      pair: 0,
    }).startsWith("PE(10) · PE(10) = 2.00,"),
    true,
  );
});

const TWO = {
  tokens: [{ t: "<|endoftext|>" }, { t: " cat" }],
  shape: [1, 2, 2],
  width: 6,
  weights: Uint8Array.from([255, 51, 204, 255, 0, 255]),
  sizes: [
    [
      [1, 3],
      [1, 4],
    ],
  ],
  total: [[2, 5]],
}; // two heads of two tokens

test("heads are read from bytes, and said in a sentence", () => {
  equal(heads(TWO, 0, 1), [
    { shares: [0.2, 0.8], size: 3, most: 1 },
    { shares: [0, 1], size: 4, most: 1 },
  ]);
  equal(
    readHeads(TWO, 0, 1),
    "For “cat” no head looks most at the start. Head 1 adds most, a vector of length 4.00: 100 % from “cat”. End to end they add 7.00; their sum has length 5.00, about the 5.00 of vectors at right angles: the heads write in different directions.",
  );
  equal(
    readHeads(TWO, 0, 1, 0),
    "Head 0 takes for “cat” 80.0 % from “cat”, 20.0 % from the start. The mean of their values, weighted so, is its slice: 3 of the 6 numbers. W^O turns it into a vector of length 3.00, number 2 of 2.",
  );
  equal(
    readHeads(TWO, 0, 0).startsWith("The first token sees only itself. Head 0 adds most"),
    true,
  );
  equal(
    readHeads({ ...TWO, total: [[2, 3]] }, 0, 1).endsWith(
      "less than the 5.00 of vectors at right angles: the heads partly cancel.",
    ),
    true,
  );
  equal(
    readHeads({ ...TWO, total: [[2, 7]] }, 0, 1).endsWith(
      "more than the 5.00 of vectors at right angles: the heads partly agree.",
    ),
    true,
  );
});

test("the right angle's length is that of three vectors along three axes", () => {
  equal(lengths([{ size: 2 }, { size: 3 }, { size: 6 }], 4), { end: 11, right: 7, total: 4 });
});

test("streams are as wide as their shares, and the earliest token stands outermost", () => {
  const three = streams([0.5, 0.3, 0.2], 100, 50, 200);
  close(
    three.reduce((total, { wide }) => total + wide, 0),
    Math.min(26, 0.62 * 50),
    1e-9,
  );
  close(three[0].wide / three[2].wide, 2.5, 1e-9);
  const across = three.map(({ path }) =>
    Number(
      path
        .match(/H([\d.]+)q([\d.]+)/)
        .slice(1)
        .reduce((a, b) => Number(a) + Number(b)),
    ),
  );
  equal(across[0] > across[1] && across[1] > across[2], true);
  equal(
    across.every((x, k) => x - three[k].wide / 2 >= 100 && x + three[k].wide / 2 <= 150),
    true,
    "all inside the panel",
  );
});

inBrowser("the figure has a panel a head, and three lengths below", () => {
  const all = heads(TWO, 0, 1);
  const whole = picture({ tokens: TWO.tokens, all, at: 1, total: 5, width: 300 });
  equal(
    [...whole.querySelectorAll("[data-head]")].map((one) => one.dataset.head),
    ["0", "1"],
  );
  equal(whole.querySelectorAll("[data-head='0'] path").length, 3, "two streams and a band");
  equal(
    whole.querySelectorAll("[data-head='1'] path").length,
    2,
    "a share of nothing has no stream",
  );
  const texts = [...whole.querySelectorAll("text")].map((one) => one.textContent);
  equal(texts.slice(-3), ["7.00", "5.00", "5.00"]);
});

inBrowser(
  "ticks are round and inside; a chart has a line for each and a name for each of several",
  () => {
    equal(ticks(0, 99), [0, 50]);
    equal(
      ticks(-1.05, 1.05).map((x) => Number(x.toFixed(6))),
      [-1, 0, 1],
    );
    const lines = [
      {
        name: "<b>one</b>",
        points: [
          [0, 1],
          [1, 10],
        ],
      },
      {
        name: "two",
        points: [
          [0, 1],
          [1, 1e9],
        ],
      },
    ];
    const node = chart({
      width: 400,
      x: { label: "x", from: 0, to: 1 },
      y: { label: "y", from: 1e-3, to: 1e3, log: true },
      lines,
    });
    equal(node.querySelectorAll("polyline").length, 2);
    equal(node.querySelectorAll("b").length, 0);
    equal(node.textContent.includes("<b>one</b>"), true);
    const top = node
      .querySelectorAll("polyline")[1]
      .getAttribute("points")
      .split(" ")[1]
      .split(",")[1];
    equal(Number(top) >= 12, true, "what is too great stays at the edge");
  },
);

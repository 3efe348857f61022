import { chart } from "../../lmkit/kit/chart.mjs";
import {
  CURVES,
  curves,
  gaussians,
  rotation,
} from "../../lmkit/widgets/gradient_flow/networks.mjs";
import { reading as readFlow } from "../../lmkit/widgets/gradient_flow/view.mjs";
import {
  cellAt,
  decode,
  reading as readUnroll,
} from "../../lmkit/widgets/recurrent_unroll/view.mjs";
import { close, closeAll, equal, inBrowser, test, vectors } from "./harness.mjs";

test("gradients flow back as a product of Jacobians says", async () => {
  const { flow } = await vectors("recurrent_widgets");
  equal(flow.length, 5, "number of settings");
  for (const { curves: wanted, ...state } of flow) {
    const found = curves(state);
    equal(Object.keys(wanted), CURVES);
    equal(Object.keys(found), CURVES);
    for (const [kind, want] of Object.entries(wanted)) {
      const got = found[kind];
      equal(got.length, state.length + 1);
      for (const [k, x] of want.entries())
        close(got[k], x, 1e-6 * x, `${kind}, radius ${state.radius}, k = ${k}`);
    }
  }
});

test("a rotation keeps lengths and angles", () => {
  const rows = rotation(3);
  const dot = (a, b) => a.reduce((sum, x, k) => sum + x * b[k], 0);
  const products = rows.map((a) => rows.map((b) => dot(a, b)));
  const identity = rows.map((_, i) => rows.map((_, j) => Number(i === j)));
  closeAll(products, identity, 1e-12);
  equal(rotation(3), rows, "the same seed");
  equal(JSON.stringify(rotation(4)) === JSON.stringify(rows), false, "another seed");
});

test("noise has mean 0 and variance 1", () => {
  const drawn = gaussians(1, 20001);
  equal(drawn.length, 20001);
  const mean = drawn.reduce((sum, x) => sum + x, 0) / drawn.length;
  close(mean, 0, 0.03);
  close(drawn.reduce((sum, x) => sum + (x - mean) ** 2, 0) / drawn.length, 1, 0.03);
});

test("the sentence under the gradients says what becomes of each", () => {
  const say = (rnn, lstm, gru) =>
    readFlow(
      { radius: 0.9, bias: 2, length: 50 },
      { RNN: [1, rnn], LSTM: [1, lstm], GRU: [1, gru], "f alone": [1, 0.002] },
    );
  equal(
    say(2e-6, 0.25, 1e-4),
    "Of a gradient of 1, 50 steps earlier there is 2.00 × 10⁻⁶ in the RNN, 0.250 in the LSTM, 1.00 × 10⁻⁴ in the GRU: it vanishes in the RNN and the GRU, shrinks in the LSTM. Along the LSTM's forget gates alone it is 0.00200. At rest they, like the GRU's update gates, keep 88.1 % a step.",
  );
  equal(
    say(5000, 1, 5).includes("it explodes in the RNN, lasts in the LSTM, grows in the GRU."),
    true,
  );
  equal(
    say(Infinity, 0, 1).includes("it explodes in the RNN, vanishes in the LSTM, lasts in the GRU."),
    true,
  );
});

test("arrays are read from signed bytes", async () => {
  const { packed, arrays } = await vectors("recurrent_widgets");
  equal(Object.keys(packed).sort(), ["c", "h"]);
  for (const [name, one] of Object.entries(packed)) {
    const got = decode(one, 3);
    equal(
      got.map((row) => row.length),
      [2, 2, 2],
    );
    closeAll(got, arrays[name], (0.51 * one.most) / 127, name);
  }
});

test("a step says what comes in, what is kept, what is expected", () => {
  const tokens = ["s", "u", "n"];
  const arrays = {
    h: [
      [0.5, 0],
      [1, -0.5],
      [1, -0.5],
    ],
    f: [
      [0.5, 0.5],
      [0.9, 0.7],
      [1, 1],
    ],
  };
  const one = { name: "LSTM", arrays, expected: [[["u", 0.5]], [["m", 0.25]], [["n", 0.125]]] };
  equal(
    readUnroll(tokens, one, 0),
    "Step 1 of 3: the LSTM reads “s”, and its units move by 0.250 on average. On average its forget gate keeps 50.0 % of what was there. It expects “u”, with 50.0 %; “u” comes.",
  );
  equal(
    readUnroll(tokens, one, 1),
    "Step 2 of 3: the LSTM reads “u”, and its units move by 0.500 on average. On average its forget gate keeps 80.0 % of what was there. It expects “m”, with 25.0 %; “n” comes.",
  );
  equal(
    readUnroll(tokens, one, 2).endsWith(
      "keeps 100 % of what was there. It expects “n”, with 12.5 %.",
    ),
    true,
  );
  equal(
    readUnroll(tokens, { name: "RNN", arrays: { h: arrays.h }, expected: [] }, 2),
    "Step 3 of 3: the RNN reads “n”, and its units move by 0 on average.",
  );
});

test("a pointer on a map is at a step and a unit, also on its very edges", () => {
  const rows = [
    [1, 2],
    [3, 4],
    [5, 6],
  ]; // three steps, two units
  const box = { left: 10, top: 20, width: 30, height: 40 };
  const at = (clientX, clientY) => cellAt({ clientX, clientY }, box, rows);
  equal(
    [at(10, 20), at(19, 39), at(20, 40), at(40, 60), at(9, 61)],
    [
      [0, 0],
      [0, 0],
      [1, 1],
      [2, 1],
      [0, 1],
    ],
  );
});

inBrowser("an axis of powers of ten has its mark at 1", () => {
  const axis = (from, to) =>
    chart({
      width: 400,
      x: { label: "x", from: 0, to: 9 },
      y: { label: "y", from, to, log: true },
      lines: [
        {
          name: "a",
          points: [
            [0, 1],
            [9, 1],
          ],
        },
      ],
    });
  const marks = (from, to) =>
    [...axis(from, to).querySelectorAll("text[text-anchor=end]")].map((node) => node.textContent);
  equal(marks(1e-12, 1e6).length, 4);
  equal(marks(1e-12, 1e6)[2] === marks(1, 1e3)[0], true);
});

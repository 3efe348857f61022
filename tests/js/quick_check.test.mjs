import {
  judgeNumber,
  judgeOrder,
  readNumber,
  shuffled,
} from "../../lmkit/widgets/quick_check/view.mjs";
import { equal, test } from "./harness.mjs";

test("numbers are read as people write them", () => {
  const written = {
    2.5: 2.5,
    "2,5": 2.5,
    " 1 000 ": 1000,
    "−3": -3,
    "25 %": 0.25,
    "1.2e-3": 0.0012,
    "1.24 × 10⁻⁸": 1.24e-8,
    "3*10^4": 30000,
    ".5": 0.5,
    " 12 345 ": 12345,
    "3 × 10^-2": 0.03,
  };
  for (const [text, value] of Object.entries(written)) equal(readNumber(text), value, text);
  for (const text of ["", "two", "1/2", "1.2.3", "0x10", "Infinity", "1,234,567", "<b>1</b>"])
    equal(readNumber(text), null, text);
});

test("a wrong number that is known is explained, another is told its side", () => {
  const data = {
    answer: 4,
    tolerance: 0.01,
    why: "Yes.",
    wrong: [{ answer: 64, why: "That is 1/P." }],
  };
  equal(judgeNumber(data, 4.005), { right: true, why: "Yes." });
  equal(judgeNumber(data, 64.3).why, "That is 1/P.");
  equal(judgeNumber(data, 3).why, "The number is not 3.00: yours is smaller than it should be.");
});

test("an order that is wrong is told where, and what the item there waits for", () => {
  const data = { items: ["a", "b", "c"], why: "Yes.", reasons: ["b needs a.", "c needs b."] };
  equal(judgeOrder(data, [0, 1, 2]), { right: true, why: "Yes." });
  equal(judgeOrder(data, [2, 0, 1]).why, "“c” comes later than place 1. c needs b.");
  equal(
    judgeOrder(data, [0, 2, 1]).why,
    "The first is in place. “c” comes later than place 2. c needs b.",
  );
  equal(
    judgeOrder({ items: ["a", "b"], why: "Yes." }, [1, 0]).why,
    "“b” comes later than place 1.",
  );
});

test("items are never shown in the right order", () => {
  for (const n of [2, 3, 4, 5, 6, 7]) {
    for (let k = 0; k < 50; k++) {
      const order = shuffled(Array.from({ length: n }), `question-${k}`);
      equal(
        [...order].sort(),
        Array.from({ length: n }, (_, i) => i),
      );
      equal(
        order.every((item, i) => item === i),
        false,
        `${n} items, question-${k}`,
      );
    }
  }
});

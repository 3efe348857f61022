import { TEMPERATURES, TOP_PS } from "../../lmkit/kit/sampling.mjs";
import { distribution, find, isPath, reading } from "../../lmkit/widgets/next_token/view.mjs";
import { close, equal, test, vectors } from "./harness.mjs";

test("the stored distribution is that of the whole vocabulary, cut by transformers", async () => {
  const { stops, nodes, cases } = await vectors("next_token");
  equal(stops, { temperatures: TEMPERATURES, top_ps: TOP_PS }, "the stops of both sides");
  equal(cases.length, 360, "number of cases");
  for (const { at, setting, p, rest } of cases) {
    const actual = distribution(nodes[at], ...setting);
    for (const [i, q] of p.entries()) close(actual.p[i], q, 4e-4 * q + 1e-6, setting);
    close(actual.rest, rest, 4e-4, `rest ${setting}`);
  }
});

test("shares and the rest are one together", async () => {
  const { nodes, cases } = await vectors("next_token");
  for (const { at, setting } of cases) {
    const { p, rest } = distribution(nodes[at], ...setting);
    close(
      p.reduce((a, b) => a + b, rest),
      1,
      1e-9,
    );
  }
});

const trees = [{ text: "a", root: { i: [5, 6], c: [{ i: [7], c: undefined }] } }];

test("find follows the tokens' ids and stops at what is not stored", () => {
  equal(find(trees, "a", []).i, [5, 6]);
  equal(find(trees, "a", [{ i: 5 }]).i, [7]);
  equal(
    [find(trees, "a", [{ i: 6 }]), find(trees, "b", []), find(trees, "a", [{ i: 5 }, { i: 7 }])],
    [null, null, null],
  );
});

test("the reading line says what is seen", () => {
  const node = { t: [" over", " on"] };
  equal(
    reading(node, { p: [0.995, 0.002], rest: 0.003, kept: Infinity }, 1),
    "“over” takes nearly all the probability: 0.0072 bits of surprise.",
  );
  equal(
    reading(node, { p: [1, 0], rest: 0, kept: 1 }, 0).startsWith("Temperature 0 is greedy"),
    true,
  );
  equal(
    reading(node, { p: [0.2, 0.1], rest: 0.7, kept: 12345 }, 2).includes(
      "12\u2009345 tokens are left",
    ),
    true,
  );
});

test("a path that a link brings is a stored one, with the stored texts", () => {
  const told = [{ text: "a", root: { i: [5, 6], t: [" x", " y"], c: [{ i: [7], t: ["z"] }] } }];
  equal(
    [[], [{ t: " x", i: 5 }]].map((path) => isPath(told, "a", path)),
    [true, true],
  );
  const wrong = [
    [{ t: " lie", i: 5 }],
    [{ t: " y", i: 6 }],
    [
      { t: " x", i: 5 },
      { t: "z", i: 7 },
    ],
  ];
  equal(
    wrong.map((path) => isPath(told, "a", path)),
    [false, false, false],
  );
  equal(isPath(told, "b", []), false);
});

import { unpack as unpackFile } from "../../book/site/vectors.mjs";
import {
  centredGram,
  eigen,
  labels,
  onPlane,
  spelling,
  vectorTable,
} from "../../lmkit/kit/word_vectors.mjs";
import { lastToken } from "../../lmkit/widgets/contextual_bank/answer.mjs";
import {
  cosines,
  mostAlike,
  place,
  reading as readBank,
  unpack,
} from "../../lmkit/widgets/contextual_bank/view.mjs";
import { captions } from "../../lmkit/widgets/embedding_arithmetic/arrows.mjs";
import {
  completions,
  parse,
  ranking,
  reading,
  solve,
} from "../../lmkit/widgets/embedding_arithmetic/view.mjs";
import { next } from "../../lmkit/widgets/embedding_map/map.mjs";
import { principal } from "../../lmkit/widgets/embedding_map/view.mjs";
import { close, closeAll, equal, test, throws, vectors } from "./harness.mjs";

test("a sum of words has the answer that Python has", async () => {
  const { packed, solved } = await vectors("embeddings");
  const table = vectorTable(packed);
  for (const { text, words, signs, ranked, gram } of solved) {
    const answer = solve(table, text);
    equal([answer.words, answer.signs], [words, signs], text);
    equal(
      answer.ranked.map(([word]) => word),
      ranked.map(([word]) => word),
      text,
    );
    closeAll(
      answer.ranked.map(([, score]) => score),
      ranked.map(([, score]) => score),
      1e-4,
      text,
    );
    closeAll(answer.gram, gram, 1e-4, text);
  }
});

test("what is no sum is refused in the words of Python", async () => {
  const { refused } = await vectors("embeddings");
  for (const [text, said] of refused)
    throws(() => parse(text), new RegExp(`^${said.replace(/[.+]/g, "\\$&")}$`));
  throws(() => parse("a + b + c + d + e + f + g"), /has 7 words; here it may have 6/);
});

test("nothing is near to a sum of nothing, and a hyphen in a known word is no minus", async () => {
  const table = vectorTable((await vectors("embeddings")).packed);
  throws(() => solve(table, "king - king"), /taken away again: no word is near to nothing/);
  equal(parse("x-ray-king").words, ["x", "ray", "king"]);
  equal(parse("x-ray - king", table.has), { words: ["x-ray", "king"], signs: [1, -1] });
});

test("unknown words are offered the spelling that Python offers", async () => {
  const { packed, spelt } = await vectors("embeddings");
  const words = packed.words.split("\n");
  const index = new Map(words.map((word, i) => [word, i]));
  for (const [wrong, right] of spelt) equal(spelling(index, wrong), right, wrong);
  throws(() => vectorTable(packed).id("qeen"), /unknown word “qeen”; did you mean “queen”/);
});

test("vectors may be base64 or a view into a file", async () => {
  const { packed } = await vectors("embeddings");
  const bytes = Uint8Array.from(atob(packed.vectors), (c) => c.charCodeAt(0));
  const words = new TextEncoder().encode(packed.words);
  const file = new Uint8Array(4 + words.length + bytes.length);
  new DataView(file.buffer).setUint32(0, words.length, true);
  file.set(words, 4);
  file.set(bytes, 4 + words.length);
  const [one, two] = [vectorTable(packed), vectorTable(unpackFile(file.buffer))];
  equal(one.unit(3), two.unit(3));
  close(
    one.unit(0).reduce((sum, x) => sum + x * x, 0),
    1,
    1e-6,
  );
});

test("completions go on from the last word", () => {
  const words = ["the", "king", "kingdom", "kin", "woman"];
  equal(completions(words, "man + ki"), ["man + king", "man + kingdom", "man + kin"]);
  equal(completions(words, "man + "), []);
  equal(completions(words, "king"), ["kingdom"]);
});

test("the rule leaves inputs out, and the reading line says so", () => {
  const answer = {
    words: ["king", "man"],
    ranked: [
      ["king", 0.9],
      ["queen", 0.8],
      ["man", 0.5],
    ],
  };
  equal(ranking(answer, true), [["queen", 0.8]]);
  equal(ranking(answer, false)[0][0], "king");
  equal(reading(answer, true).includes("once king and man are left out"), true);
  equal(reading(answer, false).includes("an input comes back"), true);
  equal(reading({ ...answer, words: ["man"] }, true).includes("changes nothing"), true);
});

test("arrows' names keep the order of their tips and cover none of each other", () => {
  for (let k = 0; k < 200; k++)
    captions(
      [
        [50, k / 7],
        [50, k / 7],
        [51, k / 7],
      ],
      ["a", "b", "c"],
    ); // each comes to its end
  const tips = [
    [90, 20],
    [92, 21],
    [91, 18],
    [-60, 10],
    [-61, 12],
    [3, -40],
    [40, 22],
  ];
  const texts = captions(tips, ["the sum", "a", "dissatisfied", "left", "lower", "up", "between"]);
  const byTip = [...tips.keys()].sort((i, j) => tips[i][1] - tips[j][1]);
  for (const [k, i] of byTip.entries()) {
    for (const j of byTip.slice(k + 1)) {
      const beside = texts[i].right <= texts[j].left || texts[j].right <= texts[i].left;
      equal(beside || texts[j].y - texts[i].y >= 9 - 1e-5, true, `${i} and ${j}`);
    }
  }
});

test("principal axes are those of Python", async () => {
  const { rows, places } = await vectors("embeddings");
  closeAll(principal(rows).places, places, 1e-4, "places");
});

test("eigenvectors belong to their values", async () => {
  const { gram } = await vectors("embeddings");
  const { values, vectors: found } = eigen(gram);
  const dot = (row, v) => row.reduce((sum, x, i) => sum + x * v[i], 0);
  for (const [k, v] of found.slice(0, 5).entries()) {
    const times = gram.map((row) => dot(row, v));
    const stretched = v.map((x) => values[k] * x);
    closeAll(times, stretched, 1e-6, `eigenvector ${k}`);
  }
  equal(
    values.every((x, k) => k === 0 || x <= values[k - 1] + 1e-12),
    true,
  );
});

test("a Gram matrix is centred as its vectors would be, and gives their places", async () => {
  const { gram, centred, places } = await vectors("embeddings");
  closeAll(centredGram(gram), centred, 1e-5, "centred");
  closeAll(onPlane(centredGram(gram)), places, 1e-3, "places");
});

test("cosines of equal vectors are one, and of none zero", async () => {
  const { packed_gram: triangle } = await vectors("embeddings");
  const matrix = cosines(unpack(triangle));
  for (const [i, row] of matrix.entries()) close(row[i], 1, 1e-9);
  equal(
    cosines([
      [0, 0],
      [0, 0],
    ]),
    [
      [0, 0],
      [0, 0],
    ],
  );
  equal(
    mostAlike([
      [1, 0.2, 0.9],
      [0.2, 1, 0.2],
      [0.9, 0.2, 1],
    ]),
    [2, -1, 0],
  );
});

test("the bank's reading line says when all vectors are equal", () => {
  const same = [
    [1, 1, 1],
    [1, 1, 1],
    [1, 1, 1],
  ];
  equal(
    readBank(["a", "b", "c"], same, -1, false),
    "All 3 vectors are equal, whatever the sentence.",
  );
  const matrix = [
    [1, 0.5, 0.1],
    [0.5, 1, 0.2],
    [0.1, 0.2, 1],
  ];
  equal(
    readBank(["a", "b", "c"], matrix, 0, true),
    "“a” is most like “b”, cosine 0.500 after the mean is subtracted.",
  );
  equal(readBank(["a", "b", "c"], matrix, 2, false, 1), "“c” and “b”: cosine 0.200.");
});

test("the word is found where it stands as a word", () => {
  equal(place("The riverbank is near the bank.", "bank"), 26);
  equal(place("İstanbul has a BANK.", "bank"), 15);
  equal(place("The banker left.", "bank"), -1);
  equal(place("Is C++ hard?", "c++"), 3);
});

test("a word is found where it ends", () => {
  equal(lastToken(["<s>", "İst", "anbul", " BANK", "!"], "", "bank"), 3);
  equal(lastToken(["<s>", "The", " river", "bank", " bank", "."], "", "bank"), 4);
  equal(lastToken(["<s>", " un", "bel", "iev", "able"], "", "unbelievable"), 4);
  throws(
    () => lastToken(["<s>", "bank", "er"], "banker", "bank"),
    /“bank” does not stand as a word in “banker”/,
  );
});

test("arrows go to the nearest word in their direction", () => {
  const places = [
    [0, 0],
    [1, 0.1],
    [3, 0],
    [0, 2],
    [-1, 0],
  ];
  equal(
    [
      [1, 0],
      [0, 1],
      [-1, 0],
      [0, -1],
    ].map((step) => next(places, 0, step)),
    [1, 3, 4, 0],
  );
});

test("names on the map cover neither each other, nor a mark, nor the edge", () => {
  const points = Array.from({ length: 120 }, (_, i) => [
    200 + 190 * Math.sin(7.3 * i),
    150 + 145 * Math.cos(3.1 * i),
  ]);
  const sizes = points.map((_, i) => [20 + (i % 7) * 8, 16]);
  const order = points.map((_, i) => 119 - i);
  const placed = labels(points, sizes, [400, 300], order);
  const boxes = placed.flatMap((place, i) =>
    place ? [[i, ...place, place[0] + sizes[i][0], place[1] + 16]] : [],
  );
  equal(boxes.length > 30 && placed[119] !== null, true, `${boxes.length} have room`);
  for (const [i, l, t, r, b] of boxes) {
    equal(l >= 0 && t >= 0 && r <= 400 && b <= 300, true, "inside");
    equal(
      boxes.every(([j, l2, t2, r2, b2]) => i === j || r <= l2 || r2 <= l || b <= t2 || b2 <= t),
      true,
      `name ${i}`,
    );
    equal(
      points.every(([x, y], j) => i === j || x + 5 <= l || x - 5 >= r || y + 5 <= t || y - 5 >= b),
      true,
      `marks at ${i}`,
    );
  }
});

test("the chosen word's name is shown wherever it lies, and none outside the frame", () => {
  const crowd = Array.from({ length: 50 }, (_, i) => [390 + (i % 5) * 2, 150 + i / 5]);
  const placed = labels(
    [...crowd, [500, 20]],
    [...crowd, 0].map(() => [60, 16]),
    [400, 300],
    [7, ...crowd.keys(), 50],
    7,
  );
  equal(placed[7] !== null && placed[7][0] <= 340, true, "the chosen one, pushed inside");
  equal(placed[50], null, "beyond the edge");
});

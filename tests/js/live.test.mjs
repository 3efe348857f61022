import { effectReading } from "../../lmkit/widgets/attention_map/effect.mjs";
import {
  column,
  greatest,
  reading,
  rows,
  withoutFirst,
} from "../../lmkit/widgets/attention_map/maps.mjs";
import { settingName, reading as written } from "../../lmkit/widgets/generate/view.mjs";
import { link, parseLink } from "../../lmkit/widgets/live/view.mjs";
import { equal, test } from "./harness.mjs";

test("a link comes back as it was sent", () => {
  const values = {
    text: "à & b=c #1\n<script>🦊",
    temperature: 0.7,
    top_k: 0,
    top_p: 0.9,
    layer: 29,
    head: -1,
  };
  equal(parseLink(link(values)), values);
});

test("a hostile link is inert or left out", () => {
  equal(parseLink("#temperature=1e9&layer=-1&head=x&top_k=__proto__&evil=1"), {});
  equal(parseLink(`#text=${"a".repeat(2001)}&layer=3`), { layer: 3 });
  equal(
    parseLink("#%E0%A4%A&text=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E").text,
    "<img src=x onerror=alert(1)>",
  );
  equal(parseLink(""), {});
});

const map = {
  shape: [1, 2, 3],
  bytes: new Uint8Array([255, 51, 204, 51, 102, 102, 255, 255, 0, 0, 0, 255]),
};

test("rows are shares of one, the mean is over heads", () => {
  equal(rows(map, 0, 1), [[1], [1, 0], [0, 0, 1]]);
  equal(rows(map, 0, 0)[1], [0.2, 0.8]);
  equal(
    rows(map, 0, -1)[1].map((x) => x.toFixed(2)),
    ["0.60", "0.40"],
  );
});

test("without the first token the others share the row", () => {
  equal(withoutFirst([[1], [0.2, 0.8], [1, 0, 0]]), [[0], [0, 1], [0, 0, 0]]);
});

test("greatest entries and columns", () => {
  equal(greatest([0.5, 0.005, 0.3, 0.5], 3), [
    { share: 0.5, at: 0 },
    { share: 0.5, at: 3 },
    { share: 0.3, at: 2 },
  ]);
  equal(column([[1], [0.2, 0.8], [0.1, 0.6, 0.3]], 1), [0, 0, 0.6]);
});

test("an attention reading names who looks where", () => {
  const tokens = [{ t: "<|endoftext|>" }, { t: " cat" }, { t: " sat" }];
  const said = reading(tokens, rows(map, 0, 0), 1);
  equal(said, "“cat” looks at “cat” 80.0 %, the start 20.0 %; it gets 40.0 % from “sat”.");
  equal(
    reading(tokens, rows(map, 0, 0), -1).startsWith(
      "On average a token gives 20.0 % of its attention to the start",
    ),
    true,
  );
});

test("a head switched off: what falls, what leads, what moves", () => {
  const next = [
    { t: " Paris", i: 1, p: 0.806, q: 0.394 },
    { t: " located", i: 2, p: 0.02, q: 0.45 },
  ];
  equal(
    effectReading({ moved: 0.426, next }, 23, 4),
    "Without layer 23, head 4, “Paris” falls from 80.6 % to 39.4 %; “located” leads with 45.0 %. 42.6 % of the probability goes to other tokens.",
  );
  const same = [{ t: " mat", i: 3, p: 0.3, q: 0.3 }];
  equal(
    effectReading({ moved: 0.001, next: same }, 0, 8),
    "Without layer 0, head 8, “mat” stays at 30.0 %. 0.100 % of the probability goes to other tokens.",
  );
  equal(
    effectReading({ moved: 0.1, next: [{ t: " mat", i: 3, p: 0.3, q: 0.4 }] }, 0, 8).includes(
      "rises from 30.0 % to 40.0 %",
    ),
    true,
  );
});

test("a run's reading counts first guesses and surprise", () => {
  const token = (i, p, first) => ({ t: "x", i, p, top: [{ i: first, t: "y", p: 0.5 }] });
  equal(
    written([token(1, 0.5, 1), token(2, 0.25, 3)], true),
    "2 tokens, 1 of them the model's first guess; 1.04 nats of surprise a token. Then the model ended the text.",
  );
  equal(
    settingName({ temperature: 0.7, top_k: 5, top_p: 1, seed: 2 }),
    "temperature 0.7, top-k 5, seed 2",
  );
});

import { unpacked } from "../../lmkit/kit/bytes.mjs";
import { h } from "../../lmkit/kit/dom.mjs";
import { Figure, present } from "../../lmkit/kit/figure.mjs";
import { csv } from "../../lmkit/kit/files.mjs";
import { fits, linkedState, linkTo } from "../../lmkit/kit/links.mjs";
import {
  number,
  percent,
  scientific,
  scientificFromLog,
  thousands,
} from "../../lmkit/kit/numbers.mjs";
import { barsSvg } from "../../lmkit/kit/picture.mjs";
import {
  filterTopK,
  filterTopP,
  probabilities,
  random,
  softmax,
} from "../../lmkit/kit/sampling.mjs";
import { chip, quoted, visible } from "../../lmkit/kit/tokens.mjs";
import { close, closeAll, equal, inBrowser, test, throws, vectors } from "./harness.mjs";

test("sampling agrees with transformers on the shared vectors", async () => {
  const cases = await vectors("sampling");
  equal(cases.length >= 20, true, "number of cases");
  for (const { logits, temperature, top_k, top_p, probabilities: expected } of cases) {
    const actual = probabilities(logits, { temperature, topK: top_k ?? 0, topP: top_p ?? 1 });
    closeAll(actual, expected, 1e-7, JSON.stringify({ logits, temperature, top_k, top_p }));
  }
});

test("softmax is exact for large logits and shifts", () => {
  equal(softmax([1000, 1000]), [0.5, 0.5]);
  close(softmax([0, Math.log(3)])[1], 0.75, 1e-12);
});

test("softmax at temperature 0 takes the first of equals", () =>
  equal(softmax([1, 3, 3], 0), [0, 1, 0]));

test("top-k keeps ties with the k-th, top-p at least one token", () => {
  equal(filterTopK([3, 2, 2, 1], 2).map(Number.isFinite), [true, true, true, false]);
  equal(filterTopP([0.7, 0.2, 0.1], 0.5), [1, 0, 0]);
});

test("a whole vocabulary is cut as fast as it is drawn", () => {
  const next = random(1);
  const logits = Float32Array.from({ length: 50_000 }, () => 10 * next());
  const p = probabilities(logits, { temperature: 1, topK: 0, topP: 0.9 });
  close(
    p.reduce((a, b) => a + b, 0),
    1,
    1e-4,
  );
  equal(
    probabilities(logits, { temperature: 0 }).indexOf(1),
    logits.indexOf(logits.reduce((a, b) => Math.max(a, b))),
  );
});

test("random numbers are those that Python draws", async () => {
  for (const { seed, numbers } of await vectors("random")) {
    const next = random(seed);
    equal(numbers.map(next), numbers);
  }
});

test("numbers have three significant digits", () => {
  equal(
    [0.0171, 8.3, 123.4, 6039, 12345, 1.24e-8, -0.5, 0].map((x) => number(x)),
    ["0.0171", "8.30", "123", "6039", "12\u2009345", "1.24 × 10⁻⁸", "−0.500", "0"],
  );
  equal(scientific(123), "1.23 × 10²");
  equal(
    [NaN, Infinity].map((x) => number(x)),
    ["not a number", "∞"],
  );
});

test("a product too small for a double still has its number", () => {
  equal(scientificFromLog(Math.log(1.24e-8)), "1.24 × 10⁻⁸");
  equal(scientificFromLog(-1000 * Math.LN10 + Math.log(5)), "5.00 × 10⁻¹⁰⁰⁰");
});

test("a share is never rounded to certainty", () => {
  equal([0, 1, 0.9953, 0.99999, 0.0171, 1e-7].map(percent), [
    "0 %",
    "100 %",
    "99.5 %",
    "> 99.9 %",
    "1.71 %",
    "1.0 × 10⁻⁵ %",
  ]);
});

test("thousands are spaced from five digits on", () =>
  equal(["1234", "12345", "1234567.5"].map(thousands), [
    "1234",
    "12\u2009345",
    "1\u2009234\u2009567.5",
  ]));

test("a token shows its leading space and its line ends", () => {
  equal([" over", "\n", "a b", "", "\t"].map(visible), ["·over", "↵", "a b", "∅", "⇥"]);
  equal(quoted(" over"), "“over”");
});

inBrowser("hostile text stays text", () => {
  const evil = '<img src=x onerror="window.hacked=1">';
  const node = h("p", {}, evil, chip({ t: evil, i: 1 }));
  equal(node.querySelector("img"), null);
  equal(node.firstChild.textContent, evil);
  const svg = new DOMParser().parseFromString(
    barsSvg(evil, [{ label: evil, share: 0.5, text: "\u0001<&" }], {
      paper: "#fff",
      ink: "#000",
      accent: "#00f",
    }),
    "image/svg+xml",
  );
  equal(svg.querySelector("parsererror, img"), null);
});

test("csv quotes what needs it and defuses formulas", () => {
  equal(
    csv([
      ["a", 'say "hi"', 1],
      ["=1+1", "x,y", -0.5],
    ]),
    'a,"say ""hi""",1\r\n\'=1+1,"x,y",-0.5\r\n',
  );
});

test("a link carries what fits its figure, and nothing else", () => {
  const link = {
    layer: fits.count(5),
    lines: fits.flag,
    text: fits.text(9),
    head: (k, _model, { layer }) => k <= layer,
  };
  const model = { figure: "map-1" };
  const state = { layer: 3, lines: true, text: "a b&=#%é", head: 2 };
  equal(linkedState(linkTo("map-1", state), link, model), state);
  equal(linkedState(linkTo("map-2", state), link, model), null, "another figure");
  equal(
    [
      linkedState("", link, model),
      linkedState("#text=hello", link, model),
      linkedState(linkTo("map-1", {}), link, {}),
    ],
    [null, null, null],
  );
  const wrong = [
    { layer: 6 },
    { layer: 1.5 },
    { layer: "3" },
    { lines: 1 },
    { text: "0123456789" },
    { head: 2 },
    { other: 1 },
    { constructor: 1 },
    null,
    7,
    "x",
    [1],
  ];
  for (const one of wrong)
    throws(() => linkedState(linkTo("map-1", one), link, model), /does not have here/);
  throws(() => linkedState("#figure=map-1&state={", link, model), /does not have here/);
  throws(() => linkedState("#figure=map-1", link, model), /does not have here/);
  throws(
    () => linkedState(`${linkTo("map-1", state)}&x=${"x".repeat(8000)}`, link, model),
    /does not have here/,
  );
});

/** A view of nothing, shown; full screen lies over the page, for the browser gives none. */
function shown() {
  const listeners = [];
  const model = {
    get: (name) => ({ level: 3 })[name],
    set: (...pair) => listeners.push(pair),
    save_changes() {},
    on() {},
    off() {},
    ask() {},
  };
  class View extends Figure {
    static link = { level: fits.count(9) };
    constructor(model) {
      super(model, {
        title: "What is there?",
        rows: () => ["<b>Caption</b>", ["a", "b"], [["<i>", "2"]]],
        menu: [["Download data (CSV)", () => {}]],
      });
    }
  }
  const [el, other] = [h("div", {}), h("p", {}, "elsewhere")];
  el.requestFullscreen = () => Promise.reject(new Error("not here"));
  document.body.append(el, other);
  const close = present(View, { model, el });
  const button = (name) =>
    [...el.querySelectorAll("button")].find((node) =>
      [node.textContent, node.ariaLabel].includes(name),
    );
  const gone = () => {
    el.remove();
    other.remove();
  };
  return { el, other, close, button, set: listeners, gone };
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

inBrowser("a figure that is closed in full screen leaves the page usable", async () => {
  const { el, other, button, close, gone } = shown();
  button("Full screen").click();
  await settled();
  equal(
    [el.matches(":popover-open"), other.inert, button("Full screen").ariaPressed],
    [true, true, "true"],
  );
  el.remove(); // as JupyterLab does
  close();
  equal(other.inert, false);
  gone();
});

inBrowser("Escape leaves full screen unless somebody has taken it", async () => {
  const { el, button, close, gone } = shown();
  button("Full screen").click();
  await settled();
  const press = (taken) => {
    const event = new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true });
    if (taken) event.preventDefault();
    button("Full screen").dispatchEvent(event);
    return el.matches(":popover-open");
  };
  equal([press(true), press(false)], [true, false]);
  close();
  gone();
});

inBrowser("a figure with state can start again, and its table is text", () => {
  const { el, button, set, close, gone } = shown();
  button("Start again").click();
  equal(set, [["level", 3]]);
  equal(el.querySelector("table"), null);
  button("Show as table").click();
  equal(
    [el.querySelector("caption").textContent, el.querySelectorAll("b, i").length],
    ["<b>Caption</b>", 0],
  );
  equal(button("Show as table").ariaPressed, "true");
  close();
  gone();
});

test("packed arrays come out as they went in", () => {
  equal([...unpacked("AX//")], [1, 127, 255]);
  equal([...unpacked("AX//", Int8Array)], [1, 127, -1]);
  const computed = new Uint8Array([1, 2]);
  equal(unpacked(computed) === computed, true);
});

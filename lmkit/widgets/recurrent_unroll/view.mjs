// RecurrentUnroll: what does a recurrent network carry from token to token? (chapter 5)
import { unpacked } from "../../kit/bytes.mjs";
import { inkSigned, onTheme } from "../../kit/chart.mjs";
import { choice, labelled, slider } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { Figure, present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { toolButton } from "../../kit/frame.mjs";
import { update } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number, percent } from "../../kit/numbers.mjs";
import { chip, quoted } from "../../kit/tokens.mjs";

/**
 * Of each network are stored: `arrays`, by name, T × units numbers as signed bytes (127 is `most`),
 * which `units` of how many, slow ones first, and what it expects after each token.
 * @typedef {[text: string, p: number]} Guess
 * @typedef {{name: string, units: number[], of: number, expected: Guess[][]}} About
 * @typedef {{most: number, data: string}} Packed
 * @typedef {Record<string, number[][]>} Arrays rows are steps, columns units
 * @typedef {About & {arrays: Arrays}} Network
 */

/** Numbers of an array: rows are steps, columns units. @param {Packed} packed @param {number} n */
export function decode({ most, data }, n) {
  const bytes = unpacked(data, Int8Array);
  const width = bytes.length / n;
  return Array.from({ length: n }, (_, t) =>
    Array.from(bytes.subarray(t * width, (t + 1) * width), (b) => (b / 127) * most),
  );
}

/** @param {About & {arrays: Record<string, Packed>}} network @param {number} n @returns {Network} */
function unpackedNetwork(network, n) {
  const arrays = Object.entries(network.arrays).map(([key, packed]) => [key, decode(packed, n)]);
  return { ...network, arrays: Object.fromEntries(arrays) };
}

/** @type {Record<string, string>} */
const LABELS = {
  h: "hidden state h",
  c: "cell c",
  f: "forget gate f",
  i: "input gate i",
  o: "output gate o",
  g: "candidate g",
  z: "update gate z",
  r: "reset gate r",
  n: "candidate n",
};
const SIGNED = ["h", "c", "g", "n"]; // the others are gates, from 0 to 1
const KEEPERS = { f: "forget gate keeps", z: "update gate keeps" };

/**
 * The names of arrays in the order in which they are shown: states first, then gates.
 * @param {Arrays} arrays
 */
const order = (arrays) => [
  ...Object.keys(LABELS).filter((key) => arrays[key]),
  ...Object.keys(arrays).filter((key) => !LABELS[key]),
];

/** @param {number[]} row */
const mean = (row) => row.reduce((sum, x) => sum + x, 0) / row.length;

/** @param {number[]} row */
const meanSize = (row) => mean(row.map(Math.abs));

/**
 * What happens at a step, in a sentence.
 * @param {string[]} tokens
 * @param {Pick<Network, "name" | "arrays" | "expected">} network
 * @param {number} step
 */
export function reading(tokens, { name, arrays, expected }, step) {
  const now = arrays.h[step];
  const before = arrays.h[step - 1] ?? now.map(() => 0);
  const moved = meanSize(now.map((x, k) => x - before[k]));
  const keepers = Object.entries(KEEPERS).filter(([key]) => arrays[key]);
  return [
    `Step ${step + 1} of ${tokens.length}: the ${name} reads ${quoted(tokens[step])}, and its units move by ${number(moved)} on average.`,
    ...keepers.map(([key, words]) => kept(words, arrays[key][step])),
    ...expectation(expected[step]?.[0], tokens[step + 1]),
  ].join(" ");
}

/** @param {string} words @param {number[]} gate */
const kept = (words, gate) => `On average its ${words} ${percent(mean(gate))} of what was there.`;

/** @param {Guess | undefined} guess @param {string | undefined} next */
function expectation(guess, next) {
  if (!guess) return [];
  const came = next === undefined ? "" : `; ${quoted(next)} comes`;
  return [`It expects ${quoted(guess[0])}, with ${percent(guess[1])}${came}.`];
}

/**
 * The column and the row of a map at which a pointer is.
 * @param {{clientX: number, clientY: number}} pointer
 * @param {{left: number, top: number, width: number, height: number}} box
 * @param {number[][]} rows
 */
export function cellAt({ clientX, clientY }, { left, top, width, height }, rows) {
  /** @param {number} share @param {number} n */
  const at = (share, n) => Math.min(n - 1, Math.max(0, Math.floor(share * n)));
  return [at((clientX - left) / width, rows.length), at((clientY - top) / height, rows[0].length)];
}

const KEYS =
  "Left and right arrows, also on the tokens, go a step back or forward; Home and End go to the first and the last.";

class View extends Figure {
  /** @type {import("../../kit/links.mjs").Link} */
  static link = {
    network: (name, model) =>
      model.get("networks").some((/** @type {About} */ one) => one.name === name),
    step: (step, model) => fits.count(model.get("tokens").length - 1)(step),
  };

  /** @param {import("../../kit/host.mjs").Model} model */
  constructor(model) {
    super(model, {
      title: "What does a recurrent network carry from token to token?",
      menu: [["Download data (CSV)", () => this.data()]],
      keys: KEYS,
      rows: () => this.rows(),
    });
    /** @type {string[]} */
    this.tokens = model.get("tokens");
    this.last = this.tokens.length - 1;
    this.networks = this.unpacked();
    this.network = this.choice();
    this.slider = slider({ max: this.last }, (step) => this.go(step));
    this.back = toolButton("◀", "A step back", () => this.go(this.step() - 1));
    this.forth = toolButton("▶", "A step forward", () => this.go(this.step() + 1));
    this.strip = this.emptyStrip();
    this.maps = h("div", { class: "lmk-unroll-maps" });
    this.guesses = h("ol", { class: "lmk-bars" });
    this.fill();
    this.watch(["network", "step"], () => this.show());
    this.atClose(onTheme(() => this.show()));
    this.show();
  }

  unpacked() {
    /** @type {(About & {arrays: Record<string, Packed>})[]} */
    const networks = this.model.get("networks");
    return networks.map((one) => unpackedNetwork(one, this.tokens.length));
  }

  choice() {
    /** @type {[string, string][]} */
    const names = this.networks.map(({ name }) => [name, name]);
    return choice(names, "", (network) => update(this.model, { network }));
  }

  /** Where the tokens will stand. */
  emptyStrip() {
    return h("div", {
      class: "lmk-unroll-tokens",
      role: "group",
      "aria-label": "Tokens, in the order in which they are read",
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.move(event),
    });
  }

  fill() {
    const { controls, view } = this.frame;
    const steps = [this.back, labelled("Step", this.slider), this.forth];
    controls.append(labelled("Network", this.network), h("span", { class: "lmk-field" }, ...steps));
    view.append(this.strip, this.maps, key(), this.guesses);
  }

  step() {
    return Math.min(this.model.get("step"), this.last);
  }

  /** @param {number} step */
  go(step) {
    update(this.model, { step: Math.min(this.last, Math.max(0, step)) });
  }

  /** The network that is shown. */
  one() {
    const name = this.model.get("network");
    return this.networks.find((one) => one.name === name) ?? this.networks[0];
  }

  show() {
    const [one, step] = [this.one(), this.step()];
    this.network.value = one.name;
    this.sync(step);
    this.showTokens(step);
    this.maps.replaceChildren(...order(one.arrays).map((name) => this.map(name, step)));
    this.guesses.replaceChildren(...(one.expected[step] ?? []).map(bar));
    const known = this.model.get("model_name");
    this.frame.source.textContent = `${known ? `${known} · ` : ""}stored with the chapter · the ${one.units.length} of ${one.of} units whose h varies most`;
    this.frame.say(reading(this.tokens, one, step));
  }

  /** @param {number} step */
  sync(step) {
    this.slider.value = String(step);
    this.slider.setAttribute("aria-valuetext", `step ${step + 1}, ${this.tokens[step]}`);
    this.back.disabled = step === 0;
    this.forth.disabled = step === this.last;
  }

  /** @param {number} step */
  showTokens(step) {
    const isHeld = this.strip.contains(document.activeElement);
    const buttons = this.tokens.map((token, k) => this.tokenButton(token, k, step));
    this.strip.replaceChildren(...buttons);
    if (isHeld) buttons[step].focus();
  }

  /** @param {string} token @param {number} k @param {number} step */
  tokenButton(token, k, step) {
    const isChosen = k === step;
    const button = chip({ t: token }, "button", {
      tabindex: isChosen ? 0 : -1,
      "aria-pressed": String(isChosen),
      onclick: () => this.go(k),
    });
    button.classList.toggle("lmk-chosen", isChosen);
    button.classList.toggle("lmk-stale", k > step);
    return button;
  }

  /**
   * A heat map of an array: a column a token that was read, a row a unit.
   * @param {string} name
   * @param {number} step
   */
  map(name, step) {
    const rows = this.one().arrays[name];
    const label = LABELS[name] ?? name;
    const most = Math.max(1, ...rows.flat().map(Math.abs));
    const top = Number(most.toPrecision(2));
    const range = SIGNED.includes(name) ? `−${top} to ${top}` : "0 to 1";
    const canvas = canvasFor(label, rows);
    // by the next frame it is on the page, where it has colours
    requestAnimationFrame(() => inkSigned(canvas, rows.slice(0, step + 1), most));
    const caption = h("figcaption", {}, `${label}, ${range}`);
    const plot = this.plot(canvas, name, step, caption);
    return h("figure", { class: "lmk-unroll-map" }, plot, caption);
  }

  /**
   * The map itself, with a mark on the step; its caption reads the cell under the pointer.
   * @param {HTMLCanvasElement} canvas
   * @param {string} name
   * @param {number} step
   * @param {HTMLElement} caption
   */
  plot(canvas, name, step, caption) {
    const rows = this.one().arrays[name];
    const said = caption.textContent;
    /** @param {PointerEvent} event */
    const cell = (event) => cellAt(event, canvas.getBoundingClientRect(), rows);
    const props = {
      onclick: (/** @type {PointerEvent} */ event) => this.go(cell(event)[0]),
      onpointermove: (/** @type {PointerEvent} */ event) => {
        const [t, k] = cell(event);
        caption.textContent = t > step ? said : this.value(name, t, k);
      },
      onpointerleave: () => {
        caption.textContent = said;
      },
    };
    return h("div", props, canvas, mark(step, rows.length));
  }

  /** What a cell of a map holds. @param {string} name @param {number} t @param {number} k */
  value(name, t, k) {
    const { units, arrays } = this.one();
    return `${name} of unit ${units[k]} at ${quoted(this.tokens[t])}: ${number(arrays[name][t][k])}`;
  }

  /** @returns {import("../../kit/table.mjs").TableSpec} */
  rows() {
    const { arrays, expected } = this.one();
    const names = order(arrays);
    const lines = this.tokens.map((token, t) => [
      token,
      ...names.map((name) => number(meanSize(arrays[name][t]))),
      first(expected[t]),
    ]);
    return ["Mean size over the units shown", ["token", ...names, "expected"], lines];
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    const step = this.step();
    const to = { ArrowRight: step + 1, ArrowLeft: step - 1, Home: 0, End: this.last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.go(to);
  }

  data() {
    const { name, units, arrays } = this.one();
    const lines = Object.entries(arrays).flatMap(([key, rows]) =>
      rows.flatMap((row, t) =>
        row.map((x, k) => [name, key, t, this.tokens[t], units[k], Number(x.toFixed(3))]),
      ),
    );
    const head = ["network", "array", "step", "token", "unit", "value"];
    download("recurrent.csv", csv([head, ...lines]), "text/csv");
  }
}

/** A pixel for each number. @param {string} label @param {number[][]} rows */
const canvasFor = (label, rows) =>
  h("canvas", {
    width: rows.length,
    height: rows[0].length,
    role: "img",
    "aria-label": `${label}: a column a token, a row a unit`,
  });

/** What a map's rows and colours mean. */
const key = () =>
  h(
    "p",
    { class: "lmk-hint lmk-unroll-key" },
    "A row is a unit; those that move least are on top. Colours: ",
    ink("pos", "blue"),
    " above 0, ",
    ink("neg", "orange"),
    " below 0, fuller for larger numbers. Point at a cell to read it, click to go to its step.",
  );

/** @param {"pos" | "neg"} name @param {string} colour what it is called */
const ink = (name, colour) =>
  h("span", {
    class: "lmk-unroll-ink",
    style: `background:var(--lm-${name})`,
    role: "img",
    "aria-label": colour,
  });

/** A frame around a column of a map. @param {number} step @param {number} n columns */
const mark = (step, n) =>
  h("span", {
    class: "lmk-unroll-mark",
    style: `left:${(100 * step) / n}%;width:${100 / n}%`,
  });

/** @param {Guess} guess */
const bar = ([text, p]) =>
  h(
    "li",
    {},
    h(
      "div",
      { class: "lmk-row" },
      chip({ t: text }),
      h("span", { class: "lmk-bar", style: `--share:${p}` }),
      h("span", { class: "lmk-share" }, percent(p)),
    ),
  );

/** The first guess in a cell of the table. @param {Guess[] | undefined} guesses */
const first = (guesses) =>
  guesses?.[0] ? `${quoted(guesses[0][0])} ${percent(guesses[0][1])}` : "–";

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

// PositionalEncoding: how can a vector say where a token stands? (chapter 6)
import { chart, fitted, inkSigned, onTheme } from "../../kit/chart.mjs";
import { choice, dial, labelled } from "../../kit/controls.mjs";
import { h, svg } from "../../kit/dom.mjs";
import { Figure, present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { update } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number, thousands } from "../../kit/numbers.mjs";

/**
 * @typedef {"map" | "waves" | "distance" | "rope"} ViewName
 * @typedef {"size" | "base" | "position" | "offset" | "pair"} Setting
 * @typedef {{view: ViewName} & Record<Setting, number>} State
 */

export const N = 100;
export const SIZES = [4, 8, 16, 32, 64, 128];
export const BASES = [10, 100, 1000, 10000, 100000];

/**
 * The angle in radians that a pair of dimensions turns from one position to the next.
 * @param {number} pair
 * @param {number} size
 * @param {number} base
 */
export const speed = (pair, size, base) => base ** ((-2 * pair) / size);

/**
 * PE of one position: sin and cos of each pair's angle, as in the unit's formula.
 * @param {number} position
 * @param {number} size
 * @param {number} base
 */
export function encoding(position, size, base) {
  return Array.from({ length: size }, (_, k) => {
    const angle = position * speed(k >> 1, size, base);
    return k % 2 ? Math.cos(angle) : Math.sin(angle);
  });
}

/** All positions' encodings, a row each. @param {number} size @param {number} base */
const encodings = (size, base) => Array.from({ length: N }, (_, p) => encoding(p, size, base));

/** @param {number[]} a @param {number[]} b */
const dot = (a, b) => a.reduce((sum, x, k) => sum + x * b[k], 0);

/**
 * The dot product of two positions' encodings.
 * @param {number} p
 * @param {number} q
 * @param {number} size
 * @param {number} base
 */
export const similarity = (p, q, size, base) =>
  dot(encoding(p, size, base), encoding(q, size, base));

/**
 * A pair of numbers turned by an angle: what RoPE does to each pair of a query or a key.
 * @param {number[]} pair
 * @param {number} angle
 */
export const turned = ([x, y], angle) => [
  x * Math.cos(angle) - y * Math.sin(angle),
  x * Math.sin(angle) + y * Math.cos(angle),
];

/**
 * How many positions a pair needs for one whole turn.
 * @param {number} pair
 * @param {number} size
 * @param {number} base
 */
export const period = (pair, size, base) => (2 * Math.PI) / speed(pair, size, base);

/** What there is to see, in a sentence. @param {State} state */
export const reading = (state) => VIEWS[state.view].say(state);

/** @param {State} state */
const turn = ({ pair, size, base }) =>
  `turns once in ${number(period(pair, size, base))} positions`;

/** @param {State} state */
function sayMap({ size, base, position }) {
  const slowest = number(period(size / 2 - 1, size, base));
  return `Position ${position} is row ${position}: ${size} numbers between −1 and 1 that no other row has. The first pair of columns turns once in 6.28 positions, the last once in ${slowest}.`;
}

/** @param {State} state */
function sayWaves(state) {
  const { size, base, position, pair } = state;
  const [sin, cos] = encoding(position, size, base).slice(2 * pair, 2 * pair + 2);
  return `Pair ${pair} (dimensions ${2 * pair} and ${2 * pair + 1}) ${turn(state)}. At position ${position} it holds sin ${number(sin)} and cos ${number(cos)}.`;
}

/** @param {State} state */
function sayDistance({ size, base, position, offset }) {
  const other = position + offset;
  const product = number(similarity(position, other, size, base));
  return `PE(${position}) · PE(${other}) = ${product}, and so for any two positions that are ${offset} apart: moving the position moves the curve and does not change its shape.`;
}

/** @param {State} state */
function sayRope(state) {
  const { size, base, position, offset, pair } = state;
  const product = number(Math.cos(offset * speed(pair, size, base)));
  return `Query and key start alike. At positions ${position + offset} and ${position} pair ${pair} has turned them apart by ${offset} steps, so q · k = ${product}: the position alone changes nothing, the distance does. This pair ${turn(state)}.`;
}

/** Rows are positions, columns dimensions. @param {State} state @param {number} width */
function drawMap({ size, base, position }, width) {
  const canvas = h("canvas", { width: size, height: N, class: "lmk-positions" });
  const row = h("span", { class: "lmk-positions-row", style: `top:${position + 0.5}%` });
  const box = h(
    "div",
    { class: "lmk-positions-box", style: `width:${Math.min(width, 592) - 32}px` },
    canvas,
    row,
    ...rulers(size),
  );
  const rows = encodings(size, base);
  const columns = rows[0].map((_, k) => rows.map((numbers) => numbers[k]));
  // by the next frame it is on the page, where it has colours
  requestAnimationFrame(() => inkSigned(canvas, columns));
  return h("div", {}, box, key());
}

/** The numbers beside the map. @param {number} size */
function rulers(size) {
  const down = [0, 20, 40, 60, 80].map((p) => h("span", { style: `top:${p + 0.5}%` }, String(p)));
  const across = [0, 1, 2, 3].map((k) =>
    h("span", { style: `left:${100 * (k / 4 + 0.5 / size)}%` }, String((k * size) / 4)),
  );
  return [
    h("div", { class: "lmk-positions-down" }, ...down),
    h("div", { class: "lmk-positions-across" }, ...across),
  ];
}

/** What the map's colours mean: blue above 0, orange below, paper at 0. */
const key = () =>
  h(
    "p",
    { class: "lmk-hint" },
    "down: position · across: dimension · ",
    h("span", { class: "lmk-key-pos" }),
    " 1 · 0 is paper · ",
    h("span", { class: "lmk-key-neg" }),
    " −1",
  );

/** @param {State} state @param {number} width */
function drawWaves({ size, base, position, pair }, width) {
  /** @param {(angle: number) => number} f @returns {[number, number][]} */
  const wave = (f) =>
    Array.from({ length: 4 * N - 3 }, (_, k) => [k / 4, f((k / 4) * speed(pair, size, base))]);
  const lines = [
    { name: `sin, dimension ${2 * pair}`, points: wave(Math.sin) },
    { name: `cos, dimension ${2 * pair + 1}`, points: wave(Math.cos) },
  ];
  const x = { label: "position", from: 0, to: N - 1 };
  const y = { label: "value", from: -1.05, to: 1.05 };
  return chart({ width, x, y, lines, at: position });
}

/** @param {State} state @param {number} width */
function drawDistance({ size, base, position, offset }, width) {
  /** @param {number} from @returns {[number, number][]} */
  const products = (from) =>
    Array.from({ length: N }, (_, q) => [q, similarity(from, q, size, base)]);
  const lowest = Math.min(0, ...products(0).map(([, z]) => z)); // wherever the position is
  const lines = [{ name: "dot product", points: products(position) }];
  const x = { label: `position q of PE(${position}) · PE(q)`, from: 0, to: N - 1 };
  const y = { label: "dot product", from: 1.1 * lowest, to: 0.55 * size };
  return chart({ width, x, y, lines, at: position + offset });
}

/** @param {State} state @param {number} width */
function drawRope({ size, base, position, offset, pair }, width) {
  const side = Math.min(width, 300);
  const [c, r] = [side / 2, side / 2 - 60];
  const angle = speed(pair, size, base);
  const other = position + offset;
  return svg(
    "svg",
    { width: side, height: side, viewBox: `0 0 ${side} ${side}` },
    svg("circle", { cx: c, cy: c, r, fill: "none", stroke: "var(--lm-line)" }),
    ...arrow(c, r, position * angle, `k at ${position}`, 2),
    ...arrow(c, r, other * angle, `q at ${other}`, 1),
  );
}

/**
 * An arrow of length r from the centre, in the k-th colour, with its name.
 * @param {number} c where the centre is, both across and down
 * @param {number} r
 * @param {number} angle
 * @param {string} name
 * @param {1 | 2} k
 */
function arrow(c, r, angle, name, k) {
  /** @param {number} length */
  const end = (length) => {
    const [across, up] = turned([length, 0], angle);
    return [c + across, c - up];
  };
  const [[x, y], [textX, textY]] = [end(r), end(r + 30)];
  const colour = `var(--lm-cat-${k})`;
  const dashes = { "stroke-width": 3, "stroke-dasharray": k === 1 ? "none" : "7 4" };
  const text = { "text-anchor": "middle", "font-size": 13, fill: "var(--lm-ink)" };
  return [
    svg("line", { x1: c, y1: c, x2: x, y2: y, stroke: colour, ...dashes }),
    svg("circle", { cx: x, cy: y, r: 5, fill: colour }),
    svg("text", { x: textX, y: textY + 4, ...text }, name),
  ];
}

/**
 * Of each view: its name, the settings that it depends on beside d and the base, what it says, and
 * what it draws.
 * @type {Record<ViewName, {
 *   name: string,
 *   uses: Setting[],
 *   say: (state: State) => string,
 *   draw: (state: State, width: number) => Node,
 * }>}
 */
const VIEWS = {
  map: { name: "all positions", uses: ["position"], say: sayMap, draw: drawMap },
  waves: { name: "one pair's waves", uses: ["position", "pair"], say: sayWaves, draw: drawWaves },
  distance: {
    name: "dot products",
    uses: ["position", "offset"],
    say: sayDistance,
    draw: drawDistance,
  },
  rope: {
    name: "RoPE: a turn",
    uses: ["position", "offset", "pair"],
    say: sayRope,
    draw: drawRope,
  },
};
const VIEW_NAMES = /** @type {ViewName[]} */ (Object.keys(VIEWS));

/**
 * Of each setting: its name, and what its slider goes through: a list, or 0 to the greatest.
 * @type {Record<Setting, [name: string, values: number[] | number]>}
 */
const SETTINGS = {
  size: ["Dimensions d", SIZES],
  base: ["Base", BASES],
  position: ["Position", N - 1],
  offset: ["Distance", 40],
  pair: ["Pair", 63],
};
const SETTING_NAMES = /** @type {Setting[]} */ (Object.keys(SETTINGS));

const KEYS =
  "Tab goes from control to control; left and right arrows move a slider, Home and End take it to its ends.";
const TRAITS = ["view", ...SETTING_NAMES];

class View extends Figure {
  static link = {
    view: fits.oneOf(VIEW_NAMES),
    size: fits.oneOf(SIZES),
    base: fits.oneOf(BASES),
    position: fits.count(N - 1),
    offset: fits.count(40),
    pair: fits.count(63),
  };

  /** @param {import("../../kit/host.mjs").Model} model */
  constructor(model) {
    super(model, {
      title: "How can a vector say where a token stands?",
      menu: [["Download data (CSV)", () => this.data()]],
      keys: KEYS,
      rows: () => this.rows(),
    });
    this.view = choice(
      VIEW_NAMES.map((view) => [view, VIEWS[view].name]),
      "map",
      (view) => update(model, { view }),
    );
    this.dials = SETTING_NAMES.map((name) => this.dial(name));
    this.drawing = fitted("The encoding; the line below says what there is to see", (width) =>
      this.draw(width),
    );
    this.fill();
    this.watch(TRAITS, () => this.show());
    this.atClose(onTheme(() => this.show()));
    this.atClose(this.drawing.close);
    this.show();
  }

  fill() {
    const { controls, view, source } = this.frame;
    controls.append(labelled("Show", this.view), ...this.dials.map(({ field }) => field));
    view.append(this.drawing.box);
    source.textContent =
      "Computed here: the sines and cosines of this chapter, and the turn of RoPE.";
  }

  /** @param {Setting} name */
  dial(name) {
    const [label, values] = SETTINGS[name];
    const list = Array.isArray(values) ? values : null;
    const made = dial(label, { max: list ? list.length - 1 : Number(values) }, (k) =>
      update(this.model, { [name]: list ? list[k] : k }),
    );
    /** @param {number} value */
    const show = (value) => {
      made.input.value = String(list ? list.indexOf(value) : value);
      made.output.textContent = thousands(String(value));
      made.input.setAttribute("aria-valuetext", made.output.textContent);
    };
    return { name, show, ...made };
  }

  /** @returns {State} */
  state() {
    const state = Object.fromEntries(TRAITS.map((name) => [name, this.model.get(name)]));
    return /** @type {State} */ ({ ...state, pair: Math.min(state.pair, state.size / 2 - 1) });
  }

  show() {
    const state = this.state();
    this.view.value = state.view;
    for (const { name, field, input, show } of this.dials) {
      if (name === "pair") input.max = String(state.size / 2 - 1);
      show(state[name]);
      field.hidden = !["size", "base", ...VIEWS[state.view].uses].includes(name);
    }
    this.drawing.paint();
    this.frame.say(reading(state));
  }

  /** @param {number} width */
  draw(width) {
    const state = this.state();
    return VIEWS[state.view].draw(state, width);
  }

  /** @returns {import("../../kit/table.mjs").TableSpec} */
  rows() {
    const { size, base, position } = this.state();
    const lines = encoding(position, size, base).map((z, k) => [
      String(k),
      k % 2 ? "cos" : "sin",
      number(period(k >> 1, size, base)),
      number(z),
    ]);
    return [`Position ${position}`, ["dimension", "wave", "positions a turn", "value"], lines];
  }

  data() {
    const { size, base } = this.state();
    const rows = encodings(size, base);
    const head = ["position", ...rows[0].map((_, k) => `dimension ${k}`)];
    const lines = rows.map((row, p) => [p, ...row.map((z) => Number(z.toFixed(4)))]);
    download("positions.csv", csv([head, ...lines]), "text/csv");
  }
}

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

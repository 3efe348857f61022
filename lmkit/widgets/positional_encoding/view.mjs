// PositionalEncoding: how can a vector say where a token stands? (chapter 6)
import { choice, labelled } from "../../kit/controls.mjs";
import { h, svg } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { frame } from "../../kit/frame.mjs";
import { update, watch } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number, thousands } from "../../kit/numbers.mjs";
import { chart, fitted, inkSigned, onTheme } from "../../kit/chart.mjs";

export const N = 100;
export const SIZES = [4, 8, 16, 32, 64, 128];
export const BASES = [10, 100, 1000, 10000, 100000];
const NAMES = ["view", "size", "base", "position", "offset", "pair"];

/** The angle in radians that a pair of dimensions turns from one position to the next. */
export const speed = (pair, size, base) => base ** ((-2 * pair) / size);

/** PE of one position: sin and cos of each pair's angle, as in the unit's formula. */
export function encoding(position, size, base) {
  return Array.from({ length: size }, (_, k) => {
    const angle = position * speed(k >> 1, size, base);
    return k % 2 ? Math.cos(angle) : Math.sin(angle);
  });
}

const dot = (a, b) => a.reduce((sum, x, k) => sum + x * b[k], 0);

/** The dot product of two positions' encodings. */
export const similarity = (p, q, size, base) =>
  dot(encoding(p, size, base), encoding(q, size, base));

/** A pair of numbers turned by an angle: what RoPE does to each pair of a query or a key. */
export const turned = ([x, y], angle) => [
  x * Math.cos(angle) - y * Math.sin(angle),
  x * Math.sin(angle) + y * Math.cos(angle),
];

/** How many positions a pair needs for one whole turn. */
export const period = (pair, size, base) => (2 * Math.PI) / speed(pair, size, base);

/** What there is to see, in a sentence. */
export function reading({ view, size, base, position, offset, pair }) {
  const turn = `turns once in ${number(period(pair, size, base))} positions`;
  if (view === "map") {
    const slowest = number(period(size / 2 - 1, size, base));
    return `Position ${position} is row ${position}: ${size} numbers between −1 and 1 that no other row has. The first pair of columns turns once in 6.28 positions, the last once in ${slowest}.`;
  }
  if (view === "waves") {
    const [sin, cos] = encoding(position, size, base).slice(2 * pair, 2 * pair + 2);
    return `Pair ${pair} (dimensions ${2 * pair} and ${2 * pair + 1}) ${turn}. At position ${position} it holds sin ${number(sin)} and cos ${number(cos)}.`;
  }
  if (view === "distance") {
    const other = position + offset;
    const product = number(similarity(position, other, size, base));
    return `PE(${position}) · PE(${other}) = ${product}, and so for any two positions that are ${offset} apart: moving the position moves the curve and does not change its shape.`;
  }
  const product = number(Math.cos(offset * speed(pair, size, base)));
  return `Query and key start alike. At positions ${position + offset} and ${position} pair ${pair} has turned them apart by ${offset} steps, so q · k = ${product}: the position alone changes nothing, the distance does. This pair ${turn}.`;
}

const KEYS =
  "Tab goes from control to control; left and right arrows move a slider, Home and End take it to its ends.";
const VIEWS = [
  ["map", "all positions"],
  ["waves", "one pair's waves"],
  ["distance", "dot products"],
  ["rope", "RoPE: a turn"],
];
const USES = {
  map: ["position"],
  waves: ["position", "pair"],
  distance: ["position", "offset"],
  rope: ["position", "offset", "pair"],
};

class View {
  static link = {
    view: fits.oneOf(VIEWS.map(([view]) => view)),
    size: fits.oneOf(SIZES),
    base: fits.oneOf(BASES),
    position: fits.count(N - 1),
    offset: fits.count(40),
    pair: fits.count(63),
  };

  constructor(model) {
    this.model = model;
    this.frame = frame({
      title: "How can a vector say where a token stands?",
      menu: [["Download data (CSV)", () => this.data()]],
      keys: KEYS,
      rows: () => this.asTable(),
    });
    this.controls();
    this.figure = fitted("The encoding; the line below says what there is to see", (width) =>
      this.draw(width),
    );
    this.frame.view.append(this.figure.box);
    this.frame.source.textContent =
      "Computed here: the sines and cosines of this chapter, and the turn of RoPE.";
    this.stop = watch(model, NAMES, () => this.show());
    this.stopThemes = onTheme(() => this.show());
    this.show();
  }

  controls() {
    const { model } = this;
    this.view = choice(VIEWS, "map", (view) => update(model, { view }));
    const slider = (name, max, value = (k) => k) => {
      const input = h("input", {
        type: "range",
        min: 0,
        max,
        step: 1,
        oninput: () => update(model, { [name]: value(input.valueAsNumber) }),
      });
      return { input, output: h("output", {}) };
    };
    this.sliders = {
      size: slider("size", SIZES.length - 1, (k) => SIZES[k]),
      base: slider("base", BASES.length - 1, (k) => BASES[k]),
      position: slider("position", N - 1),
      offset: slider("offset", 40),
      pair: slider("pair", 63),
    };
    const names = {
      size: "Dimensions d",
      base: "Base",
      position: "Position",
      offset: "Distance",
      pair: "Pair",
    };
    this.fields = Object.fromEntries(
      Object.entries(this.sliders).map(([name, { input, output }]) => [
        name,
        labelled(names[name], input, output),
      ]),
    );
    this.frame.controls.append(labelled("Show", this.view), ...Object.values(this.fields));
  }

  state() {
    const state = Object.fromEntries(NAMES.map((name) => [name, this.model.get(name)]));
    return { ...state, pair: Math.min(state.pair, state.size / 2 - 1) };
  }

  show() {
    const state = this.state();
    this.view.value = state.view;
    for (const [name, { input, output }] of Object.entries(this.sliders)) {
      if (name === "pair") input.max = state.size / 2 - 1;
      input.value = { size: SIZES, base: BASES }[name]?.indexOf(state[name]) ?? state[name];
      output.textContent = thousands(String(state[name]));
      input.setAttribute("aria-valuetext", output.textContent);
      this.fields[name].hidden = !["size", "base", ...USES[state.view]].includes(name);
    }
    this.figure.paint();
    this.frame.say(reading(state));
  }

  draw(width) {
    const state = this.state();
    return { map: drawMap, waves: drawWaves, distance: drawDistance, rope: drawRope }[state.view](
      state,
      width,
    );
  }

  rows() {
    const { size, base } = this.state();
    return Array.from({ length: N }, (_, p) => encoding(p, size, base));
  }

  asTable() {
    const { size, base, position } = this.state();
    const lines = encoding(position, size, base).map((z, k) => [
      String(k),
      k % 2 ? "cos" : "sin",
      number(period(k >> 1, size, base)),
      number(z),
    ]);
    return [`Position ${position}`, ["dimension", "wave", "positions a turn", "value"], lines];
  }

  close() {
    this.stop();
    this.stopThemes();
    this.figure.close();
  }

  data() {
    const head = ["position", ...this.rows()[0].map((_, k) => `dimension ${k}`)];
    download(
      "positions.csv",
      csv([head, ...this.rows().map((row, p) => [p, ...row.map((z) => Number(z.toFixed(4)))])]),
      "text/csv",
    );
  }
}

/** Rows are positions, columns dimensions; blue above 0, orange below, paper at 0. */
function drawMap({ size, base, position }, width) {
  const canvas = h("canvas", { width: size, height: N, class: "lmk-positions" });
  const row = h("span", { class: "lmk-positions-row", style: `top:${position + 0.5}%` });
  const down = [0, 20, 40, 60, 80].map((p) => h("span", { style: `top:${p + 0.5}%` }, String(p)));
  const across = [0, 1, 2, 3].map((k) =>
    h("span", { style: `left:${100 * (k / 4 + 0.5 / size)}%` }, String((k * size) / 4)),
  );
  const box = h(
    "div",
    { class: "lmk-positions-box", style: `width:${Math.min(width, 592) - 32}px` },
    canvas,
    row,
    h("div", { class: "lmk-positions-down" }, ...down),
    h("div", { class: "lmk-positions-across" }, ...across),
  );
  const rows = Array.from({ length: N }, (_, p) => encoding(p, size, base));
  requestAnimationFrame(() =>
    inkSigned(
      canvas,
      rows[0].map((_, k) => rows.map((row) => row[k])),
    ),
  );
  const key = h(
    "p",
    { class: "lmk-hint" },
    "down: position · across: dimension · ",
    h("span", { class: "lmk-key-pos" }),
    " 1 · 0 is paper · ",
    h("span", { class: "lmk-key-neg" }),
    " −1",
  );
  return h("div", {}, box, key);
}

function drawWaves({ size, base, position, pair }, width) {
  const wave = (f) =>
    Array.from({ length: 4 * N - 3 }, (_, k) => [k / 4, f((k / 4) * speed(pair, size, base))]);
  const lines = [
    { name: `sin, dimension ${2 * pair}`, points: wave(Math.sin) },
    { name: `cos, dimension ${2 * pair + 1}`, points: wave(Math.cos) },
  ];
  return chart({
    width,
    x: { label: "position", from: 0, to: N - 1 },
    y: { label: "value", from: -1.05, to: 1.05 },
    lines,
    at: position,
  });
}

function drawDistance({ size, base, position, offset }, width) {
  const points = Array.from({ length: N }, (_, p) => [p, similarity(position, p, size, base)]);
  const least = Math.min(0, ...points.map((_, k) => similarity(0, k, size, base))); // the same wherever the position is
  const lines = [{ name: "dot product", points }];
  return chart({
    width,
    x: { label: `position q of PE(${position}) · PE(q)`, from: 0, to: N - 1 },
    y: { label: "dot product", from: 1.1 * least, to: 0.55 * size },
    lines,
    at: position + offset,
  });
}

function drawRope({ size, base, position, offset, pair }, width) {
  const side = Math.min(width, 300);
  const [c, r] = [side / 2, side / 2 - 60];
  const turn = speed(pair, size, base);
  const at = (angle, length = r) => turned([length, 0], angle).map((z, k) => (k ? c - z : c + z));
  const arrow = (angle, name, k) => {
    const [[x, y], [tx, ty]] = [at(angle), at(angle, r + 30)];
    const line = {
      x1: c,
      y1: c,
      x2: x,
      y2: y,
      stroke: `var(--lm-cat-${k})`,
      "stroke-width": 3,
      "stroke-dasharray": k === 1 ? "none" : "7 4",
    };
    return [
      svg("line", line),
      svg("circle", { cx: x, cy: y, r: 5, fill: `var(--lm-cat-${k})` }),
      svg(
        "text",
        { x: tx, y: ty + 4, "text-anchor": "middle", "font-size": 13, fill: "var(--lm-ink)" },
        name,
      ),
    ];
  };
  const circle = svg("circle", { cx: c, cy: c, r, fill: "none", stroke: "var(--lm-line)" });
  const arrows = [
    ...arrow(position * turn, `k at ${position}`, 2),
    ...arrow((position + offset) * turn, `q at ${position + offset}`, 1),
  ];
  return svg(
    "svg",
    { width: side, height: side, viewBox: `0 0 ${side} ${side}` },
    circle,
    ...arrows,
  );
}

const render = (host) => present(View, host);

export default { render };

// GradientFlow: how much of a gradient arrives k steps earlier? (chapter 5)
import { alone, chart, fitted } from "../../kit/chart.mjs";
import { dial } from "../../kit/controls.mjs";
import { Figure, present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { update } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number } from "../../kit/numbers.mjs";
import { CURVES, curves, LONGEST, SIZE } from "./networks.mjs";

/** @typedef {import("./networks.mjs").Settings} Settings */

/** @type {[most: number, word: string][]} */
const FATES = [
  [1e-3, "vanishes"],
  [0.3, "shrinks"],
  [3, "lasts"],
  [1e3, "grows"],
];

/** @param {number} left */
const fate = (left) => FATES.find(([most]) => left <= most)?.[1] ?? "explodes";

const NETWORKS = ["RNN", "LSTM", "GRU"];

/**
 * What has become of the gradient, in three sentences.
 * @param {Settings} settings
 * @param {Record<string, number[]>} curves
 */
export function reading({ bias, length }, curves) {
  const last = (/** @type {string} */ name) => curves[name][curves[name].length - 1];
  const left = NETWORKS.map((name) => `${number(last(name))} in the ${name}`);
  const of = Object.groupBy(NETWORKS, (name) => fate(last(name)));
  const told = Object.entries(of).map(
    ([word, names = []]) => `${word} in the ${names.join(" and the ")}`,
  );
  const keep = number(100 / (1 + Math.exp(-bias)));
  return (
    `Of a gradient of 1, ${length} steps earlier there is ${left.join(", ")}: it ${told.join(", ")}. ` +
    `Along the LSTM's forget gates alone it is ${number(last("f alone"))}. At rest they, like the GRU's update gates, keep ${keep} % a step.`
  );
}

/**
 * Of each setting: its name and what its slider goes through.
 * @type {Record<keyof Settings, [name: string, range: {min: number, max: number, step: number}]>}
 */
const SETTINGS = {
  radius: ["Spectral radius", { min: 0.1, max: 3, step: 0.05 }],
  bias: ["Gate bias", { min: -2, max: 6, step: 0.25 }],
  length: ["Steps", { min: 10, max: LONGEST, step: 5 }],
};
const NAMES = /** @type {(keyof Settings)[]} */ (Object.keys(SETTINGS));
const KEYS =
  "Tab goes from slider to slider; left and right arrows move one, Home and End take it to its ends.";
const [LEAST, MOST] = [1e-9, 1e6]; // what the chart shows; beyond it a line stays at the edge
const HEAD = ["steps back", ...CURVES];

class View extends Figure {
  /** @type {import("../../kit/links.mjs").Link} */
  static link = {
    radius: fits.amount(0.1, 3),
    bias: fits.amount(-2, 6),
    length: (n) => fits.count(LONGEST)(n) && n >= 10,
  };

  /** @param {import("../../kit/host.mjs").Model} model */
  constructor(model) {
    super(model, {
      title: "How much of a gradient arrives many steps earlier?",
      menu: [
        ["Download picture (SVG)", () => this.picture()],
        ["Download data (CSV)", () => this.data()],
      ],
      keys: KEYS,
      rows: () => this.rows(),
    });
    this.curves = curves(this.settings());
    this.dials = NAMES.map((name) => ({
      name,
      ...dial(...SETTINGS[name], (value) => update(model, { [name]: value })),
    }));
    this.drawing = this.lines();
    this.fill();
    this.watch(NAMES, () => this.show());
    this.show();
  }

  /** The curves, drawn as wide as there is room. */
  lines() {
    const name =
      "Lines of the gradient's size against steps back; the line below says what there is to see";
    const drawing = fitted(name, (width) => this.draw(width));
    drawing.box.classList.add("lmk-flow");
    this.atClose(drawing.close);
    return drawing;
  }

  fill() {
    const { controls, view, source } = this.frame;
    controls.append(...this.dials.map(({ field }) => field));
    view.append(this.drawing.box);
    source.textContent = `Computed here: networks of ${SIZE} units with random rotations for weights and noise going in.`;
  }

  settings() {
    return /** @type {Settings} */ (
      Object.fromEntries(NAMES.map((name) => [name, this.model.get(name)]))
    );
  }

  show() {
    const settings = this.settings();
    this.curves = curves(settings);
    for (const { name, input, output } of this.dials) {
      input.value = String(settings[name]);
      output.textContent = String(Number(settings[name].toFixed(2))).replace("-", "−");
    }
    this.drawing.paint();
    this.frame.say(reading(settings, this.curves));
  }

  /** @param {number} width */
  draw(width) {
    const x = { label: "k, steps back", from: 0, to: this.settings().length };
    const y = { label: "gradient left", from: LEAST, to: MOST, log: true };
    const lines = Object.entries(this.curves).map(([name, values]) => ({
      name,
      points: values.map((left, k) => /** @type {[number, number]} */ ([k, left])),
    }));
    return chart({ width, height: 280, x, y, lines });
  }

  /** What is left, a row for each number of steps. */
  left() {
    const curves = Object.values(this.curves);
    return curves[0].map((_, k) => [k, ...curves.map((values) => values[k])]);
  }

  /** @returns {import("../../kit/table.mjs").TableSpec} */
  rows() {
    const some = this.left().filter(([k]) => k % 5 === 0);
    const lines = some.map(([k, ...row]) => [String(k), ...row.map((x) => number(x))]);
    return ["Gradient left", HEAD, lines];
  }

  picture() {
    const [drawing] = this.drawing.box.getElementsByTagName("svg");
    download("gradients.svg", alone(drawing), "image/svg+xml");
  }

  data() {
    download("gradients.csv", csv([HEAD, ...this.left()]), "text/csv");
  }
}

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

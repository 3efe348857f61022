// GradientFlow: how much of a gradient arrives k steps earlier? (chapter 5)
import { labelled } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { frame } from "../../kit/frame.mjs";
import { update, watch } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number } from "../../kit/numbers.mjs";
import { random } from "../../kit/sampling.mjs";
import { alone, chart, fitted } from "../../kit/chart.mjs";

export const SIZE = 12;
const INPUT = 0.3;
const NAMES = ["radius", "bias", "length"];
const LONGEST = 100;

/** Numbers from a normal distribution, the same as in Python (Box and Muller). */
export function gaussians(seed, n) {
  const draw = random(seed);
  const made = [];
  while (made.length < n) {
    const [u, v] = [1 - draw(), draw()];
    const size = Math.sqrt(-2 * Math.log(u));
    made.push(size * Math.cos(2 * Math.PI * v), size * Math.sin(2 * Math.PI * v));
  }
  return made.slice(0, n);
}

const dot = (a, b) => a.reduce((sum, x, k) => sum + x * b[k], 0);
const norm = (a) => Math.sqrt(dot(a, a));

/** An orthogonal matrix: Gram and Schmidt's, of random rows; all its eigenvalues have size 1. */
export function rotation(seed) {
  const drawn = gaussians(seed, SIZE * SIZE);
  const rows = [];
  for (let i = 0; i < SIZE; i++) {
    let row = drawn.slice(i * SIZE, (i + 1) * SIZE);
    for (const other of rows) {
      const along = dot(row, other);
      row = row.map((x, k) => x - along * other[k]);
    }
    const length = norm(row);
    rows.push(row.map((x) => x / length));
  }
  return rows;
}

let made = null;
/** The rotations, and what the noise adds to each gate at each step: none depends on a slider. */
function fixed() {
  if (made) return made;
  const noise = gaussians(77, (LONGEST + 1) * SIZE).map((x) => x * INPUT);
  const inputs = Array.from({ length: LONGEST + 1 }, (_, t) =>
    noise.slice(t * SIZE, (t + 1) * SIZE),
  );
  const turns = Array.from({ length: 8 }, (_, k) => rotation(k + 1));
  const gates = Array.from({ length: 4 }, (_, g) => ({
    w: turns[2 * g],
    pulls: inputs.map((x) => times(turns[2 * g + 1], x)),
  }));
  return (made = gates);
}

/** W x, and Wᵀ y: plain loops, for a slider waits for some thousand of them. */
function times(w, x) {
  const y = zeros();
  for (let i = 0; i < SIZE; i++) for (let j = 0; j < SIZE; j++) y[i] += w[i][j] * x[j];
  return y;
}

function timesT(w, y) {
  const x = zeros();
  for (let i = 0; i < SIZE; i++) for (let j = 0; j < SIZE; j++) x[j] += w[i][j] * y[i];
  return x;
}

/** f of up to four arrays, number by number; not of any number of arrays, as a slider waits for it. */
const map = (f, a, b = a, c = a, d = a) => a.map((x, k) => f(x, b[k], c[k], d[k]));
const sigmoid = (z) => 1 / (1 + Math.exp(-z));
const zeros = () => Array(SIZE).fill(0);

/** A step forward: its result, and `back`, which takes ∂L/∂h and ∂L/∂c from after it to before it. */
const STEPS = {
  RNN({ h: before }, gate) {
    const after = gate(0, before).map(Math.tanh);
    return {
      h: after,
      back: ({ h: g }) => ({
        h: gate.back(
          0,
          map((d, y) => d * (1 - y * y), g, after),
        ),
      }),
    };
  },
  LSTM({ h: before, c: cell }, gate, bias) {
    const i = gate(0, before).map(sigmoid);
    const f = gate(1, before).map((z) => sigmoid(z + bias));
    const n = gate(2, before).map(Math.tanh);
    const o = gate(3, before).map(sigmoid);
    const c = map((f, c, i, n) => f * c + i * n, f, cell, i, n);
    const y = c.map(Math.tanh);
    const back = (grads) => {
      const d = map((d, g, o, y) => d + g * o * (1 - y * y), grads.c, grads.h, o, y); // also through h
      const parts = [
        map((d, n, i) => d * n * i * (1 - i), d, n, i),
        map((d, c, f) => d * c * f * (1 - f), d, cell, f),
        map((d, i, n) => d * i * (1 - n * n), d, i, n),
        map((g, y, o) => g * y * o * (1 - o), grads.h, y, o),
      ];
      return {
        h: parts.map((part, k) => gate.back(k, part)).reduce((a, b) => map((p, q) => p + q, a, b)),
        c: map((d, f) => d * f, d, f),
      };
    };
    return { h: map((o, y) => o * y, o, y), c, back };
  },
  GRU({ h: before }, gate, bias) {
    const r = gate(0, before).map(sigmoid);
    const z = gate(1, before).map((a) => sigmoid(a + bias));
    const inner = gate.inner(2, before);
    const n = map((a, r, u) => Math.tanh(a + r * u), gate.pull(2), r, inner);
    const back = ({ h: g }) => {
      const dn = map((g, z, n) => g * (1 - z) * (1 - n * n), g, z, n);
      const parts = [
        map((d, u, r) => d * u * r * (1 - r), dn, inner, r),
        map((g, h, n, z) => g * (h - n) * z * (1 - z), g, before, n, z),
        map((d, r) => d * r, dn, r),
      ];
      return {
        h: parts
          .map((part, k) => gate.back(k, part))
          .reduce(
            (a, b) => map((p, q) => p + q, a, b),
            map((g, z) => g * z, g, z),
          ),
      };
    };
    return { h: map((n, z, h) => (1 - z) * n + z * h, n, z, before), back };
  },
};
export const CURVES = [...Object.keys(STEPS), "f alone"];

/** What a network's gate k adds up at a step, and how a gradient comes back through it. */
function gateAt(t, radius) {
  const gates = fixed();
  const inner = (k, h) => times(gates[k].w, h).map((x) => radius * x);
  const pull = (k) => gates[k].pulls[t];
  const back = (k, d) => timesT(gates[k].w, d).map((x) => radius * x);
  return Object.assign((k, h) => map((a, b) => a + b, pull(k), inner(k, h)), { inner, pull, back });
}

/** A network's steps through the noise, from an empty state. */
function forward(kind, { radius, bias, length }) {
  const steps = [];
  let state = { h: zeros(), c: zeros() };
  for (let t = 0; t <= length; t++)
    steps.push((state = STEPS[kind](state, gateAt(t, radius), bias)));
  return steps;
}

/** ‖∂L/∂s at T − k‖ / ‖∂L/∂s at T‖ for each k; `along` picks what is handed on. */
function backward(steps, along = (grads) => grads) {
  let grads = { h: zeros().fill(1), c: zeros() };
  const norms = [...steps].reverse().map((step) => {
    const here = norm([...grads.h, ...(grads.c ?? [])]);
    grads = along(step.back(grads));
    return here;
  });
  return norms.map((x) => x / norms[0]);
}

/**
 * What is left of a gradient, by name: k from 0 to `length`. s is what is handed on, h and an LSTM's
 * c, and L the sum of h at T; "f alone" hands on c only. Python's `GradientFlow.curves` is the same.
 */
export function curves(state) {
  const steps = Object.fromEntries(Object.keys(STEPS).map((kind) => [kind, forward(kind, state)]));
  const whole = Object.entries(steps).map(([kind, some]) => [kind, backward(some)]);
  const alone = backward(steps.LSTM, ({ c }) => ({ h: zeros(), c }));
  return { ...Object.fromEntries(whole), "f alone": alone };
}

const FATES = [
  [1e-3, "vanishes"],
  [0.3, "shrinks"],
  [3, "lasts"],
  [1e3, "grows"],
  [Infinity, "explodes"],
];
const fate = (left) => FATES.find(([most]) => left <= most)[1];

/** What has become of the gradient, in three sentences. */
export function reading({ bias, length }, curves) {
  const last = (name) => curves[name].at(-1);
  const names = ["RNN", "LSTM", "GRU"];
  const left = names.map((name) => `${number(last(name))} in the ${name}`);
  const fates = [...new Set(names.map((name) => fate(last(name))))];
  const told = fates.map(
    (word) =>
      `${word} in the ${names.filter((name) => fate(last(name)) === word).join(" and the ")}`,
  );
  const keep = number(100 / (1 + Math.exp(-bias)));
  return (
    `Of a gradient of 1, ${length} steps earlier there is ${left.join(", ")}: it ${told.join(", ")}. ` +
    `Along the LSTM's forget gates alone it is ${number(last("f alone"))}. At rest they, like the GRU's update gates, keep ${keep} % a step.`
  );
}

const KEYS =
  "Tab goes from slider to slider; left and right arrows move one, Home and End take it to its ends.";
const [LEAST, MOST] = [1e-9, 1e6]; // what the chart shows; beyond it a line stays at the edge

class View {
  static link = {
    radius: fits.amount(0.1, 3),
    bias: fits.amount(-2, 6),
    length: (n) => fits.count(LONGEST)(n) && n >= 10,
  };

  constructor(model) {
    this.model = model;
    this.frame = frame({
      title: "How much of a gradient arrives many steps earlier?",
      menu: [
        [
          "Download picture (SVG)",
          () =>
            download("gradients.svg", alone(this.figure.box.querySelector("svg")), "image/svg+xml"),
        ],
        [
          "Download data (CSV)",
          () =>
            download(
              "gradients.csv",
              csv([["steps back", ...CURVES], ...this.rows(1)]),
              "text/csv",
            ),
        ],
      ],
      keys: KEYS,
      rows: () => [
        "Gradient left",
        ["steps back", ...CURVES],
        this.rows(5).map(([k, ...row]) => [String(k), ...row.map((x) => number(x))]),
      ],
    });
    this.controls();
    this.figure = fitted(
      "Lines of the gradient's size against steps back; the line below says what there is to see",
      (width) => this.draw(width),
    );
    this.figure.box.classList.add("lmk-flow");
    this.frame.view.append(this.figure.box);
    this.frame.source.textContent = `Computed here: networks of ${SIZE} units with random rotations for weights and noise going in.`;
    this.stop = watch(model, NAMES, () => this.show());
    this.show();
  }

  controls() {
    const slider = (name, min, max, step) =>
      h("input", {
        type: "range",
        min,
        max,
        step,
        oninput: (event) => update(this.model, { [name]: event.target.valueAsNumber }),
      });
    this.sliders = {
      radius: slider("radius", 0.1, 3, 0.05),
      bias: slider("bias", -2, 6, 0.25),
      length: slider("length", 10, LONGEST, 5),
    };
    this.outputs = Object.fromEntries(NAMES.map((name) => [name, h("output", {})]));
    const names = { radius: "Spectral radius", bias: "Gate bias", length: "Steps" };
    this.frame.controls.append(
      ...NAMES.map((name) => labelled(names[name], this.sliders[name], this.outputs[name])),
    );
  }

  state() {
    return Object.fromEntries(NAMES.map((name) => [name, this.model.get(name)]));
  }

  show() {
    const state = this.state();
    this.curves = curves(state);
    for (const [name, value] of Object.entries(state)) {
      this.sliders[name].value = value;
      this.outputs[name].textContent = String(Number(value.toFixed(2))).replace("-", "−");
    }
    this.figure.paint();
    this.frame.say(reading(state, this.curves));
  }

  draw(width) {
    const { length } = this.state();
    const lines = Object.entries(this.curves).map(([name, values]) => ({
      name,
      points: values.map((x, k) => [k, x]),
    }));
    return chart({
      width,
      height: 280,
      x: { label: "k, steps back", from: 0, to: length },
      y: { label: "gradient left", from: LEAST, to: MOST, log: true },
      lines,
    });
  }

  rows(every) {
    const kept = Array.from({ length: this.model.get("length") + 1 }, (_, k) => k).filter(
      (k) => k % every === 0,
    );
    return kept.map((k) => [k, ...Object.values(this.curves).map((values) => values[k])]);
  }

  close() {
    this.stop();
    this.figure.close();
  }
}

const render = (host) => present(View, host);

export default { render };

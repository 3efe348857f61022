// Three recurrent networks of 12 units, and what comes back through them of a gradient.
import { random } from "../../kit/sampling.mjs";

/**
 * What is handed on from step to step, c only by an LSTM; or the gradient of the loss by it.
 * @typedef {{h: number[], c?: number[]}} State
 *
 * A step forward: its result, and `back`, which takes the gradient from after it to before it.
 * @typedef {State & {back: (after: State) => State}} Step
 *
 * @typedef {{radius: number, bias: number, length: number}} Settings
 * @typedef {ReturnType<typeof gatesAt>} Gates
 */

export const SIZE = 12;
export const LONGEST = 100;
const INPUT = 0.3; // how strongly the noise that goes in pulls

/**
 * Numbers from a normal distribution, the same as in Python (Box and Muller).
 * @param {number} seed
 * @param {number} n
 */
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

/** @param {number[]} a @param {number[]} b */
const dot = (a, b) => a.reduce((sum, x, k) => sum + x * b[k], 0);

/** @param {number[]} a */
const norm = (a) => Math.sqrt(dot(a, a));

/** @returns {number[]} */
const zeros = () => Array(SIZE).fill(0);

/** Numbers in rows of a vector each. @param {number[]} numbers */
const inRows = (numbers) =>
  Array.from({ length: numbers.length / SIZE }, (_, k) => numbers.slice(k * SIZE, (k + 1) * SIZE));

/**
 * An orthogonal matrix: Gram and Schmidt's, of random rows; all its eigenvalues have size 1.
 * @param {number} seed
 */
export function rotation(seed) {
  /** @type {number[][]} */
  const rows = [];
  for (const drawn of inRows(gaussians(seed, SIZE * SIZE))) {
    let row = drawn;
    for (const other of rows) {
      const along = dot(row, other);
      row = row.map((x, k) => x - along * other[k]);
    }
    const length = norm(row);
    rows.push(row.map((x) => x / length));
  }
  return rows;
}

/**
 * W x: plain loops, for a slider waits for some thousand of them.
 * @param {number[][]} w
 * @param {number[]} x
 */
function times(w, x) {
  const y = zeros();
  for (let i = 0; i < SIZE; i++) for (let j = 0; j < SIZE; j++) y[i] += w[i][j] * x[j];
  return y;
}

/** Wᵀ y. @param {number[][]} w @param {number[]} y */
function timesT(w, y) {
  const x = zeros();
  for (let i = 0; i < SIZE; i++) for (let j = 0; j < SIZE; j++) x[j] += w[i][j] * y[i];
  return x;
}

/**
 * f of up to four arrays, number by number; not of any number of arrays, as a slider waits for it.
 * @param {(a: number, b: number, c: number, d: number) => number} f
 * @param {number[]} a
 */
const map = (f, a, b = a, c = a, d = a) => a.map((x, k) => f(x, b[k], c[k], d[k]));

/** @param {number[]} a @param {number[]} b */
const plus = (a, b) => map((x, y) => x + y, a, b);

/** @param {number} z */
const sigmoid = (z) => 1 / (1 + Math.exp(-z));

/** The rotations, and what the noise adds to each gate at each step: none depends on a slider. */
function drawn() {
  const noise = inRows(gaussians(77, (LONGEST + 1) * SIZE).map((x) => x * INPUT));
  const turns = Array.from({ length: 8 }, (_, k) => rotation(k + 1));
  return Array.from({ length: 4 }, (_, g) => ({
    w: turns[2 * g],
    pulls: noise.map((x) => times(turns[2 * g + 1], x)),
  }));
}

/** @type {ReturnType<typeof drawn> | undefined} */
let fixed;

/**
 * The gates at a step: what the input adds to gate k, what the state adds, their sum, and how a
 * gradient comes back through it.
 * @param {number} t
 * @param {number} radius
 */
function gatesAt(t, radius) {
  fixed ??= drawn();
  const gates = fixed;
  /** @param {number} k */
  const pull = (k) => gates[k].pulls[t];
  /** @param {number} k @param {number[]} h */
  const inner = (k, h) => times(gates[k].w, h).map((x) => radius * x);
  /** @param {number} k @param {number[]} h */
  const sum = (k, h) => plus(pull(k), inner(k, h));
  /** @param {number} k @param {number[]} d */
  const back = (k, d) => timesT(gates[k].w, d).map((x) => radius * x);
  return { pull, inner, sum, back };
}

/**
 * What comes back to h through all gates, a part through each.
 * @param {Gates} gates
 * @param {number[][]} parts
 */
const through = (gates, parts) => parts.map((part, k) => gates.back(k, part)).reduce(plus);

/** @typedef {Record<string, number[]>} Values of a step that the way back needs */

/** @param {State} before @param {Gates} gates @returns {Step} */
function rnn({ h: before }, gates) {
  const h = gates.sum(0, before).map(Math.tanh);
  /** @type {Step["back"]} */
  const back = ({ h: g }) => ({
    h: gates.back(
      0,
      map((d, y) => d * (1 - y * y), g, h),
    ),
  });
  return { h, back };
}

/** @param {State} before @param {Gates} gates @param {number} bias @returns {Step} */
function lstm({ h: before, c: cell = zeros() }, gates, bias) {
  const i = gates.sum(0, before).map(sigmoid);
  const f = gates.sum(1, before).map((z) => sigmoid(z + bias));
  const n = gates.sum(2, before).map(Math.tanh);
  const o = gates.sum(3, before).map(sigmoid);
  const c = map((f, c, i, n) => f * c + i * n, f, cell, i, n);
  const y = c.map(Math.tanh);
  return { h: map((o, y) => o * y, o, y), c, back: lstmBack(gates, { cell, i, f, n, o, y }) };
}

/** @param {Gates} gates @param {Values} values @returns {Step["back"]} */
function lstmBack(gates, { cell, i, f, n, o, y }) {
  return ({ h: g, c: dc = zeros() }) => {
    const d = map((d, g, o, y) => d + g * o * (1 - y * y), dc, g, o, y); // also through h
    const parts = [
      map((d, n, i) => d * n * i * (1 - i), d, n, i),
      map((d, c, f) => d * c * f * (1 - f), d, cell, f),
      map((d, i, n) => d * i * (1 - n * n), d, i, n),
      map((g, y, o) => g * y * o * (1 - o), g, y, o),
    ];
    return { h: through(gates, parts), c: map((d, f) => d * f, d, f) };
  };
}

/** @param {State} before @param {Gates} gates @param {number} bias @returns {Step} */
function gru({ h: before }, gates, bias) {
  const r = gates.sum(0, before).map(sigmoid);
  const z = gates.sum(1, before).map((a) => sigmoid(a + bias));
  const inner = gates.inner(2, before);
  const n = map((a, r, u) => Math.tanh(a + r * u), gates.pull(2), r, inner);
  const h = map((n, z, h) => (1 - z) * n + z * h, n, z, before);
  return { h, back: gruBack(gates, { before, r, z, inner, n }) };
}

/** @param {Gates} gates @param {Values} values @returns {Step["back"]} */
function gruBack(gates, { before, r, z, inner, n }) {
  return ({ h: g }) => {
    const dn = map((g, z, n) => g * (1 - z) * (1 - n * n), g, z, n);
    const parts = [
      map((d, u, r) => d * u * r * (1 - r), dn, inner, r),
      map((g, h, n, z) => g * (h - n) * z * (1 - z), g, before, n, z),
      map((d, r) => d * r, dn, r),
    ];
    return {
      h: plus(
        map((g, z) => g * z, g, z),
        through(gates, parts),
      ),
    };
  };
}

const STEPS = { RNN: rnn, LSTM: lstm, GRU: gru };
export const CURVES = [...Object.keys(STEPS), "f alone"];

/**
 * A network's steps through the noise, from an empty state.
 * @param {typeof lstm} step
 * @param {Settings} settings
 */
function forward(step, { radius, bias, length }) {
  /** @type {Step[]} */
  const steps = [];
  /** @type {State} */
  let state = { h: zeros() };
  for (let t = 0; t <= length; t++) {
    const next = step(state, gatesAt(t, radius), bias);
    steps.push(next);
    state = next;
  }
  return steps;
}

/**
 * ‖∂L/∂s at T − k‖ / ‖∂L/∂s at T‖ for each k; `along` picks what is handed on.
 * @param {Step[]} steps
 * @param {(grads: State) => State} along
 */
function backward(steps, along = (grads) => grads) {
  /** @type {State} */
  let grads = { h: zeros().fill(1) };
  const norms = steps.toReversed().map((step) => {
    const here = norm([...grads.h, ...(grads.c ?? [])]);
    grads = along(step.back(grads));
    return here;
  });
  return norms.map((x) => x / norms[0]);
}

/**
 * What is left of a gradient, by name: k from 0 to `length`. s is what is handed on, h and an LSTM's
 * c, and L the sum of h at T; "f alone" hands on c only. Python's `GradientFlow.curves` is the same.
 * @param {Settings} settings
 * @returns {Record<string, number[]>}
 */
export function curves(settings) {
  const runs = Object.entries(STEPS).map(([name, step]) => [name, forward(step, settings)]);
  const steps = /** @type {Record<string, Step[]>} */ (Object.fromEntries(runs));
  const whole = Object.entries(steps).map(([name, some]) => [name, backward(some)]);
  const alone = backward(steps.LSTM, ({ c }) => ({ h: zeros(), c }));
  return { ...Object.fromEntries(whole), "f alone": alone };
}

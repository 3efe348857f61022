// Every step from numbers to attention: what it computes, which cells a cell is made from.

/**
 * @typedef {number[][]} Matrix
 * @typedef {"x" | "w_q" | "w_k" | "w_v"} Input
 * @typedef {"q" | "k" | "v" | "scores" | "shrunk" | "masked" | "weights" | "output"} Step
 * @typedef {Input | Step} Name
 * @typedef {Record<Input, Matrix>} Inputs
 * @typedef {Record<Step, Matrix>} Steps
 * @typedef {{causal?: boolean, scaled?: boolean}} Switches
 * @typedef {[name: Name, row: number | null, column: number | null]} Origin null is for all of them
 */

/** @type {readonly Input[]} */
export const INPUTS = ["x", "w_q", "w_k", "w_v"];

/**
 * Every step of softmax(QKᵀ/√d + mask)V, as lmkit's `AttentionSteps.steps`.
 * @param {Inputs} inputs
 * @param {Switches} [switches]
 * @returns {Steps}
 */
export function steps({ x, w_q, w_k, w_v }, { causal = true, scaled = true } = {}) {
  const [q, k, v] = [w_q, w_k, w_v].map((w) => product(x, w));
  const scores = product(q, flipped(k));
  const root = scaled ? Math.sqrt(q[0].length) : 1;
  const shrunk = scores.map((row) => row.map((z) => z / root));
  const masked = shrunk.map((row, i) => row.map((z, j) => (causal && j > i ? -Infinity : z)));
  const weights = masked.map(shares);
  return { q, k, v, scores, shrunk, masked, weights, output: product(weights, v) };
}

/** @param {Matrix} a @param {Matrix} b @returns {Matrix} */
function product(a, b) {
  const columns = flipped(b);
  return a.map((row) => columns.map((other) => row.reduce((sum, p, k) => sum + p * other[k], 0)));
}

/** @param {Matrix} a @returns {Matrix} */
const flipped = (a) => a[0].map((_, j) => columnOf(a, j));

/** @param {Matrix} a @param {number} j */
export const columnOf = (a, j) => a.map((row) => row[j]);

/** The softmax of a row in which −∞ may stand, but not alone. @param {number[]} row */
function shares(row) {
  const top = Math.max(...row);
  const powers = row.map((z) => Math.exp(z - top));
  const sum = powers.reduce((total, p) => total + p, 0);
  return powers.map((p) => p / sum);
}

/**
 * Where a cell comes from: the cells of earlier steps.
 * @param {Name} name
 * @param {number} i
 * @param {number} j
 * @returns {Origin[]}
 */
export function origins(name, i, j) {
  /** @type {Partial<Record<Name, Origin[]>>} */
  const of = {
    q: [wholeRow("x", i), wholeColumn("w_q", j)],
    k: [wholeRow("x", i), wholeColumn("w_k", j)],
    v: [wholeRow("x", i), wholeColumn("w_v", j)],
    scores: [wholeRow("q", i), wholeRow("k", j)],
    shrunk: [["scores", i, j]],
    masked: [["shrunk", i, j]],
    weights: [wholeRow("masked", i)],
    output: [wholeRow("weights", i), wholeColumn("v", j)],
  };
  return of[name] ?? [];
}

/** @param {Name} name @param {number} i @returns {Origin} */
const wholeRow = (name, i) => [name, i, null];

/** @param {Name} name @param {number} j @returns {Origin} */
const wholeColumn = (name, j) => [name, null, j];

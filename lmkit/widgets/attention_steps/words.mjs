// A cell in a sentence with its numbers, and one token's way to its output as a table.
import { percent } from "../../kit/numbers.mjs";
import { quoted } from "../../kit/tokens.mjs";
import { columnOf, steps } from "./steps.mjs";

/**
 * @typedef {import("./steps.mjs").Inputs} Inputs
 * @typedef {import("./steps.mjs").Matrix} Matrix
 * @typedef {import("./steps.mjs").Name} Name
 * @typedef {import("./steps.mjs").Steps} Steps
 * @typedef {Inputs & {tokens: string[], causal: boolean, scaled: boolean}} State
 *
 * A cell: all numbers, its place, its value, the tokens of its row and of its column.
 * @typedef {{all: State & Steps, i: number, j: number, value: string, who: string,
 *   whom: string}} Cell
 */

/** A number of a cell: two decimals at the most, a real minus. @param {number} z */
export const cell = (z) =>
  Number.isFinite(z)
    ? String(Math.abs(z) < 0.005 ? 0 : Number(z.toFixed(2))).replace("-", "−")
    : "−∞";

/**
 * How a cell was computed, in a sentence with its numbers.
 * @param {State} state
 * @param {Name} name
 * @param {number} i
 * @param {number} j
 */
export function explain(state, name, i, j) {
  const all = { ...state, ...steps(state, state) };
  const [who, whom] = [i, j].map((at) => quoted(state.tokens[at] ?? ""));
  return SENTENCES[name]({ all, i, j, value: cell(all[name][i][j]), who, whom });
}

/** @type {Record<Name, (one: Cell) => string>} */
const SENTENCES = {
  x: ({ j, who, value }) =>
    `Entry ${j + 1} of the vector of ${who} is ${value}. Change it, and watch it flow.`,
  w_q: (one) => trained(one, "W^Q", "query"),
  w_k: (one) => trained(one, "W^K", "key"),
  w_v: (one) => trained(one, "W^V", "value"),
  q: (one) => projected(one, one.all.w_q, "query"),
  k: (one) => projected(one, one.all.w_k, "key"),
  v: (one) => projected(one, one.all.w_v, "value"),
  scores: ({ all, i, j, value, who, whom }) =>
    `How well the key of ${whom} answers the query of ${who}: ${sum(all.q[i], all.k[j])} = ${value}.`,
  shrunk,
  masked: ({ value, who, whom }) =>
    value === "−∞"
      ? `${whom} comes after ${who}: the mask puts −∞ here, and e to that power is 0.`
      : `${who} may look at ${whom}: ${value} stays.`,
  weights,
  output: ({ all, i, j, value, who }) =>
    `What ${who} takes, entry ${j + 1}: ${sum(all.weights[i], columnOf(all.v, j))} = ${value}.`,
};

/** @param {Cell} one @param {string} name @param {string} role of what the matrix makes */
const trained = ({ i, j, value }, name, role) =>
  `Row ${i + 1}, column ${j + 1} of ${name} is ${value}: how much entry ${i + 1} of a token's vector adds to entry ${j + 1} of its ${role}.`;

/** @param {Cell} one @param {Matrix} w @param {string} role */
const projected = ({ all, i, j, value, who }, w, role) =>
  `The ${role} of ${who}, entry ${j + 1}: ${sum(all.x[i], columnOf(w, j))} = ${value}.`;

/** @param {Cell} one */
function shrunk({ all, i, j, value }) {
  const d = all.q[0].length;
  return all.scaled
    ? `${cell(all.scores[i][j])} divided by √${d} = ${cell(Math.sqrt(d))} is ${value}.`
    : `Nothing is divided here: ${value} stays.`;
}

/** @param {Cell} one */
function weights({ all, i, j, who, whom }) {
  const row = all.masked[i];
  if (!Number.isFinite(row[j])) return `${who} gives ${whom} nothing: the mask hides it.`;
  const powers = row.filter(Number.isFinite).map(power).join(" + ");
  return `${who} gives ${whom} ${power(row[j])} / (${powers}) = ${percent(all.weights[i][j])} of its attention.`;
}

/** @param {number} z */
const power = (z) => `e^${cell(z)}`;

/** @param {number[]} a @param {number[]} b */
const sum = (a, b) => a.map((p, k) => `${cell(p)} · ${cell(b[k])}`).join(" + ");

/**
 * How one token comes to its output, a row for each token that it looks at.
 * @param {State} state
 * @param {number} i
 * @returns {import("../../kit/table.mjs").TableSpec}
 */
export function asTable(state, i) {
  const { tokens, scaled } = state;
  const { scores, shrunk, masked, weights, v, output } = steps(state, state);
  const rows = tokens.map((token, j) => [
    token,
    ...[scores, shrunk, masked].map((m) => cell(m[i][j])),
    percent(weights[i][j]),
    vector(v[j]),
  ]);
  const head = ["looks at", "score", scaled ? "÷ √d" : "not scaled", "masked", "weight", "value"];
  const takes = `What ${quoted(tokens[i])} takes: the values, each times its weight, add up to`;
  return [`${takes} ${vector(output[i])}.`, head, rows];
}

/** @param {number[]} row */
const vector = (row) => `(${row.map(cell).join(", ")})`;

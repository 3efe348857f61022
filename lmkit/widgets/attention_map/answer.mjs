// What the page's model answers: all maps of a text, and what a head is good for.
import {
  begun,
  chips,
  english,
  fail,
  likeliest,
  lowerTriangles,
  rounded,
} from "../../engine/reply.mjs";
import { softmax } from "../../kit/sampling.mjs";

/** @typedef {import("../../engine/model.mjs").Model} Model */

const GUESSES = 5;
const MAX_MAP = 64; // tokens of an attention map, with the start

/**
 * Every layer's and head's weights of a text, a byte each.
 * @param {Model} model
 * @param {{text: string}} request
 */
function attention(model, { text }) {
  const ids = idsOf(model, text);
  const T = ids.length;
  const { n_layer, n_head } = model.config;
  const maps = /** @type {Float32Array} */ (model.forward(ids, { attentions: true }).attentions);
  return {
    tokens: chips(model, ids),
    shape: [n_layer, n_head, T],
    weights: lowerTriangles(maps, T),
  };
}

/**
 * What comes next with all heads, and with one of them switched off.
 * @param {Model} model
 * @param {{text: string, layer: number, head: number}} request
 */
function ablate(model, { text, layer, head }) {
  const ids = idsOf(model, text);
  /** @param {[layer: number, head: number][]} off */
  const without = (off) => softmax(Float64Array.from(model.forward(ids, { ablate: off }).logits));
  const { moved, next } = compare(without([]), without([[layer, head]]));
  const names = chips(
    model,
    next.map(({ i }) => i),
  );
  return { moved, next: names.map((chip, k) => ({ ...chip, ...next[k] })) };
}

/** The ids of a text that fits a map. @param {Model} model @param {string} text */
function idsOf(model, text) {
  const ids = begun(model, text);
  if (ids.length > MAX_MAP)
    fail(`The text has ${english(ids.length)} tokens with its start; a map may have ${MAX_MAP}.`);
  return ids;
}

/**
 * The k likeliest of each of two distributions, and how much lies elsewhere: `compare` of __init__.py.
 * @param {Float64Array | number[]} p
 * @param {Float64Array | number[]} q
 */
export function compare(p, q, k = GUESSES) {
  const ids = [...new Set([...likeliest(p, k), ...likeliest(q, k)])].sort((a, b) => a - b);
  ids.sort((a, b) => Math.max(p[b], q[b]) - Math.max(p[a], q[a]));
  const moved = Array.from(p).reduce((total, x, i) => total + Math.abs(x - q[i]), 0) / 2;
  return { moved: rounded(moved), next: ids.map((i) => ({ i, p: short(p[i]), q: short(q[i]) })) };
}

/** @param {number} x */
const short = (x) => Number(x.toPrecision(4));

export const answers = { attention, ablate };

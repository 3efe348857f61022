// What the page's model answers: what the heads of each layer take, and how much they add.
import { begun, chips, fail, lowerTriangles } from "../../engine/reply.mjs";

/** @typedef {import("../../engine/model.mjs").Model} Model */

const MAX_ROWS = 24; // tokens, with the start

/**
 * @param {Model} model
 * @param {{text: string}} request
 * @returns {import("./heads.mjs").Layers}
 */
function multiHead(model, { text }) {
  const ids = begun(model, text);
  const T = ids.length;
  if (T < 2 || T > MAX_ROWS)
    fail(`The text has ${T - 1} tokens; this figure takes 1 to ${MAX_ROWS - 1}.`);
  const { n_layer, n_head, n_embd } = model.config;
  const results = model.forward(ids, { attentions: true, headOutputs: true });
  const maps = /** @type {Float32Array} */ (results.attentions);
  const added = /** @type {Float32Array} */ (results.headOutputs);
  return {
    tokens: chips(model, ids),
    shape: [n_layer, n_head, T],
    weights: lowerTriangles(maps, T),
    width: n_embd,
    ...lengthsOf(added, n_layer, n_head, T),
  };
}

/**
 * The lengths of what heads add (n_layer, n_head, T, D), and of what a layer's heads add together.
 * @param {Float32Array} added
 * @param {number} n_layer
 * @param {number} n_head
 * @param {number} T
 */
export function lengthsOf(added, n_layer, n_head, T) {
  const D = added.length / (n_layer * n_head * T);
  const [layers, heads, tokens] = [n_layer, n_head, T].map((n) => [...Array(n).keys()]);
  /** @param {number} layer @param {number} head @param {number} t */
  const vector = (layer, head, t) => {
    const at = ((layer * n_head + head) * T + t) * D;
    return added.subarray(at, at + D);
  };
  /** @param {number} layer @param {number} t */
  const sum = (layer, t) =>
    vector(layer, 0, t).map((_, i) => heads.reduce((s, head) => s + vector(layer, head, t)[i], 0));
  return {
    sizes: layers.map((l) => heads.map((k) => tokens.map((t) => length(vector(l, k, t))))),
    total: layers.map((l) => tokens.map((t) => length(sum(l, t)))),
  };
}

/** With two decimals, as what is stored. @param {Float32Array} vector */
const length = (vector) => Math.round(100 * Math.hypot(...vector)) / 100;

/** Who answers what. */
export const answers = { "multi-head": multiHead };

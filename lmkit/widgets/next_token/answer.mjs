// What the page's model answers: the node after a text and the tokens appended to it.
import {
  asIds,
  asText,
  begun,
  chips,
  english,
  fail,
  likeliest,
  rounded,
} from "../../engine/reply.mjs";
import { TEMPERATURES, TOP_PS } from "../../kit/sampling.mjs";

/** @typedef {import("../../engine/model.mjs").Model} Model */

const MAX_CHARACTERS = 2000; // of the context
const STORED = 8; // tokens kept of each distribution

/**
 * The context's tokens and its node, with the tokens' texts.
 * @param {Model} model
 * @param {{text: string, path: number[]}} request
 */
function nextToken(model, { text, path }) {
  const length = [...asText(text)].length;
  if (length > MAX_CHARACTERS)
    fail(
      `The context has ${english(length)} characters; here it may have ${english(MAX_CHARACTERS)}.`,
    );
  const ids = begun(model, text);
  const node = pack(model.next([...ids, ...asIds(path)]));
  return { start: chips(model, ids.slice(1)), node: { t: model.tokens(node.i), ...node } };
}

/**
 * What is kept of a distribution of logits (V,): `pack` of __init__.py.
 * @param {ArrayLike<number>} logits
 */
export function pack(logits, stored = STORED) {
  const sorted = Float64Array.from(logits).sort().reverse();
  const logZ = Math.log(sum(sorted.map((z) => Math.exp(z - sorted[0])))) + sorted[0];
  const logP = sorted.map((z) => z - logZ);
  const heated = TEMPERATURES.slice(1).map((temperature) =>
    logP.map((l) => Math.exp(l / temperature)),
  );
  return {
    i: likeliest(logits, stored),
    l: Array.from(logP.subarray(0, stored), rounded),
    r: heated.map((weights) => rounded(Math.log(sum(weights.subarray(stored)) || 1e-300))),
    n: heated.map((weights) => nucleiBeyond(weights, stored)),
  };
}

/** @param {Float64Array} numbers */
const sum = (numbers) => numbers.reduce((total, x) => total + x, 0);

/**
 * Size and mass beyond p of the nuclei (top-p) that reach beyond the stored tokens.
 * @param {Float64Array} weights
 * @param {number} stored
 */
function nucleiBeyond(weights, stored) {
  const total = sum(weights);
  const pairs = [];
  let [size, mass] = [0, 0];
  for (const p of TOP_PS.slice(1).reverse()) {
    while (mass / total < p && size < weights.length) mass += weights[size++];
    if (size > stored) pairs.unshift(size, Math.round((mass / total - p) * 1e5));
  }
  return pairs;
}

export const answers = { "next-token": nextToken };

// What the page's model answers: each token's log probability, and what was expected there.
import { logSoftmax } from "../../engine/model.mjs";
import { asText, chips, english, fail, likeliest, rounded } from "../../engine/reply.mjs";

/** @typedef {import("../../engine/model.mjs").Model} Model */

const MAX_FACTORS = 200; // tokens
const SLICE = 64; // tokens whose logits are held at once, 13 MB
const GUESSES = 5;

/**
 * Each token's log probability given all before it, and what was expected there.
 * @param {Model} model
 * @param {{text: string}} request
 */
function chainRule(model, { text }) {
  const ids = model.encode(asText(text));
  if (ids.length > MAX_FACTORS)
    fail(`The text has ${english(ids.length)} tokens; here it may have ${MAX_FACTORS}.`);
  const before = [model.startId, ...ids].slice(0, -1);
  const tokens = [];
  for (let past = 0; past < before.length; past += SLICE) {
    const part = before.slice(past, past + SLICE);
    const { logits } = model.forward(part, { past, all: true });
    tokens.push(...slices(logits, part.length).map((row, t) => factor(model, row, ids[past + t])));
  }
  return { tokens };
}

/** The rows of a matrix (T, V), without copying. @param {Float32Array} logits @param {number} T */
function slices(logits, T) {
  const V = logits.length / T;
  return Array.from({ length: T }, (_, t) => logits.subarray(t * V, (t + 1) * V));
}

/** @param {Model} model @param {Float32Array} logits @param {number} id */
function factor(model, logits, id) {
  const logZ = logits[id] - logSoftmax(logits, id);
  const guesses = chips(model, [id, ...likeliest(logits, GUESSES)]);
  const [token, ...alt] = guesses.map((chip) => ({ ...chip, l: rounded(logits[chip.i] - logZ) }));
  return { ...token, alt };
}

export const answers = { "chain-rule": chainRule };

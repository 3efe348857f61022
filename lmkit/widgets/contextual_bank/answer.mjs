// What the page's model answers: a word's vectors in several sentences, layer by layer.
import { begun, fail } from "../../engine/reply.mjs";

/** @typedef {import("../../engine/model.mjs").Model} Model */

const MAX_SENTENCES = 12;
const MAX_CHARACTERS = 200; // of a sentence
const NAME = "SmolLM2-135M-Instruct";

/**
 * Of each layer the dot products of a word's vectors in several sentences: a lower triangle.
 * @param {Model} model
 * @param {{sentences: string[], word: string}} request
 */
function wordVectors(model, { sentences, word }) {
  if (sentences.length < 2 || sentences.length > MAX_SENTENCES)
    fail(`Give 2 to ${MAX_SENTENCES} sentences, not ${sentences.length}.`);
  const states = sentences.map((sentence) => wordStates(model, sentence, word));
  const layers = Array.from({ length: model.config.n_layer + 1 }, (_, layer) =>
    triangle(states.map((state) => state(layer))),
  );
  return { models: [{ name: NAME, grams: layers }] };
}

/**
 * A function from a layer to the vector (D,) of a word's last token in a sentence.
 * @param {Model} model
 * @param {string} sentence
 * @param {string} word
 */
function wordStates(model, sentence, word) {
  const D = model.config.n_embd;
  const ids = begun(model, sentence.slice(0, MAX_CHARACTERS));
  const at = lastToken(model.tokens(ids), sentence, word);
  const { hidden } = model.forward(ids.slice(0, at + 1), { hidden: true }); // what comes after changes nothing
  const states = /** @type {Float32Array} */ (hidden); // (n_layer + 1, at + 1, D)
  /** @param {number} layer */
  return (layer) => states.subarray((layer * (at + 1) + at) * D, (layer + 1) * (at + 1) * D);
}

/** Dot products of vectors (D,) over D: the lower triangle, row by row. @param {Float32Array[]} vectors */
const triangle = (vectors) =>
  vectors.flatMap((a, i) => vectors.slice(0, i + 1).map((b) => product(a, b)));

/** @param {Float32Array} a @param {Float32Array} b */
const product = (a, b) =>
  Number((a.reduce((sum, x, k) => sum + x * b[k], 0) / a.length).toPrecision(6));

/**
 * The token that ends a word, at the word's first place; as in Python.
 * @param {string[]} tokens
 * @param {string} sentence
 * @param {string} word
 */
export function lastToken(tokens, sentence, word) {
  const wanted = word.toLowerCase();
  const { text, ends } = joined(tokens.slice(1)); // without the start token
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    const end = at + wanted.length;
    const whole = !isLetter(text[at - 1]) && !isLetter(text[end]);
    if (whole && ends.includes(end)) return 1 + ends.indexOf(end);
  }
  return fail(`“${word}” does not stand as a word in “${sentence}”.`);
}

/** Tokens as one text in lower case, and where each of them ends. @param {string[]} tokens */
function joined(tokens) {
  let text = "";
  const ends = tokens.map((token) => {
    text += token.toLowerCase();
    return text.length;
  });
  return { text, ends };
}

/** @param {string | undefined} c */
const isLetter = (c) => c !== undefined && /[\p{L}\p{N}]/u.test(c);

export const answers = { "word-vectors": wordVectors };

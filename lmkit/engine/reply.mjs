// What the answers of the page's model share: checks of what was asked, a text's tokens with their
// faces, the likeliest of many, a refusal.

/**
 * @typedef {import("./model.mjs").Model} Model
 * @typedef {{t: string, i: number}} Chip a token's text and id
 *
 * What a figure's answer.mjs exports: who answers which kind of request.
 * @typedef {Record<string, (model: Model, request: any) => unknown>} Answers
 */

/** A whole number with commas. @param {number} n */
export const english = (n) => n.toLocaleString("en-US");

/** Four decimals: more would only make what is stored longer. @param {number} x */
export const rounded = (x) => Math.round(x * 1e4) / 1e4;

/** What was asked, if it is a text. @param {unknown} text */
export function asText(text) {
  return typeof text === "string" ? text : fail(`A text is a string, not ${typeof text}.`);
}

/** What was asked, as an array, if it can be token ids. @param {unknown} ids @returns {number[]} */
export function asIds(ids) {
  return Array.isArray(ids) || ArrayBuffer.isView(ids)
    ? Array.from(/** @type {ArrayLike<number>} */ (ids))
    : fail("Token ids are an array of whole numbers.");
}

/** Tokens with their texts. @param {Model} model @param {number[]} ids @returns {Chip[]} */
export const chips = (model, ids) => model.tokens(ids).map((t, k) => ({ t, i: ids[k] }));

/** The ids of a text behind the start token. @param {Model} model @param {unknown} text */
export const begun = (model, text) => [model.startId, ...model.encode(asText(text))];

/**
 * The places of the k greatest numbers, greatest first, of equals the first.
 * @param {ArrayLike<number>} numbers
 * @param {number} k
 */
export function likeliest(numbers, k) {
  /** @type {number[]} */
  const best = [];
  for (let i = 0; i < numbers.length; i++) {
    if (best.length === k && !(numbers[i] > numbers[best[k - 1]])) continue;
    let at = best.length;
    while (at > 0 && numbers[i] > numbers[best[at - 1]]) at--;
    best.splice(at, 0, i);
    best.length = Math.min(best.length, k);
  }
  return best;
}

/** Refuse with a sentence. @param {string} sentence @returns {never} */
export function fail(sentence) {
  throw new Error(sentence);
}

/**
 * Of square maps (…, T, T) of weights 0 to 1 the lower triangles, row by row, a byte a weight.
 * @param {Float32Array | number[]} maps
 * @param {number} T
 */
export function lowerTriangles(maps, T) {
  const bytes = new Uint8Array((maps.length / T) * ((T + 1) / 2));
  let at = 0;
  for (let row = 0; row < maps.length / T; row++) {
    for (let column = 0; column <= row % T; column++)
      bytes[at++] = Math.round(255 * maps[row * T + column]);
  }
  return bytes;
}

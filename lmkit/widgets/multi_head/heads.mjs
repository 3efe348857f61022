// What the heads of a layer do with a token: what each takes, how much it adds, in sentences.
import { unpacked } from "../../kit/bytes.mjs";
import { number, percent } from "../../kit/numbers.mjs";
import { named } from "../../kit/tokens.mjs";

/**
 * What all layers do with a text: its `tokens`, `shape` [L, H, T], `weights` (for each layer and
 * head the lower triangle of the attention, row by row, as bytes), `width`, how many numbers a
 * token's vector has, `sizes` [L][H][T], the length of the vector that a head adds to a token, and
 * `total` [L][T], the length of what all heads of a layer add together.
 * @typedef {object} Layers
 * @property {Token[]} tokens
 * @property {[n_layer: number, n_head: number, n_tokens: number]} shape
 * @property {string | Uint8Array} weights
 * @property {number} width
 * @property {number[][][]} sizes
 * @property {number[][]} total
 *
 * What a head takes from where, for one token; `most` is where it looks most.
 * @typedef {{shares: number[], size: number, most: number}} Head
 *
 * Lengths: end to end, if all stood at right angles, and of the true sum.
 * @typedef {{end: number, right: number, total: number}} Lengths
 * @typedef {import("../../kit/tokens.mjs").Token} Token
 */

/** @param {number[]} numbers */
export const sumOf = (numbers) => numbers.reduce((total, x) => total + x, 0);

/**
 * What the heads of a layer take from where, for one token.
 * @param {Layers} layers
 * @param {number} layer
 * @param {number} token
 * @returns {Head[]}
 */
export function heads({ shape: [, nHead, T], weights, sizes }, layer, token) {
  const bytes = unpacked(weights);
  const triangle = (T * (T + 1)) / 2;
  return Array.from({ length: nHead }, (_, k) => {
    const start = (layer * nHead + k) * triangle + (token * (token + 1)) / 2;
    const shares = Array.from(bytes.subarray(start, start + token + 1), (b) => b / 255);
    return { shares, size: sizes[layer][k][token], most: shares.indexOf(Math.max(...shares)) };
  });
}

/**
 * What becomes of the lengths.
 * @param {{size: number}[]} all
 * @param {number} total
 * @returns {Lengths}
 */
export function lengths(all, total) {
  const sizes = all.map(({ size }) => size);
  return { end: sumOf(sizes), right: Math.sqrt(sumOf(sizes.map((size) => size * size))), total };
}

/**
 * The greatest shares of a head with their tokens, those of at least 5 %, as words.
 * @param {number[]} shares
 * @param {Token[]} tokens
 */
export function taken(shares, tokens) {
  const found = shares.map((share, at) => ({ share, at })).filter(({ share }) => share >= 0.05);
  found.sort((a, b) => b.share - a.share || a.at - b.at);
  return found
    .slice(0, 3)
    .map(({ share, at }) => `${percent(share)} from ${named(tokens[at])}`)
    .join(", ");
}

/**
 * What a layer's heads do with a token, in a sentence; `head` −1 is all of them.
 * @param {Layers} one
 * @param {number} layer
 * @param {number} token
 */
export function reading(one, layer, token, head = -1) {
  const all = heads(one, layer, token);
  const who = named(one.tokens[token]);
  if (head >= 0) return oneHead(one, all, head, who);
  const idle = token
    ? `For ${who} ${resting(all)} most at the start.`
    : "The first token sees only itself.";
  const sums = lengths(all, one.total[layer][token]);
  return `${idle} ${longest(all, one.tokens)} ${together(sums)}`;
}

/** @param {Head[]} all */
function resting(all) {
  const n = all.filter(({ most }) => most === 0).length;
  if (n === all.length) return "all heads look";
  return n ? `${n} of ${all.length} heads ${n === 1 ? "looks" : "look"}` : "no head looks";
}

/** @param {Head[]} all @param {Token[]} tokens */
function longest(all, tokens) {
  const k = all.reduce((best, { size }, at) => (size > all[best].size ? at : best), 0);
  return `Head ${k} adds most, a vector of length ${number(all[k].size)}: ${taken(all[k].shares, tokens)}.`;
}

/** @param {Lengths} sums */
function together({ end, right, total }) {
  const apart = `the ${number(right)} of vectors at right angles`;
  return `End to end they add ${number(end)}; their sum has length ${number(total)}, ${verdict(total / right, apart)}.`;
}

/** @param {number} ratio of the sum's length to that at right angles @param {string} apart */
function verdict(ratio, apart) {
  if (ratio < 0.87) return `less than ${apart}: the heads partly cancel`;
  if (ratio > 1.15) return `more than ${apart}: the heads partly agree`;
  return `about ${apart}: the heads write in different directions`;
}

/**
 * @param {Layers} one
 * @param {Head[]} all
 * @param {number} head
 * @param {string} who
 */
function oneHead({ tokens, width }, all, head, who) {
  const { shares, size } = all[head];
  const takes = `Head ${head} takes for ${who} ${taken(shares, tokens)}.`;
  const rank = all.filter((other) => other.size > size).length + 1;
  return `${takes} The mean of their values, weighted so, is its slice: ${width / all.length} of the ${width} numbers. W^O turns it into a vector of length ${number(size)}, ${rank === 1 ? "the longest" : `number ${rank}`} of ${all.length}.`;
}

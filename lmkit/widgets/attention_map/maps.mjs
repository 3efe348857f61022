// The maps of a text: what they hold, and what a head does, in a sentence.
//
// They hold the `tokens` of a text, `shape` [L, H, T] and `weights`: for each layer and head the
// lower triangle of the attention matrix, row by row, as bytes (255 is all of a row's attention).
import { percent } from "../../kit/numbers.mjs";
import { named } from "../../kit/tokens.mjs";

/**
 * @typedef {import("../../kit/tokens.mjs").Token} Token
 * @typedef {[n_layer: number, n_head: number, n_tokens: number]} Shape
 * @typedef {{tokens: Token[], shape: Shape, weights: string | Uint8Array}} Maps
 * @typedef {{shape: Shape, bytes: Uint8Array}} Unpacked
 * @typedef {number[][]} Matrix row r has r + 1 shares: a token looks at itself and at all before it
 * @typedef {{share: number, at: number}} Found
 */

/**
 * One head's attention as rows of shares; head −1 is the mean over the heads of the layer.
 * @param {Unpacked} maps
 * @param {number} layer
 * @param {number} head
 * @returns {Matrix}
 */
export function rows({ shape: [, nHead, T], bytes }, layer, head) {
  const size = (T * (T + 1)) / 2;
  const heads = head < 0 ? Array.from({ length: nHead }, (_, k) => k) : [head];
  const starts = heads.map((k) => (layer * nHead + k) * size);
  /** @param {number} at its place in a triangle */
  const share = (at) =>
    starts.reduce((sum, start) => sum + bytes[start + at], 0) / heads.length / 255;
  return Array.from({ length: T }, (_, r) =>
    Array.from({ length: r + 1 }, (_, c) => share((r * (r + 1)) / 2 + c)),
  );
}

/** Leave the first token out, and share what the others get among them. @param {Matrix} matrix */
export function withoutFirst(matrix) {
  return matrix.map((row) => {
    const total = row.slice(1).reduce((sum, w) => sum + w, 0);
    return row.map((w, c) => (c === 0 ? 0 : total > 0.01 ? w / total : 0));
  });
}

/**
 * The greatest entries of a list with their places, those of at least 1 %.
 * @param {number[]} shares
 * @param {number} k
 * @returns {Found[]}
 */
export function greatest(shares, k) {
  const order = shares.map((share, at) => ({ share, at })).filter(({ share }) => share >= 0.01);
  return order.sort((a, b) => b.share - a.share || a.at - b.at).slice(0, k);
}

/**
 * Who looks at a token: its column, from the token itself on.
 * @param {Matrix} matrix
 * @param {number} at
 */
export const column = (matrix, at) => matrix.map((row, r) => (r > at ? row[at] : 0));

/** Tokens and what each gets, in words. @param {Found[]} found @param {Token[]} tokens */
export const listed = (found, tokens) =>
  found.map(({ share, at }) => `${named(tokens[at])} ${percent(share)}`).join(", ");

/**
 * What a head does with one token, or −1 with the whole text, in a sentence.
 * @param {Token[]} tokens
 * @param {Matrix} matrix
 * @param {number} at
 */
export function reading(tokens, matrix, at) {
  if (at < 0) return summary(matrix);
  const to = greatest(matrix[at], 3);
  const from = greatest(column(matrix, at), 3);
  const looks = to.length
    ? `looks at ${listed(to, tokens)}`
    : "looks at nothing but the first token";
  const gets = from.map(({ share, at: who }) => `${percent(share)} from ${named(tokens[who])}`);
  const seen = from.length ? `it gets ${gets.join(", ")}` : "no later token looks at it";
  return `${named(tokens[at])} ${looks}; ${seen}.`;
}

/** What the tokens after the first do on average. @param {Matrix} matrix */
function summary(matrix) {
  const later = matrix.slice(1);
  /** @param {(row: number[], r: number) => number} pick */
  const mean = (pick) =>
    percent(later.reduce((sum, row, k) => sum + pick(row, k + 1), 0) / Math.max(1, later.length));
  const first = mean((row) => row[0]);
  const itself = mean((row, r) => row[r]);
  const before = mean((row, r) => (r > 1 ? row[r - 1] : 0));
  return `On average a token gives ${first} of its attention to the start, ${itself} to itself and ${before} to the token before it. Point at a token to see where it looks.`;
}

// Byte-pair encoding learned from a small text, all of its states kept.
//
// A small text needs no quicker method than to count all pairs for each merge.
import { byteAlphabet, split } from "../../engine/bpe.mjs";

/**
 * A piece of the text as token ids, and how often it occurs; a pair of neighbours, and how often.
 * @typedef {{ids: number[], n: number}} Piece
 * @typedef {{a: number, b: number, n: number}} Pair
 *
 * State k is the text after k merges; `made` is the id that the last one made. `bytes` is what each
 * token stands for.
 * @typedef {{pieces: Piece[], pairs: Pair[], made: number}} State
 * @typedef {{bytes: Uint8Array[], states: State[]}} Training
 */

export const MAX_MERGES = 60;
const SHIFT = 2 ** 20; // two ids as one number

/** The bytes in the order of their ids: as GPT-2's vocabulary has them, the visible ones first. */
export function byteOrder() {
  const alphabet = byteAlphabet();
  return [...alphabet.keys()].sort((a, b) => alphabet[a].charCodeAt(0) - alphabet[b].charCodeAt(0));
}

/** The different pieces of a text as token ids, and how often each occurs. @param {string} text @returns {Piece[]} */
export function piecesOf(text) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const piece of split(text)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  const order = byteOrder();
  const utf8 = new TextEncoder();
  return [...counts].map(([piece, n]) => ({
    n,
    ids: Array.from(utf8.encode(piece), (byte) => order.indexOf(byte)),
  }));
}

/**
 * How often each pair of neighbours occurs, most frequent first, of equals the smallest ids.
 * @param {Piece[]} pieces
 * @returns {Pair[]}
 */
export function countPairs(pieces) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const { ids, n } of pieces) {
    for (let i = 0; i + 1 < ids.length; i++) {
      const key = ids[i] * SHIFT + ids[i + 1];
      counts.set(key, (counts.get(key) ?? 0) + n);
    }
  }
  const pairs = [...counts].sort((x, y) => y[1] - x[1] || x[0] - y[0]);
  return pairs.map(([key, n]) => ({ a: Math.floor(key / SHIFT), b: key % SHIFT, n }));
}

/**
 * Put `joined` wherever a and b stand together, from left to right.
 * @param {number[]} ids
 * @param {number} a
 * @param {number} b
 * @param {number} joined
 */
export function replacePair(ids, a, b, joined) {
  const out = [];
  for (let i = 0; i < ids.length; i++) {
    const isPair = ids[i] === a && ids[i + 1] === b;
    out.push(isPair ? joined : ids[i]);
    if (isPair) i++;
  }
  return out;
}

/**
 * All states of training.
 * @param {string} text
 * @returns {Training}
 */
export function train(text, most = MAX_MERGES) {
  const bytes = byteOrder().map((byte) => Uint8Array.of(byte));
  const idOf = new Map(bytes.map((value, id) => [String(value), id]));
  /** @param {Uint8Array<ArrayBuffer>} joined */
  const idFor = (joined) => idOf.get(String(joined)) ?? bytes.push(joined) - 1; // the same text may be made twice
  const states = [stateOf(piecesOf(text), -1)];
  for (let state = states[0]; states.length <= most && state.pairs.length; ) {
    const { a, b } = state.pairs[0];
    const joined = Uint8Array.of(...bytes[a], ...bytes[b]);
    const made = idFor(joined);
    idOf.set(String(joined), made);
    state = stateOf(merged(state.pieces, a, b, made), made);
    states.push(state);
  }
  return { bytes, states };
}

/** @param {Piece[]} pieces @param {number} made @returns {State} */
const stateOf = (pieces, made) => ({ pieces, pairs: countPairs(pieces), made });

/** @param {Piece[]} pieces @param {number} a @param {number} b @param {number} made */
const merged = (pieces, a, b, made) =>
  pieces.map(({ ids, n }) => ({ n, ids: replacePair(ids, a, b, made) }));

/** How many tokens the text has in a state. @param {State} state */
export const length = ({ pieces }) => pieces.reduce((sum, { ids, n }) => sum + ids.length * n, 0);

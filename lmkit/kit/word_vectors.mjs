// What the widgets of chapter 3 share: words and their vectors, spelling, principal axes, labels.
import { unpacked } from "./bytes.mjs";
import { thousands } from "./numbers.mjs";

// --------------------------------------------------------------- words, vectors

/**
 * Words and their vectors as they travel: a word per line; the vectors one after another.
 * @typedef {{words: string, vectors: string | Int8Array}} Packed
 *
 * @typedef {[word: string, cosine: number]} Near
 * @typedef {Map<string, number>} Index of each word, the most frequent first
 *
 * @typedef {object} Table
 * @property {string[]} words
 * @property {number} d the vectors' length
 * @property {(word: string) => number} id
 * @property {(word: string) => boolean} has
 * @property {(id: number) => number[]} unit the vector of a word, of length 1
 * @property {(target: ArrayLike<number>, n: number) => Near[]} nearest the n words nearest to a
 *   vector of length 1
 */

/**
 * Words and their vectors, of which only the directions count.
 * @param {Packed} packed
 * @returns {Table}
 */
export function vectorTable({ words: lines, vectors }) {
  const words = lines.split("\n");
  const entries = unpacked(vectors, Int8Array);
  const d = entries.length / words.length;
  const units = unitVectors(entries, d);
  const index = new Map(words.map((word, i) => [word, i]));
  return {
    words,
    d,
    id: (word) => index.get(word) ?? unknown(index, word),
    has: (word) => index.has(word),
    unit: (id) => Array.from(units.subarray(id * d, (id + 1) * d)),
    nearest: (target, n) => nearest(words, units, target, n),
  };
}

/** @param {Int8Array} entries @param {number} d */
function unitVectors(entries, d) {
  const units = new Float32Array(entries.length);
  for (let from = 0; from < entries.length; from += d) {
    let square = 0;
    for (let k = from; k < from + d; k++) square += entries[k] * entries[k];
    for (let k = from; k < from + d; k++) units[k] = entries[k] / (Math.sqrt(square) || 1);
  }
  return units;
}

/**
 * The n words nearest to a vector of length 1, of equals the first.
 * @param {string[]} words
 * @param {Float32Array} units
 * @param {ArrayLike<number>} target
 * @param {number} n
 */
function nearest(words, units, target, n) {
  const d = units.length / words.length;
  /** @type {Near[]} */
  const best = [];
  for (let i = 0, at = 0; i < words.length; i++) {
    let score = 0;
    for (let k = 0; k < d; k++) score += units[at++] * target[k];
    if (best.length < n || score > best[n - 1][1]) insert(best, [words[i], score], n);
  }
  return best;
}

/** Put one in its place among the n best. @param {Near[]} best @param {Near} one @param {number} n */
function insert(best, one, n) {
  let place = best.length;
  while (place > 0 && one[1] > best[place - 1][1]) place--;
  best.splice(place, 0, one);
  best.length = Math.min(best.length, n);
}

// --------------------------------------------------------------------- spelling

/** @param {Index} index @param {string} word @returns {never} */
function unknown(index, word) {
  const near = spelling(index, word);
  const hint = near ? `; did you mean “${near}”?` : ` among ${thousands(String(index.size))} words`;
  throw new Error(`unknown word “${word}”${hint}`);
}

/**
 * The known word nearest to a misspelt one, one edit away or two, or null; as in Python.
 * @param {Index} index
 * @param {string} word
 */
export function spelling(index, word) {
  const n = [...word].length;
  const small = word.toLowerCase();
  if (index.has(small)) return small;
  if (n < 3 || n > 20) return null;
  const once = edits(small);
  for (const near of n > 4 ? [once, once.flatMap(edits)] : [once]) {
    const found = near.filter((other) => index.has(other));
    if (found.length) return likeliest(found, index, small[0]);
  }
  return null;
}

/**
 * The most frequent of some words; those that begin as the misspelt one come first.
 * @param {string[]} words
 * @param {Index} index
 * @param {string} first
 */
function likeliest(words, index, first) {
  /** @param {string} word */
  const cost = (word) => (word[0] === first ? 0 : 1e9) + (index.get(word) ?? 0);
  return words.reduce((best, word) => (cost(word) < cost(best) ? word : best));
}

const LETTERS = [..."abcdefghijklmnopqrstuvwxyz"];

/** What a word becomes when a letter is left out, put in, replaced or swapped with the next. @param {string} word */
function edits(word) {
  const places = Array.from({ length: word.length + 1 }, (_, i) => i);
  return [...new Set(places.flatMap((i) => editsAt(word.slice(0, i), word.slice(i))))];
}

/** Edits of the first letter of b, behind a. @param {string} a @param {string} b */
const editsAt = (a, b) => [
  ...(b ? [a + b.slice(1), ...LETTERS.map((c) => a + c + b.slice(1))] : []),
  ...(b.length > 1 ? [a + b[1] + b[0] + b.slice(2)] : []),
  ...LETTERS.map((c) => a + c + b),
];

// --------------------------------------------------------------- principal axes

/**
 * Eigenvalues and eigenvectors of a symmetric matrix, greatest first, by Jacobi's rotations.
 * @param {number[][]} matrix
 * @returns {{values: number[], vectors: number[][]}} vectors[k] belongs to values[k]
 */
export function eigen(matrix) {
  const n = matrix.length;
  const a = matrix.map((row) => [...row]);
  const v = a.map((_, i) => a.map((_, j) => Number(i === j)));
  for (let sweep = 0; sweep < 60 && offDiagonal(a) >= 1e-22; sweep++)
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, v, p, q);
  const order = a.map((_, i) => i).sort((i, j) => a[j][j] - a[i][i]);
  return { values: order.map((i) => a[i][i]), vectors: order.map((i) => v.map((row) => row[i])) };
}

/** The sum of the squares above the diagonal. @param {number[][]} a */
function offDiagonal(a) {
  let sum = 0;
  for (let p = 0; p < a.length; p++) for (let q = p + 1; q < a.length; q++) sum += a[p][q] ** 2;
  return sum;
}

/**
 * Make a[p][q] zero by a rotation of both matrices.
 * @param {number[][]} a
 * @param {number[][]} v
 * @param {number} p
 * @param {number} q
 */
function rotate(a, v, p, q) {
  if (Math.abs(a[p][q]) < 1e-300) return;
  const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let k = 0; k < a.length; k++) {
    turn(a[k], p, a[k], q, c, s);
    turn(v[k], p, v[k], q, c, s);
  }
  for (let k = 0; k < a.length; k++) turn(a[p], k, a[q], k, c, s);
}

/**
 * Rotate two numbers where they lie; without new arrays, for this runs a million times.
 * @param {number[]} left
 * @param {number} i
 * @param {number[]} right
 * @param {number} j
 * @param {number} c cosine of the angle
 * @param {number} s its sine
 */
function turn(left, i, right, j, c, s) {
  const x = left[i];
  const y = right[j];
  left[i] = c * x - s * y;
  right[j] = s * x + c * y;
}

/**
 * Each point to the side of its axis's farthest point, as `lmkit.embeddings.pca` does.
 * @param {number[][]} places
 */
export function facing(places) {
  const signs = places[0].map((_, k) => (farthest(places.map((place) => place[k])) < 0 ? -1 : 1));
  return places.map((place) => place.map((x, k) => signs[k] * x));
}

/** The number farthest from 0; the first, if others are as far within a rounding. @param {number[]} numbers */
const farthest = (numbers) =>
  numbers.reduce((most, x) => (Math.abs(x) > Math.abs(most) + 1e-9 ? x : most), 0);

/**
 * Places in the plane nearest to some vectors, of which only the dot products are known.
 * @param {number[][]} gram
 * @returns {number[][]} x and y of each
 */
export function onPlane(gram) {
  const { values, vectors } = eigen(gram);
  const scale = [0, 1].map((k) => Math.sqrt(Math.max(0, values[k] ?? 0)));
  return facing(gram.map((_, i) => scale.map((s, k) => (s ? s * vectors[k][i] : 0))));
}

/** The dot products of vectors after their mean is subtracted from each. @param {number[][]} gram */
export function centredGram(gram) {
  const n = gram.length;
  const means = gram.map((row) => row.reduce((sum, x) => sum + x, 0) / n);
  const all = means.reduce((sum, x) => sum + x, 0) / n;
  return gram.map((row, i) => row.map((x, j) => x - means[i] - means[j] + all));
}

// ----------------------------------------------------------------------- labels

/**
 * @typedef {[x: number, y: number]} Point
 * @typedef {[width: number, height: number]} Size
 * @typedef {[left: number, top: number, right: number, bottom: number]} Box
 */

const DOT = 5; // half the size of a mark, in pixels
const GAP = 7; // from a mark's middle to its name

/**
 * Where the names of points go so that none covers another, a mark or the frame's edge.
 * @param {Point[]} points in pixels
 * @param {Size[]} sizes of the names
 * @param {Size} room of the frame
 * @param {number[]} order who chooses a place first
 * @param {number} [must] a point whose name is shown whatever it covers
 * @returns {(Point | null)[]} the name's left and top, or null where there is no room
 */
export function labels(points, sizes, room, order, must = -1) {
  /** @type {Box[]} */
  const taken = points.map(([x, y]) => [x - DOT, y - DOT, x + DOT, y + DOT]);
  /** @type {(Point | null)[]} */
  const places = points.map(() => null);
  for (const i of order) {
    const [point, size] = [points[i], sizes[i]];
    if (!isInside(boxAt(point, [0, 0]), room)) continue;
    // its own mark it may touch
    const free = around(point, size).find((at) => isFree(boxAt(at, size), room, taken, i));
    places[i] = free ?? (i === must ? within(point, size, room) : null);
    if (places[i]) taken.push(boxAt(places[i], size));
  }
  return places;
}

/** @param {Point} point left and top @param {Size} size @returns {Box} */
const boxAt = ([left, top], [width, height]) => [left, top, left + width, top + height];

/** @param {Box} box @param {Size} room */
const isInside = ([left, top, right, bottom], [width, height]) =>
  left >= 0 && top >= 0 && right <= width && bottom <= height;

/**
 * Whether a box lies in the frame and meets none that is taken, but for the i-th.
 * @param {Box} box
 * @param {Size} room
 * @param {Box[]} taken
 * @param {number} i
 */
function isFree(box, room, taken, i) {
  return isInside(box, room) && !taken.some((other, k) => k !== i && meets(box, other));
}

/** @param {Box} one @param {Box} other */
const meets = (one, other) =>
  one[0] < other[2] && one[2] > other[0] && one[1] < other[3] && one[3] > other[1];

/** The places for a name beside its point, the best first. @param {Point} point @param {Size} size @returns {Point[]} */
function around([x, y], [w, height]) {
  const [left, right, up, down] = [x - GAP - w, x + GAP, y - GAP - height, y + GAP];
  const [middle, centre] = [y - height / 2, x - w / 2];
  return [
    [right, middle],
    [left, middle],
    [centre, up],
    [centre, down],
    [right, up + 4],
    [right, down - 4],
    [left, up + 4],
    [left, down - 4],
  ];
}

/**
 * To the right of a point, or as near to there as the frame allows.
 * @param {Point} point
 * @param {Size} size
 * @param {Size} room
 * @returns {Point}
 */
export function within([x, y], [w, height], room) {
  /** @param {number} at @param {number} size @param {number} most */
  const clamp = (at, size, most) => Math.max(0, Math.min(at, most - size));
  return [clamp(x + GAP, w, room[0]), clamp(y - height / 2, height, room[1])];
}

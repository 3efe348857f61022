// What the widgets of chapter 3 share: words and their vectors, spelling, principal axes.
import { thousands } from "./kit.mjs";

/** Signed bytes that were stored as base64, or come as they are. */
export const signedBytes = (data) =>
  typeof data === "string" ? Int8Array.from(atob(data), (c) => (c.charCodeAt(0) << 24) >> 24) : data;

/**
 * Words and their vectors, of which only the directions count.
 * @param {{words: string, vectors: string | Int8Array}} packed a word a line; the vectors one after another
 */
export function vectorTable({ words: lines, vectors }) {
  const words = lines.split("\n");
  const entries = signedBytes(vectors);
  const d = entries.length / words.length;
  const index = new Map(words.map((word, i) => [word, i]));
  const units = new Float32Array(entries.length);
  for (let i = 0; i < words.length; i++) {
    let square = 0;
    for (let k = i * d; k < (i + 1) * d; k++) square += entries[k] * entries[k];
    for (let k = i * d; k < (i + 1) * d; k++) units[k] = entries[k] / Math.sqrt(square);
  }
  const unit = (i) => Array.from(units.subarray(i * d, (i + 1) * d));
  const id = (word) => index.get(word) ?? unknown(index, word);
  /** The n words nearest to a vector of length 1, with their cosines. */
  const nearest = (target, n) => {
    const best = [];
    for (let i = 0, at = 0; i < words.length; i++) {
      let score = 0;
      for (let k = 0; k < d; k++) score += units[at++] * target[k];
      if (best.length === n && score <= best[n - 1][1]) continue;
      let place = best.length;
      while (place > 0 && score > best[place - 1][1]) place--;
      best.splice(place, 0, [words[i], score]);
      best.length = Math.min(best.length, n);
    }
    return best;
  };
  return { words, d, id, unit, nearest };
}

function unknown(index, word) {
  const near = spelling(index, word);
  throw new Error(`unknown word “${word}”${near ? `; did you mean “${near}”?` : ` among ${thousands(String(index.size))} words`}`);
}

/** The known word nearest to a misspelt one, one edit away or two, or null; as in Python. */
export function spelling(index, word) {
  const once = edits(word.toLowerCase());
  for (const near of [once, once.flatMap(edits)]) {
    const found = near.filter((w) => index.has(w));
    const cost = (w) => (w[0] === word[0].toLowerCase() ? 0 : 1e9) + index.get(w);
    if (found.length) return found.reduce((best, w) => (cost(w) < cost(best) ? w : best));
  }
  return null;
}

function edits(word) {
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  const places = Array.from({ length: word.length + 1 }, (_, i) => [word.slice(0, i), word.slice(i)]);
  return [...new Set(places.flatMap(([a, b]) => [
    ...(b ? [a + b.slice(1), ...letters.map((c) => a + c + b.slice(1))] : []),
    ...(b.length > 1 ? [a + b[1] + b[0] + b.slice(2)] : []),
    ...letters.map((c) => a + c + b),
  ]))];
}

/**
 * Eigenvalues and eigenvectors of a symmetric matrix, greatest first, by Jacobi's rotations.
 * @param {number[][]} matrix
 * @returns {{values: number[], vectors: number[][]}} vectors[k] belongs to values[k]
 */
export function eigen(matrix) {
  const n = matrix.length;
  const a = matrix.map((row) => [...row]);
  const v = a.map((_, i) => a.map((_, j) => Number(i === j)));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) off += a[p][q] ** 2;
    if (off < 1e-22) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, v, p, q);
  }
  const order = a.map((_, i) => i).sort((i, j) => a[j][j] - a[i][i]);
  return { values: order.map((i) => a[i][i]), vectors: order.map((i) => v.map((row) => row[i])) };
}

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

/** Rotate two numbers where they lie; without new arrays, for this runs a million times. */
function turn(left, i, right, j, c, s) {
  const x = left[i];
  const y = right[j];
  left[i] = c * x - s * y;
  right[j] = s * x + c * y;
}

/** Each point to the side of its axis's farthest point, as `lmkit.embeddings.pca` does. */
export function facing(places) {
  const signs = places[0].map((_, k) => {
    const far = places.reduce((most, place) => (Math.abs(place[k]) > Math.abs(most) + 1e-9 ? place[k] : most), 0);
    return far < 0 ? -1 : 1;
  });
  return places.map((place) => place.map((x, k) => signs[k] * x));
}

/** Places in the plane nearest to some vectors, of which only the dot products are known. */
export function onPlane(gram) {
  const { values, vectors } = eigen(gram);
  const scale = [0, 1].map((k) => Math.sqrt(Math.max(0, values[k] ?? 0)));
  return facing(gram.map((_, i) => scale.map((s, k) => (s ? s * vectors[k][i] : 0))));
}

/** The dot products of vectors after their mean is subtracted from each. */
export function centredGram(gram) {
  const n = gram.length;
  const means = gram.map((row) => row.reduce((sum, x) => sum + x, 0) / n);
  const all = means.reduce((sum, x) => sum + x, 0) / n;
  return gram.map((row, i) => row.map((x, j) => x - means[i] - means[j] + all));
}

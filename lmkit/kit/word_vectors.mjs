// What the widgets of chapter 3 share: words and their vectors, spelling, principal axes, labels.
import { unpacked } from "./bytes.mjs";
import { thousands } from "./numbers.mjs";

/**
 * Words and their vectors, of which only the directions count.
 * @param {{words: string, vectors: string | Int8Array}} packed a word a line; the vectors one after another
 */
export function vectorTable({ words: lines, vectors }) {
  const words = lines.split("\n");
  const entries = unpacked(vectors, Int8Array);
  const d = entries.length / words.length;
  const index = new Map(words.map((word, i) => [word, i]));
  const units = new Float32Array(entries.length);
  for (let i = 0; i < words.length; i++) {
    let square = 0;
    for (let k = i * d; k < (i + 1) * d; k++) square += entries[k] * entries[k];
    for (let k = i * d; k < (i + 1) * d; k++) units[k] = entries[k] / (Math.sqrt(square) || 1);
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
  return { words, d, id, unit, nearest, has: (word) => index.has(word) };
}

function unknown(index, word) {
  const near = spelling(index, word);
  throw new Error(
    `unknown word “${word}”${near ? `; did you mean “${near}”?` : ` among ${thousands(String(index.size))} words`}`,
  );
}

/** The known word nearest to a misspelt one, one edit away or two, or null; as in Python. */
export function spelling(index, word) {
  const n = [...word].length;
  if (index.has(word.toLowerCase())) return word.toLowerCase();
  if (n < 3 || n > 20) return null;
  const once = edits(word.toLowerCase());
  for (const near of n > 4 ? [once, once.flatMap(edits)] : [once]) {
    const found = near.filter((w) => index.has(w));
    const cost = (w) => (w[0] === word[0].toLowerCase() ? 0 : 1e9) + index.get(w);
    if (found.length) return found.reduce((best, w) => (cost(w) < cost(best) ? w : best));
  }
  return null;
}

function edits(word) {
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  const places = Array.from({ length: word.length + 1 }, (_, i) => [
    word.slice(0, i),
    word.slice(i),
  ]);
  return [
    ...new Set(
      places.flatMap(([a, b]) => [
        ...(b ? [a + b.slice(1), ...letters.map((c) => a + c + b.slice(1))] : []),
        ...(b.length > 1 ? [a + b[1] + b[0] + b.slice(2)] : []),
        ...letters.map((c) => a + c + b),
      ]),
    ),
  ];
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
    const far = places.reduce(
      (most, place) => (Math.abs(place[k]) > Math.abs(most) + 1e-9 ? place[k] : most),
      0,
    );
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

const DOT = 5; // half the size of a mark, in pixels
const GAP = 7; // from a mark's middle to its name

/**
 * Where the names of points go so that none covers another, a mark or the frame's edge.
 * @param {number[][]} points x and y of each, in pixels
 * @param {number[][]} sizes width and height of each name
 * @param {number[]} room width and height of the frame
 * @param {number[]} order who chooses a place first
 * @param {number} [must] a point whose name is shown whatever it covers
 * @returns {(number[] | null)[]} the name's left and top, or null where there is no room
 */
export function labels(points, sizes, [width, height], order, must = -1) {
  const taken = points.map(([x, y]) => [x - DOT, y - DOT, x + DOT, y + DOT]);
  const places = points.map(() => null);
  const free =
    (i) =>
    ([left, top]) => {
      const [right, bottom] = [left + sizes[i][0], top + sizes[i][1]];
      const meets = (box, k) =>
        k !== i && left < box[2] && right > box[0] && top < box[3] && bottom > box[1];
      return left >= 0 && top >= 0 && right <= width && bottom <= height && !taken.some(meets);
    };
  for (const i of order) {
    const [x, y] = points[i];
    if (x < 0 || y < 0 || x > width || y > height) continue;
    const place =
      around(points[i], sizes[i]).find(free(i)) ??
      (i === must ? within(points[i], sizes[i], [width, height]) : null);
    if (!place) continue;
    places[i] = place;
    taken.push([...place, place[0] + sizes[i][0], place[1] + sizes[i][1]]);
  }
  return places;
}

/** The places for a name beside its point, the best first. */
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

/** To the right of a point, or as near to there as the frame allows. */
export function within([x, y], [w, height], room) {
  const clamp = (at, size, most) => Math.max(0, Math.min(at, most - size));
  return [clamp(x + GAP, w, room[0]), clamp(y - height / 2, height, room[1])];
}

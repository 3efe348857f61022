// From logits to probabilities: softmax and the filters. It imports nothing; the engine uses it too.

/** The temperatures and top-p that figures offer; NextToken's stored distributions are packed for them. */
export const TEMPERATURES = [0, 0.3, 0.5, 0.7, 1, 1.3, 1.6, 2];
export const TOP_PS = [1, 0.95, 0.9, 0.8, 0.5];

/**
 * Many numbers: an array, or floats as the engine has them; what comes in comes out.
 * @typedef {number[] | Float32Array | Float64Array} Numbers
 */

/**
 * The greatest of many numbers; a spread into Math.max would overflow the stack.
 * @param {Numbers} numbers
 */
export function greatest(numbers) {
  let most = -Infinity;
  for (const x of numbers) if (x > most) most = x;
  return most;
}

/** @param {Numbers} numbers */
function sum(numbers) {
  let total = 0;
  for (const x of numbers) total += x;
  return total;
}

/**
 * softmax(z / τ); at τ = 0 everything is on the greatest logit, the first of equals.
 * @template {Numbers} T
 * @param {T} logits
 * @returns {T}
 */
export function softmax(logits, temperature = 1) {
  const top = greatest(logits);
  const first = logits.indexOf(top);
  if (temperature === 0) return /** @type {T} */ (logits.map((_, i) => (i === first ? 1 : 0)));
  const weights = logits.map((z) => Math.exp((z - top) / temperature));
  const total = sum(weights);
  return /** @type {T} */ (weights.map((w) => w / total));
}

/**
 * Keep the k greatest logits, as transformers does: every logit below the k-th becomes −∞.
 * @template {Numbers} T
 * @param {T} logits
 * @param {number} k 0 keeps all
 * @returns {T}
 */
export function filterTopK(logits, k) {
  if (!k || k >= logits.length) return logits;
  const least = kth(logits, k);
  return /** @type {T} */ (logits.map((z) => (z < least ? -Infinity : z)));
}

/**
 * The k-th greatest number. A sort of all takes ten times as long: only what may be among the k
 * greatest is kept, and sorted now and then.
 * @param {Numbers} numbers
 * @param {number} k
 */
function kth(numbers, k) {
  /** @type {number[]} */
  let best = [];
  let least = -Infinity;
  for (const x of numbers) {
    if (x <= least) continue;
    best.push(x);
    if (best.length < 2 * k) continue;
    best = best.sort((a, b) => b - a).slice(0, k);
    least = best[k - 1];
  }
  return best.sort((a, b) => b - a)[k - 1];
}

/**
 * Keep the fewest probabilities, greatest first, whose sum reaches p; the others become 0.
 * @template {Numbers} T
 * @param {T} probabilities
 * @param {number} p 1 keeps all
 * @returns {T}
 */
export function filterTopP(probabilities, p) {
  if (!p || p >= 1) return probabilities;
  const { kept, mass } = nucleus(probabilities, p);
  return /** @type {T} */ (probabilities.map((q, i) => (kept.has(i) ? q / mass : 0)));
}

/** The fewest places whose probabilities reach p, and what they hold. @param {Numbers} all @param {number} p */
function nucleus(all, p) {
  // All that are smaller than this add up to less than 1 − p: none of them can be needed.
  const small = (1 - p) / all.length;
  const order = [...all.keys()].filter((i) => all[i] >= small);
  order.sort((a, b) => all[b] - all[a] || b - a);
  /** @type {Set<number>} */
  const kept = new Set();
  let mass = 0;
  for (const i of order) {
    if (mass >= p || all[i] === 0) break;
    kept.add(i);
    mass += all[i];
  }
  return { kept, mass };
}

/** Random numbers from a seed, the same in every browser and in Python: mulberry32. @param {number} seed */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Temperature, then top-k, then top-p: the order of `transformers`, `lmkit` and this book.
 * @template {Numbers} T
 * @param {T} logits
 * @param {{temperature?: number, topK?: number, topP?: number}} [knobs]
 */
export function probabilities(logits, { temperature = 1, topK = 0, topP = 1 } = {}) {
  const all = softmax(temperature === 0 ? logits : filterTopK(logits, topK), temperature);
  return filterTopP(all, topP);
}

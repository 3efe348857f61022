// From logits to a token: softmax, the filters, the draw. It imports nothing; the engine uses it too.

/** The greatest of many numbers; a spread into Math.max would overflow the stack. */
export const greatest = (numbers) => numbers.reduce((most, x) => (x > most ? x : most), -Infinity);

/** softmax(z / τ); at τ = 0 everything is on the greatest logit, the first of equals. */
export function softmax(logits, temperature = 1) {
  const top = greatest(logits);
  const first = logits.indexOf(top);
  if (temperature === 0) return logits.map((_, i) => (i === first ? 1 : 0));
  const weights = logits.map((z) => Math.exp((z - top) / temperature));
  const total = weights.reduce((sum, w) => sum + w, 0);
  return weights.map((w) => w / total);
}

/** Keep the k greatest logits, as transformers does: every logit below the k-th becomes −∞. */
export function filterTopK(logits, k) {
  if (!k || k >= logits.length) return logits;
  const least = Float64Array.from(logits).sort().at(-k);
  return logits.map((z) => (z < least ? -Infinity : z));
}

/** Keep the fewest probabilities, greatest first, whose sum reaches p; the others become 0. */
export function filterTopP(probabilities, p) {
  if (!p || p >= 1) return probabilities;
  // All that are smaller than this add up to less than 1 − p: none of them can be needed.
  const small = (1 - p) / probabilities.length;
  const order = [];
  probabilities.forEach((q, i) => q >= small && order.push(i));
  order.sort((a, b) => probabilities[b] - probabilities[a] || b - a);
  let sum = 0;
  const kept = new Set(order.filter((i) => sum < p && (sum += probabilities[i]) > 0));
  return probabilities.map((q, i) => (kept.has(i) ? q / sum : 0));
}

/** The first place at which the probabilities' sum exceeds u, a number drawn from [0, 1). */
export function draw(probabilities, u) {
  let sum = 0;
  const at = probabilities.findIndex((p) => (sum += p) > u);
  return at < 0 ? probabilities.findLastIndex((p) => p > 0) : at; // rounding left the sum below u
}

/** Random numbers from a seed, the same in every browser and in Python: mulberry32. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Temperature, then top-k, then top-p: the order of `transformers`, `lmkit` and this book. */
export function probabilities(logits, { temperature = 1, topK = 0, topP = 1 } = {}) {
  const all = softmax(temperature === 0 ? logits : filterTopK(logits, topK), temperature);
  return filterTopP(all, topP);
}

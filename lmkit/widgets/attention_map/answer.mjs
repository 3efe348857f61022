// What the page's model answers: all maps of a text, and what a head is good for.
import { begun, chips, english, fail, likeliest, rounded } from "../../engine/reply.mjs";
import { softmax } from "../../kit/sampling.mjs";

const GUESSES = 5;

const MAX_MAP = 64; // tokens of an attention map, with the start

/** AttentionMap: every layer's and head's weights of a text, a byte each. */
function attention(model, { text }) {
  const ids = begun(model, text);
  if (ids.length > MAX_MAP)
    fail(`The text has ${english(ids.length)} tokens with its start; a map may have ${MAX_MAP}.`);
  const { n_layer, n_head } = model.config;
  const { attentions } = model.forward(ids, { attentions: true });
  return {
    tokens: chips(model, ids),
    shape: [n_layer, n_head, ids.length],
    weights: lowerTriangles(attentions, ids.length),
  };
}

/** AttentionMap: what comes next with all heads, and with one of them switched off. */
function ablate(model, { text, layer, head }) {
  const ids = begun(model, text);
  if (ids.length > MAX_MAP)
    fail(`The text has ${english(ids.length)} tokens with its start; a map may have ${MAX_MAP}.`);
  const [p, q] = [[], [[layer, head]]].map((off) =>
    softmax(Float64Array.from(model.forward(ids, { ablate: off }).logits)),
  );
  const { moved, next } = compare(p, q);
  return {
    moved,
    next: chips(
      model,
      next.map(({ i }) => i),
    ).map((chip, k) => ({ ...chip, ...next[k] })),
  };
}

/** The k likeliest of each of two distributions, and how much lies elsewhere: `compare` of __init__.py. */
export function compare(p, q, k = GUESSES) {
  const ids = [...new Set([...likeliest(p, k), ...likeliest(q, k)])].sort((a, b) => a - b);
  ids.sort((a, b) => Math.max(p[b], q[b]) - Math.max(p[a], q[a]));
  const moved = p.reduce((total, x, i) => total + Math.abs(x - q[i]), 0) / 2;
  const short = (x) => Number(x.toPrecision(4));
  return { moved: rounded(moved), next: ids.map((i) => ({ i, p: short(p[i]), q: short(q[i]) })) };
}

/** Of square maps (…, T, T) of weights 0 to 1 the lower triangles, row by row, a byte a weight. */
export function lowerTriangles(maps, T) {
  const bytes = new Uint8Array((maps.length / T) * ((T + 1) / 2));
  let at = 0;
  for (let row = 0; row < maps.length / T; row++) {
    for (let column = 0; column <= row % T; column++)
      bytes[at++] = Math.round(255 * maps[row * T + column]);
  }
  return bytes;
}

/** Who answers what. */
export const answers = { attention, ablate };

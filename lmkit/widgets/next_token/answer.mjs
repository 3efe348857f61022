// What the page's model answers: the node after a text and the tokens appended to it.
import {
  asIds,
  asText,
  begun,
  chips,
  english,
  fail,
  likeliest,
  rounded,
} from "../../engine/reply.mjs";

const MAX_CHARACTERS = 2000; // of NextToken's context

/** NextToken: the node after a text and the tokens appended to it. */
function nextToken(model, { text, path }) {
  const length = [...asText(text)].length;
  if (length > MAX_CHARACTERS)
    fail(
      `The context has ${english(length)} characters; here it may have ${english(MAX_CHARACTERS)}.`,
    );
  const ids = begun(model, text);
  const node = pack(model.next([...ids, ...asIds(path)]));
  return { start: chips(model, ids.slice(1)), node: { t: model.tokens(node.i), ...node } };
}

export const TEMPERATURES = [0, 0.3, 0.5, 0.7, 1, 1.3, 1.6, 2];

export const TOP_PS = [1, 0.95, 0.9, 0.8, 0.5];

const STORED = 8;

/** What NextToken keeps of a distribution of logits (V,): `pack` of __init__.py. */
export function pack(logits, stored = STORED) {
  const logP = Float64Array.from(logits).sort().reverse();
  const top = logP[0];
  const logZ = Math.log(logP.reduce((sum, z) => sum + Math.exp(z - top), 0)) + top;
  const node = {
    i: likeliest(logits, stored),
    l: Array.from(logP.subarray(0, stored), (z) => rounded(z - logZ)),
    r: [],
    n: [],
  };
  for (const temperature of TEMPERATURES.slice(1)) {
    const weights = logP.map((z) => Math.exp((z - logZ) / temperature));
    node.r.push(rounded(Math.log(sum(weights.subarray(stored)) || 1e-300)));
    node.n.push(nucleiBeyond(weights, stored));
  }
  return node;
}

const sum = (numbers) => numbers.reduce((total, x) => total + x, 0);

/** Size and mass beyond p of the nuclei (top-p) that reach beyond the stored tokens. */
function nucleiBeyond(weights, stored) {
  const total = sum(weights);
  const pairs = [];
  let [size, mass] = [0, 0];
  for (const p of TOP_PS.slice(1).reverse()) {
    while (mass / total < p && size < weights.length) mass += weights[size++];
    if (size > stored) pairs.unshift(size, Math.round((mass / total - p) * 1e5));
  }
  return pairs;
}

/** Who answers what. */
export const answers = { "next-token": nextToken };

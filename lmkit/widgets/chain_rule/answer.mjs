// What the page's model answers: each token's log probability, and what was expected there.
import { logSoftmax } from "../../engine/model.mjs";
import { asText, chips, english, fail, likeliest, rounded } from "../../engine/reply.mjs";

const MAX_FACTORS = 200; // tokens of ChainRule

const SLICE = 64; // tokens whose logits are held at once, 13 MB

const GUESSES = 5;

/** ChainRule: each token's log probability given all before it, and what was expected there. */
function chainRule(model, { text }) {
  const ids = model.encode(asText(text));
  if (ids.length > MAX_FACTORS)
    fail(`The text has ${english(ids.length)} tokens; here it may have ${MAX_FACTORS}.`);
  const before = [model.startId, ...ids].slice(0, -1);
  const tokens = [];
  for (let past = 0; past < before.length; past += SLICE) {
    const part = before.slice(past, past + SLICE);
    const { logits } = model.forward(part, { past, all: true });
    const size = logits.length / part.length;
    part.forEach((_, t) =>
      tokens.push(factor(model, logits.subarray(t * size, (t + 1) * size), ids[past + t])),
    );
  }
  return { tokens };
}

function factor(model, logits, id) {
  const logZ = logits[id] - logSoftmax(logits, id);
  const guesses = likeliest(logits, GUESSES);
  const [token, ...alt] = chips(model, [id, ...guesses]).map((chip) => ({
    ...chip,
    l: rounded(logits[chip.i] - logZ),
  }));
  return { ...token, alt };
}

/** Who answers what. */
export const answers = { "chain-rule": chainRule };

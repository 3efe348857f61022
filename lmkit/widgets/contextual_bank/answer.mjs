// What the page's model answers: a word's vectors in several sentences, layer by layer.
import { begun, fail } from "../../engine/reply.mjs";

const MAX_SENTENCES = 12; // of ContextualBank

const MAX_SENTENCE = 200; // its characters

const NAME = "SmolLM2-135M-Instruct";

/** ContextualBank: of each layer the dot products of a word's vectors in several sentences. */
function wordVectors(model, { sentences, word }) {
  if (sentences.length < 2 || sentences.length > MAX_SENTENCES)
    fail(`Give 2 to ${MAX_SENTENCES} sentences, not ${sentences.length}.`);
  const states = sentences.map((sentence) => {
    const ids = begun(model, sentence.slice(0, MAX_SENTENCE));
    const at = lastToken(model.tokens(ids), sentence, word);
    const { hidden } = model.forward(ids.slice(0, at + 1), { hidden: true }); // what comes after changes nothing
    return (layer) => hidden.subarray((layer * (at + 1) + at) * D, (layer + 1) * (at + 1) * D);
  });
  const D = model.config.n_embd;
  const product = (a, b) => Number((a.reduce((sum, x, k) => sum + x * b[k], 0) / D).toPrecision(6));
  const gram = (layer) =>
    states.flatMap((one, i) =>
      states.slice(0, i + 1).map((other) => product(one(layer), other(layer))),
    );
  return {
    models: [
      {
        name: NAME,
        grams: Array.from({ length: model.config.n_layer + 1 }, (_, layer) => gram(layer)),
      },
    ],
  };
}

/** The token that ends a word, at the word's first place; as in Python. */
export function lastToken(tokens, sentence, word) {
  let text = "";
  const ends = tokens.slice(1).map((token) => (text += token.toLowerCase()).length); // without the start token
  const wanted = word.toLowerCase();
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    const end = at + wanted.length;
    const whole = !isLetter(text[at - 1]) && !isLetter(text[end]);
    if (whole && ends.includes(end)) return 1 + ends.indexOf(end);
  }
  return fail(`“${word}” does not stand as a word in “${sentence}”.`);
}

const isLetter = (c) => c !== undefined && /[\p{L}\p{N}]/u.test(c);

/** Who answers what. */
export const answers = { "word-vectors": wordVectors };

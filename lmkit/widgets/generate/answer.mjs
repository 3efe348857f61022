// What the page's model answers: a prompt's tokens, and one more token.
import { distribution, draw, logSoftmax } from "../../engine/model.mjs";
import { asIds, asText, begun, chips, english, fail } from "../../engine/reply.mjs";

const RIVALS = 8;

/** Generate: a prompt's tokens. */
function encode(model, { text, chat }) {
  const ids = chat ? model.chatIds(asText(text)) : begun(model, text);
  const most = model.config.n_context;
  if (ids.length >= most)
    fail(`The prompt has ${english(ids.length)} tokens; here it may have ${most}.`);
  return { tokens: chips(model, ids) };
}

/** Generate: one more token; `p` and `top` are the model's own, before the knobs act. */
function goOn(model, { ids, temperature, top_k, top_p, draw: u }) {
  const most = model.config.n_context;
  if (ids.length >= most) fail(`The text has reached ${most} tokens, the most it may have here.`);
  const logits = model.next(asIds(ids));
  const id = draw(distribution(logits, { temperature, topK: top_k || 0, topP: top_p || 1 }), u);
  const logZ = logits[id] - logSoftmax(logits, id);
  const withP = (chip) => ({ ...chip, p: Number(Math.exp(logits[chip.i] - logZ).toPrecision(4)) });
  const [{ p, ...token }, ...top] = chips(model, [id, ...likeliest(logits, RIVALS)]).map(withP);
  return { token, p, top, end: model.stopIds.includes(id) };
}

/** Who answers what. */
export const answers = { encode, continue: goOn };

// What the page's model answers: a prompt's tokens, and one more token.
import { distribution, draw, logSoftmax } from "../../engine/model.mjs";
import { asIds, asText, begun, chips, english, fail, likeliest } from "../../engine/reply.mjs";

/** @typedef {import("../../engine/model.mjs").Model} Model */

const RIVALS = 8;

/**
 * A prompt's tokens.
 * @param {Model} model
 * @param {{text: string, chat: boolean}} request
 */
function encode(model, { text, chat }) {
  const ids = chat ? model.chatIds(asText(text)) : begun(model, text);
  const most = model.config.n_context;
  if (ids.length >= most)
    fail(`The prompt has ${english(ids.length)} tokens; here it may have ${most}.`);
  return { tokens: chips(model, ids) };
}

/**
 * One more token; `p` and `top` are the model's own, before the knobs act.
 * @param {Model} model
 * @param {{ids: number[], temperature: number, top_k: number, top_p: number, draw: number}} request
 */
function goOn(model, { ids, temperature, top_k, top_p, draw: u }) {
  const most = model.config.n_context;
  if (ids.length >= most) fail(`The text has reached ${most} tokens, the most it may have here.`);
  const logits = model.next(asIds(ids));
  const id = draw(distribution(logits, { temperature, topK: top_k || 0, topP: top_p || 1 }), u);
  const logZ = logits[id] - logSoftmax(logits, id);
  /** @param {{t: string, i: number}} chip */
  const withP = (chip) => ({ ...chip, p: Number(Math.exp(logits[chip.i] - logZ).toPrecision(4)) });
  const [{ p, ...token }, ...top] = chips(model, [id, ...likeliest(logits, RIVALS)]).map(withP);
  return { token, p, top, end: model.stopIds.includes(id) };
}

export const answers = { encode, continue: goOn };

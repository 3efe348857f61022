// What a head is good for: what comes next without it, in a sentence and as bars.
import { h } from "../../kit/dom.mjs";
import { percent } from "../../kit/numbers.mjs";
import { chip, quoted } from "../../kit/tokens.mjs";

/**
 * How much of the probability `moved` when a head was switched off, and the tokens likely to come
 * `next`: `p` is the probability of each with the head, `q` without it.
 * @typedef {{t: string, i: number, p: number, q: number}} Next
 * @typedef {{moved: number, next: Next[]}} Effect
 */

/**
 * What switching a head off did, in a sentence.
 * @param {Effect} effect
 * @param {number} layer
 * @param {number} head
 */
export function effectReading({ moved, next }, layer, head) {
  const likely = next.reduce((a, b) => (b.p > a.p ? b : a));
  const now = next.reduce((a, b) => (b.q > a.q ? b : a));
  const leads = now.i === likely.i ? "" : `; ${quoted(now.t)} leads with ${percent(now.q)}`;
  return `Without layer ${layer}, head ${head}, ${quoted(likely.t)} ${change(likely)}${leads}. ${percent(moved)} of the probability goes to other tokens.`;
}

/** @param {Next} token */
function change({ p, q }) {
  if (percent(p) === percent(q)) return `stays at ${percent(p)}`;
  return `${p > q ? "falls" : "rises"} from ${percent(p)} to ${percent(q)}`;
}

/**
 * The likeliest next tokens with the head and without it, two bars each.
 * @param {Effect} effect
 * @param {number} layer
 * @param {number} head
 */
export function effectFace({ next }, layer, head) {
  const names = ["next token", "with it", "without it"];
  return h(
    "table",
    { class: "lmk-effect" },
    h("caption", {}, `The next token with layer ${layer}, head ${head}, and without it`),
    h("thead", {}, h("tr", {}, ...names.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, ...next.map(row)),
  );
}

/** @param {Next} token */
const row = ({ t, i, p, q }) =>
  h("tr", {}, h("th", { scope: "row" }, chip({ t, i })), cell(p), cell(q));

/** @param {number} share */
const cell = (share) =>
  h(
    "td",
    {},
    h("span", { class: "lmk-bar", style: `--share:${share}` }),
    h("span", { class: "lmk-share" }, percent(share)),
  );

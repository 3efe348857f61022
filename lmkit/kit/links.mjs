// A link to a figure's state. On a page a figure has a name, and an address can lead to it in a state
// that a reader gave it: #figure=attention-map-1&state={"layer":3}. `View.link` names the traits that
// a link may carry, each with a predicate of its value, the model and the whole state. Nothing else
// is taken.
import { h } from "./dom.mjs";
import { canAsk, update } from "./host.mjs";

/**
 * @typedef {import("./host.mjs").Model} Model
 * @typedef {Record<string, any>} State traits by name
 * @typedef {(value: any, model: Model, state: State) => boolean} Fit
 * @typedef {Record<string, Fit>} Link
 */

const LONGEST = 8000; // characters of a fragment
const MISFIT =
  "The link asks this figure for something that it does not have here, so it shows what it shows by itself.";
const TOO_LONG = "What is shown here is too long for a link, or only this page's model knows it.";
const COPIED = "The link is copied. It leads to this figure as it is now.";
const NOT_COPIED = "The browser does not let this page copy: the link is in its address bar.";

/** Predicates for `View.link`. */
export const fits = {
  /** @param {any} x */
  flag: (x) => typeof x === "boolean",
  /** @param {number} most @returns {(x: any) => boolean} */
  text: (most) => (x) => typeof x === "string" && x.length <= most,
  /** @param {number} least @param {number} most @returns {(x: any) => boolean} */
  amount: (least, most) => (x) => typeof x === "number" && x >= least && x <= most,
  /** @param {number} most @returns {(x: any) => boolean} */
  count: (most) => (x) => Number.isInteger(x) && x >= 0 && x <= most,
  /** @param {readonly any[]} values @returns {(x: any) => boolean} */
  oneOf: (values) => (x) => values.includes(x),
};

/**
 * A text that is stored in this trait's list, or any that a model at hand can answer for.
 * @param {string} trait
 * @param {string} kind
 * @returns {Fit}
 */
export const storedOrLive = (trait, kind) => (text, model) =>
  model.get(trait).some((/** @type {{text: string}} */ one) => one.text === text) ||
  (fits.text(2000)(text) && canAsk(model, kind));

/**
 * The fragment that leads to a figure in a state.
 * @param {string} figure
 * @param {State} state
 */
export const linkTo = (figure, state) =>
  `#${new URLSearchParams({ figure, state: JSON.stringify(state) })}`;

/**
 * The state that a fragment gives to a model's figure; null where it gives none to it.
 * @param {string} fragment
 * @param {Link} link
 * @param {Model} model
 * @returns {State | null}
 */
export function linkedState(fragment, link, model) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  if (!model.figure || given.get("figure") !== model.figure) return null;
  const state = fragment.length <= LONGEST ? parsed(given.get("state")) : null;
  /** @param {[string, any]} entry */
  const isGood = ([name, value]) => Object.hasOwn(link, name) && link[name](value, model, state);
  if (state && typeof state === "object" && Object.entries(state).every(isGood)) return state;
  throw new Error(MISFIT);
}

/** @param {string | null} text */
function parsed(text) {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return null;
  }
}

/**
 * What a page's figure does about links: it follows those that lead to it, and offers one.
 * @param {{link: Link | null}} View
 * @param {Model} model
 */
export function linked({ link }, model) {
  if (!link || !model.figure || model.get("linked")) return null;
  const start = stateOf(link, model);
  const note = h("p", { role: "status", hidden: true });
  const follow = () => followed(link, model, start, note);
  follow();
  addEventListener("hashchange", follow);
  return {
    note,
    /** @param {import("./frame.mjs").Frame} frame */
    offer: ({ offer, say }) =>
      offer("Copy link to this state", async () => say(await copied(link, model, start))),
    close: () => removeEventListener("hashchange", follow),
  };
}

/** @param {Link} link @param {Model} model @returns {State} */
const stateOf = (link, model) =>
  Object.fromEntries(Object.keys(link).map((name) => [name, model.get(name)]));

/**
 * Give a figure the state that the address asks for, or say that it has no such state.
 * @param {Link} link
 * @param {Model} model
 * @param {State} start
 * @param {HTMLElement} note
 */
function followed(link, model, start, note) {
  try {
    const state = linkedState(location.hash, link, model);
    note.hidden = true;
    if (state) update(model, { ...start, ...state });
  } catch (error) {
    note.textContent = /** @type {Error} */ (error).message;
    note.hidden = false;
  }
}

/**
 * Copy the link to what a figure shows now, and say what came of it.
 * @param {Link} link
 * @param {Model} model
 * @param {State} start what the figure showed at first: only what differs goes into the link
 */
async function copied(link, model, start) {
  /** @param {[string, any]} entry */
  const differs = ([name, value]) => JSON.stringify(value) !== JSON.stringify(start[name]);
  const changed = Object.entries(stateOf(link, model)).filter(differs);
  const fragment = linkTo(model.figure ?? "", Object.fromEntries(changed));
  try {
    linkedState(fragment, link, model);
  } catch {
    return TOO_LONG;
  }
  history.replaceState(null, "", fragment);
  const copying = navigator.clipboard?.writeText(location.href) ?? Promise.reject();
  return copying.then(
    () => COPIED,
    () => NOT_COPIED,
  );
}

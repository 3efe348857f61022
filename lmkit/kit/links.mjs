import { h } from "./dom.mjs";
import { canAsk, update } from "./host.mjs";

//
// On a page a figure has a name, and an address can lead to it in a state that a reader gave it:
// #figure=attention-map-1&state={"layer":3}. `View.link` names the traits that a link may carry,
// each with a predicate of its value, the model and the whole state. Nothing else is taken.

const LONGEST = 8000; // characters of a fragment
const MISFIT =
  "The link asks this figure for something that it does not have here, so it shows what it shows by itself.";

/** Predicates for `View.link`. */
export const fits = {
  flag: (x) => typeof x === "boolean",
  text: (most) => (x) => typeof x === "string" && x.length <= most,
  amount: (least, most) => (x) => typeof x === "number" && x >= least && x <= most,
  count: (most) => (x) => Number.isInteger(x) && x >= 0 && x <= most,
  oneOf: (values) => (x) => values.includes(x),
};

/** A text that is stored in this trait's list, or any that a model at hand can answer for. */
export const storedOrLive = (trait, kind) => (text, model) =>
  model.get(trait).some((one) => one.text === text) ||
  (fits.text(2000)(text) && canAsk(model, kind));

/** The fragment that leads to a figure in a state. */
export const linkTo = (figure, state) =>
  `#${new URLSearchParams({ figure, state: JSON.stringify(state) })}`;

/** The state that a fragment gives to a model's figure; null where it gives none to it. */
export function linkedState(fragment, link, model) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  if (!model.figure || given.get("figure") !== model.figure) return null;
  try {
    const state = fragment.length <= LONGEST && JSON.parse(given.get("state"));
    const isGood = ([name, value]) => Object.hasOwn(link, name) && link[name](value, model, state);
    if (state && typeof state === "object" && Object.entries(state).every(isGood)) return state;
  } catch {
    // as below
  }
  throw new Error(MISFIT);
}

/** What a page's figure does about links: it follows those that lead to it, and offers one. */
export function linked({ link }, model) {
  if (!link || !model.figure || model.get("linked")) return null;
  const now = () => Object.fromEntries(Object.keys(link).map((name) => [name, model.get(name)]));
  const start = now();
  const note = h("p", { role: "status", hidden: true });
  const follow = () => {
    let state = null;
    try {
      state = linkedState(location.hash, link, model);
      note.hidden = true;
    } catch (error) {
      Object.assign(note, { textContent: error.message, hidden: false });
    }
    if (state) update(model, { ...start, ...state });
  };
  const changed = () =>
    Object.entries(now()).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(start[name]),
    );
  const copy = async ({ say }) => {
    const fragment = linkTo(model.figure, Object.fromEntries(changed()));
    try {
      linkedState(fragment, link, model);
    } catch {
      return say("What is shown here is too long for a link, or only this page's model knows it.");
    }
    history.replaceState(null, "", fragment);
    const done = await navigator.clipboard.writeText(location.href).then(
      () => true,
      () => false,
    );
    say(
      done
        ? "The link is copied. It leads to this figure as it is now."
        : "The browser does not let this page copy: the link is in its address bar.",
    );
  };
  follow();
  addEventListener("hashchange", follow);
  return {
    note,
    offer: (frame) => frame.offer("Copy link to this state", () => copy(frame)),
    close: () => removeEventListener("hashchange", follow),
  };
}

// What every figure is: a view of a model, in the kit's frame, that can be closed; and what those
// do that may have to ask: show what is stored or computed, say so, and keep the last good state.
import { frame, toolButton } from "./frame.mjs";
import { ask, canAsk, update, watch } from "./host.mjs";
import { linked } from "./links.mjs";
import { provenance } from "./provenance.mjs";
import { fullScreen } from "./screen.mjs";

/**
 * @typedef {import("./host.mjs").Model} Model
 * @typedef {import("./frame.mjs").Spec} Spec
 * @typedef {{model: Model, el: HTMLElement}} Host
 * @typedef {{new (model: Model): Figure, kind: string, link: import("./links.mjs").Link | null}} View
 */

export const STORED = "stored with the chapter";
export const COMPUTED = "computed now";

/** A view of a model. A subclass gives the frame's parts, fills them, and says what it watches. */
export class Figure {
  /** The kind of request that needs a language model, if any. */
  static kind = "";
  /**
   * The traits that a link may carry, each with a predicate; null where there is nothing to link to.
   * @type {import("./links.mjs").Link | null}
   */
  static link = null;

  /**
   * @param {Model} model
   * @param {Spec} spec of the frame
   */
  constructor(model, spec) {
    this.model = model;
    const { kind } = /** @type {View} */ (this.constructor);
    /** Whether a language model is at hand. */
    this.live = kind !== "" && canAsk(model, kind);
    this.frame = frame(spec);
    /** @type {(() => void)[]} */
    this.undo = [];
  }

  /** Let `fn` undo something when the figure is closed. @param {() => void} fn */
  atClose(fn) {
    this.undo.push(fn);
  }

  /** Call `fn` whenever one of these traits changes. @param {string[]} names @param {() => void} fn */
  watch(names, fn) {
    this.atClose(watch(this.model, names, fn));
  }

  close() {
    for (const undo of this.undo.splice(0)) undo();
  }
}

/**
 * A figure whose state may stand for more than is stored.
 * @template Answer
 */
export class AskingFigure extends Figure {
  /**
   * @param {Model} model
   * @param {Spec} spec
   */
  constructor(model, spec) {
    super(model, spec);
    this.turn = 0;
    this.origin = this.provenance();
    this.atClose(this.origin.close);
    this.atClose(() => {
      this.turn += 1; // what is still on its way finds nobody
    });
  }

  /**
   * Who tells in the source line where the numbers came from.
   * @returns {{tell: (from: string) => void, close: () => void}}
   */
  provenance() {
    return provenance(this.frame.source, this.model);
  }

  /** What is stored, or was computed before, for the present state. @returns {Answer | undefined} */
  stored() {
    return undefined;
  }

  /** What to ask for when nothing is stored. @returns {import("./host.mjs").Request} */
  request() {
    return { kind: /** @type {View} */ (this.constructor).kind };
  }

  /** Why nobody can be asked, in a sentence. */
  missing() {
    return "This is not stored with the chapter: choose another, or load the model.";
  }

  /** Show an answer. @param {Answer} _answer @param {boolean} _isStored */
  show(_answer, _isStored) {}

  /** The view keeps its last good state. @param {Error} error */
  fail(error) {
    this.frame.say(error.message);
  }

  /** Show what the present state stands for; when it changes meanwhile, the newest turn wins. */
  async refresh() {
    this.turn += 1;
    const { turn } = this;
    try {
      const stored = this.stored();
      const answer = stored ?? (await this.asked());
      if (turn !== this.turn) return;
      this.busy(false);
      this.origin.tell(stored ? STORED : COMPUTED);
      this.show(answer, Boolean(stored));
    } catch (error) {
      if (turn !== this.turn) return;
      this.busy(false);
      const { name } = /** @type {Error} */ (error);
      if (name !== "AbortError") this.fail(/** @type {Error} */ (error));
    }
  }

  /** @returns {Promise<Answer>} */
  async asked() {
    if (!this.live) throw new Error(this.missing());
    this.busy(true);
    return this.compute();
  }

  /** Get what is not stored: here from whoever can be asked. @returns {Promise<Answer>} */
  compute() {
    return ask(this.model, this.request());
  }

  /** @param {boolean} is */
  busy(is) {
    if (is) this.frame.box.setAttribute("aria-busy", "true");
    else this.frame.box.removeAttribute("aria-busy");
  }
}

/**
 * Show a view of a model. One that asks a language model names its request in `View.kind`; it is
 * made anew when the model comes to hand or goes: all state is in the widget's model, so nothing
 * is lost.
 * @param {View} View
 * @param {Host} host
 * @returns {() => void} the clean-up
 */
export function present(View, { model, el }) {
  const again = restart(View, model);
  const full = fullScreen(el);
  const link = linked(View, model);
  const make = () => {
    const made = new View(model);
    made.frame.equip(again, full.button);
    link?.offer(made.frame);
    el.replaceChildren(...(link ? [link.note] : []), made.frame.box);
    return made;
  };
  let view = make();
  const stop = atModel(View, model, () => {
    if (canAsk(model, View.kind) === view.live) return;
    view.close();
    view = make();
  });
  return () => {
    stop();
    full.close();
    link?.close();
    view.close();
  };
}

/**
 * Call `renew` when the page's language model comes or goes; returns what undoes it.
 * @param {View} View
 * @param {Model} model
 * @param {() => void} renew
 */
function atModel(View, { page }, renew) {
  if (!View.kind || !page) return () => {};
  const soon = () => setTimeout(renew); // a task of its own for each view: the page never stalls
  page.addEventListener("state", soon);
  return () => page.removeEventListener("state", soon);
}

/**
 * A button that gives a figure back the state in which it was found. One that reads a shared text has none.
 * @param {View} View
 * @param {Model} model
 */
function restart({ link }, model) {
  if (!link || model.get("linked")) return null;
  const start = Object.fromEntries(Object.keys(link).map((name) => [name, model.get(name)]));
  return toolButton("⟲", "Start again", () => update(model, start));
}

// BPETrainer: which pair does byte-pair encoding merge next? (chapter 2)
import { showBytes } from "../../engine/bpe.mjs";
import { checkbox, labelled, slider, textBox, whenFull } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { Figure, present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { toolButton } from "../../kit/frame.mjs";
import { update } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number } from "../../kit/numbers.mjs";
import { chip, visible } from "../../kit/tokens.mjs";
import { length, MAX_MERGES, train } from "./training.mjs";

/**
 * @typedef {import("./training.mjs").Training} Training
 * @typedef {import("./training.mjs").State} State
 * @typedef {import("./training.mjs").Pair} Pair
 * @typedef {import("../../kit/host.mjs").Model} Model
 */

const MAX_CHARACTERS = 2000;
const REST = 300; // milliseconds without a key before a text is learned from
const SHOWN = 8; // pairs in the table of counts
const NEWEST = { class: "lmk-chip lmk-chosen" };

/** A long token as a sentence names it. @param {string} text */
function shortened(text) {
  const characters = Array.from(text);
  return characters.length > 24 ? `${characters.slice(0, 20).join("")}…` : text;
}

/** @param {Training} training @param {number} id */
const quoted = ({ bytes }, id) => `“${shortened(visible(showBytes(bytes[id])))}”`;

/** @param {number} n */
const tokens = (n) => (n === 1 ? "1 token" : `${n} tokens`);

/** @param {number} n */
const times = (n) => ["never", "once", "twice"][n] ?? `${n} times`;

/**
 * What there is to see, in a sentence or two; without `counts` what comes next is not told.
 * @param {Training} training
 * @param {number} step
 */
export function reading(training, step, counts = true) {
  const state = training.states[step];
  if (!length(state)) return "Type a text to learn from.";
  const done = past(training, step);
  if (!state.pairs.length) return `${done} Every word is one token: nothing is left to merge.`;
  if (step === MAX_MERGES) return `${done} Here the figure stops.`;
  if (!counts) return `${done} Which pair stands together most often now?`;
  return `${done} ${future(training, state.pairs)}`;
}

/** @param {Training} training @param {number} step */
function past(training, step) {
  const state = training.states[step];
  const now = tokens(length(state));
  if (!step) return `The text has ${now}, each a byte.`;
  const before = length(training.states[step - 1]);
  return `Merge ${step} made ${quoted(training, state.made)}: the text fell from ${before} to ${now}.`;
}

/** @param {Training} training @param {Pair[]} pairs */
function future(training, pairs) {
  const [{ a, b, n }] = pairs;
  const ties = pairs.filter((pair) => pair.n === n).length - 1;
  const others = ties === 1 ? "does one other pair" : `do ${ties} other pairs`;
  const tie = ties ? `, as ${others}; the smallest ids go first` : "";
  return `Next: ${quoted(training, a)} and ${quoted(training, b)} stand together ${times(n)}${tie}.`;
}

const SOURCE = "Trained in this browser, on the text above · byte-level, digits by themselves";
const HEAD = ["merge", "left", "right", "token", "count", "tokens left"];
const KEYS =
  "The slider goes through the merges with the arrow keys; the buttons go one merge forward or back.";

class View extends Figure {
  static link = {
    text: fits.text(MAX_CHARACTERS),
    step: fits.count(MAX_MERGES),
    counts: fits.flag,
  };

  count = h("output", {});

  /** @param {Model} model */
  constructor(model) {
    const first = { text: model.get("text"), step: 0, counts: true };
    super(model, {
      title: "Which pair is merged next?",
      restart: toolButton("⟲", "Back to the first text", () => this.restart(first)),
      menu: [["Download data (CSV)", () => this.data()]],
      keys: KEYS,
      rows: () => ["Merges made so far", HEAD, this.rows(this.step())],
    });
    this.trained = first.text;
    this.training = learned(first.text);
    this.box = this.text();
    this.back = this.button("◂ Back", -1);
    this.next = this.button("Merge ▸", 1);
    this.slider = slider({ max: 0 }, (step) => update(model, { step }));
    this.counts = checkbox((counts) => update(model, { counts }));
    this.frame.controls.append(
      this.back,
      this.next,
      labelled("Merges", this.slider, this.count),
      labelled("Show counts", this.counts),
    );
    this.frame.source.textContent = SOURCE;
    this.watch(["text", "step", "counts"], () => this.show());
    this.show();
  }

  /** Where the reader types a text. */
  text() {
    const { label, box, cancel } = textBox("Text to learn from", MAX_CHARACTERS, REST, (text) => {
      if (text !== this.model.get("text")) update(this.model, { text, step: 0 });
    });
    this.atClose(cancel);
    this.frame.controls.append(label, box);
    return box;
  }

  /** @param {string} name @param {number} by */
  button(name, by) {
    const onclick = () => update(this.model, { step: this.step() + by });
    return h("button", { type: "button", onclick }, name);
  }

  /** @param {{text: string, step: number, counts: boolean}} first */
  restart(first) {
    this.box.value = first.text;
    update(this.model, first);
  }

  /** The step that is shown: the trait may be beyond what the text gives. */
  step() {
    return Math.max(0, Math.min(this.model.get("step"), this.training.states.length - 1));
  }

  show() {
    const text = this.model.get("text");
    if (text !== this.trained) this.training = learned(text);
    this.trained = text;
    const step = this.step();
    const counts = this.model.get("counts");
    this.settle(text, step, counts);
    this.frame.view.replaceChildren(this.face(step, counts));
    this.frame.say(reading(this.training, step, counts) + whenFull(text, MAX_CHARACTERS));
  }

  /** The controls say what is shown. @param {string} text @param {number} step @param {boolean} counts */
  settle(text, step, counts) {
    const last = this.training.states.length - 1;
    if (document.activeElement !== this.box) this.box.value = text;
    Object.assign(this.slider, { max: last, value: step });
    this.slider.setAttribute("aria-valuetext", `${step} merges`);
    this.count.textContent = `${step} of ${last}`;
    this.counts.checked = counts;
    this.back.disabled = step === 0;
    this.next.disabled = step === last;
  }

  /** @param {number} step @param {boolean} counts */
  face(step, counts) {
    const state = this.training.states[step];
    const pairs = counts
      ? this.pairs(state)
      : hint("Hidden: look at the text, choose a pair, then merge.");
    return h(
      "div",
      { class: "lmk-bpe" },
      part("The text now", this.segments(state), "lmk-bpe-text"),
      part("Pairs and how often they stand together", pairs),
      part(`Tokens learned: ${step} beside the 256 bytes`, this.learned(step)),
    );
  }

  /** @param {number} id @param {boolean} [isNew] whether the last merge made it */
  token(id, isNew = false) {
    return chip({ t: showBytes(this.training.bytes[id]), i: id }, "span", isNew ? NEWEST : {});
  }

  /** Each different piece once, with its count; tokens that the last merge made are marked. @param {State} state */
  segments({ pieces, made }) {
    /** @param {number} n */
    const count = (n) => n > 1 && h("span", { class: "lmk-bpe-times" }, ` × ${n}`);
    const items = pieces
      .filter(({ ids }) => ids.length)
      .map(({ ids, n }) => h("li", {}, ...ids.map((id) => this.token(id, id === made)), count(n)));
    return h("ul", { class: "lmk-bpe-pieces" }, ...items);
  }

  /** @param {State} state */
  pairs({ pairs }) {
    const rest = pairs.length - SHOWN;
    const rows = pairs.slice(0, SHOWN).map((pair, k) => this.pair(pair, k === 0, pairs[0].n));
    const more = rest > 0 && h("li", { class: "lmk-rest" }, `and ${rest} other pairs`);
    return h("ol", { class: "lmk-bars" }, ...rows, more);
  }

  /** @param {Pair} pair @param {boolean} isNext @param {number} most of all counts */
  pair({ a, b, n }, isNext, most) {
    return h(
      "li",
      { class: isNext ? "lmk-row lmk-hot" : "lmk-row" },
      h("span", {}, this.token(a), this.token(b)),
      h("span", { class: "lmk-bar", style: `--share:${(n / most).toFixed(3)}` }),
      h("span", { class: "lmk-share" }, String(n)),
    );
  }

  /** @param {number} step */
  learned(step) {
    if (!step) return hint("None yet.");
    const made = this.training.states.slice(1, step + 1);
    const items = made.map((state, k) => h("li", {}, this.token(state.made, k === step - 1)));
    return h("ol", { class: "lmk-bpe-learned" }, ...items);
  }

  /** The merges in order, as far as a step. @param {number} step */
  rows(step) {
    const { bytes, states } = this.training;
    /** @param {number} id */
    const text = (id) => visible(showBytes(bytes[id]));
    return states.slice(0, step).map(({ pairs: [{ a, b, n }] }, k) => {
      const after = states[k + 1];
      const counts = [String(n), number(length(after))];
      return [String(k + 1), text(a), text(b), text(after.made), ...counts];
    });
  }

  data() {
    const rows = this.rows(this.training.states.length - 1);
    download("merges.csv", csv([HEAD, ...rows]), "text/csv");
  }
}

/** @param {string} text */
const learned = (text) => train(text.slice(0, MAX_CHARACTERS));

/** @param {string} text */
const hint = (text) => h("p", { class: "lmk-hint" }, text);

/** A part of the view with its name. @param {string} name @param {Node} node */
function part(name, node, kind = "") {
  const head = h("p", { class: "lmk-bpe-name" }, name);
  return h("section", { class: kind, "aria-label": name }, head, node);
}

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

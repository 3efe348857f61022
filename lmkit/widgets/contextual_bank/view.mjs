// ContextualBank: does one word have one vector? (chapter 3)
//
// Of each model and layer `grams` holds the dot products of the word's vectors in the sentences, a
// lower triangle row by row. Cosines, centring and the plane need nothing else.
import { checkbox, choice, labelled, slider } from "../../kit/controls.mjs";
import { h, svg } from "../../kit/dom.mjs";
import { AskingFigure, present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { ask, canAsk, update } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number } from "../../kit/numbers.mjs";
import { centredGram, labels, onPlane } from "../../kit/word_vectors.mjs";

/**
 * A model's name and, unless it cannot take the reader's sentences here, a triangle for each layer.
 * @typedef {{name: string, grams: number[][] | null}} Grams
 * @typedef {import("../../kit/host.mjs").Model} Model
 */

/** The whole matrix of a lower triangle. @param {number[]} triangle */
export function unpack(triangle) {
  const n = Math.round((Math.sqrt(8 * triangle.length + 1) - 1) / 2);
  /** @param {number} i @param {number} j */
  const at = (i, j) => triangle[i >= j ? (i * (i + 1)) / 2 + j : (j * (j + 1)) / 2 + i];
  return Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => at(i, j)));
}

/**
 * Cosines of vectors whose dot products are known; a vector of length zero has cosine 0 with all.
 * @param {number[][]} gram
 */
export function cosines(gram) {
  const most = Math.max(...gram.map((row, i) => row[i]), 1e-12);
  const size = gram.map((row, i) => Math.sqrt(Math.max(row[i], 0)));
  /** @param {number} i */
  const none = (i) => gram[i][i] < 1e-9 * most || size[i] < 1e-5;
  /** @param {number} x @param {number} i @param {number} j */
  const cosine = (x, i, j) => Math.max(-1, Math.min(1, x / (size[i] * size[j])));
  return gram.map((row, i) => row.map((x, j) => (none(i) || none(j) ? 0 : cosine(x, i, j))));
}

/**
 * For each row the other row that is most alike, or −1 where none can be told from another.
 * @param {number[][]} matrix
 */
export const mostAlike = (matrix) =>
  matrix.map((row, i) => {
    const others = row.map((x, j) => (i === j ? -Infinity : x));
    const best = Math.max(...others);
    return others.every((x, j) => i === j || Math.abs(x - best) < 1e-9)
      ? -1
      : others.findIndex((x) => x > best - 1e-5); // of equals the first
  });

/** Where a word first stands as a word, or −1. @param {string} text @param {string} word */
export function place(text, word) {
  const literal = word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const whole = new RegExp(`(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`, "iu");
  return whole.exec(text)?.index ?? -1;
}

/**
 * What there is to see, in a sentence: of all, of the one `at`, or of the pair with `other`.
 * @param {string[]} sentences
 * @param {number[][]} matrix
 * @param {number} at −1 for all
 * @param {boolean} centred
 */
export function reading(sentences, matrix, at, centred, other = at) {
  const best = mostAlike(matrix);
  const after = centred ? " after the mean is subtracted" : "";
  if (best.every((j) => j < 0))
    return `All ${sentences.length} vectors are equal${centred ? ": nothing is left when their mean is subtracted" : ", whatever the sentence"}.`;
  if (at < 0) return overview(matrix, after);
  const nearest = best[at];
  const one = `“${sentences[at]}”`;
  if (at !== other)
    return `${one} and “${sentences[other]}”: cosine ${number(matrix[at][other])}${after}.`;
  if (nearest < 0) return `${one}: no other sentence is nearer than another.`;
  return `${one} is most like “${sentences[nearest]}”, cosine ${number(matrix[at][nearest])}${after}.`;
}

/** @param {number[][]} matrix @param {string} after */
function overview(matrix, after) {
  const pairs = matrix.flatMap((row, i) => row.slice(0, i));
  return `Cosines run from ${number(Math.min(...pairs))} to ${number(Math.max(...pairs))}${after}. Point at a sentence to see which is most like it.`;
}

const MOST = 12; // sentences
const PLANE = 340; // pixels
/** @type {[sign: string, mark: string, colour: number][]} of a sense: not the cosines' colours */
const SENSES = [
  ["●", "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0-5 0Z", 3],
  ["◆", "M0-6L6 0L0 6L-6 0Z", 4],
  ["▲", "M0-6L6 5H-6Z", 6],
  ["■", "M-5-5H5V5H-5Z", 1],
];
const PAIRS = "Cosine of each pair: blue above 0, orange below; the farther from 0, the stronger.";
const NEAREST = "The plane nearest to the vectors. Numbers are the sentences’. ";
const KEYS =
  "Tab goes through the controls and the sentences; arrows move in the layer's slider; Enter adds what you typed.";

/** @extends {AskingFigure<Grams[]>} */
class View extends AskingFigure {
  static kind = "word-vectors";
  /** @type {import("../../kit/links.mjs").Link} */
  static link = {
    which: (k, model) => fits.oneOf([...storedGrams(model).keys()])(k),
    layer: (layer, model, { which = model.get("which") }) =>
      fits.count(lastLayer(storedGrams(model)[which]) || 99)(layer), // of no layers any
    centred: fits.flag,
    added: (texts, model) =>
      Array.isArray(texts) &&
      texts.length <= MOST - model.get("sentences").length &&
      texts.every(fits.text(200)) &&
      (!texts.length || canAsk(model, View.kind)),
  };

  /** @type {Grams[]} of the sentences that are shown; none before the first */
  models = [];
  /** @type {string[]} those of the reader's sentences that are shown */
  good = [];
  /** @type {string[]} all that are shown */
  sentences = [];
  /** @type {number[][]} */
  gram = [];
  /** @type {number[][]} */
  cos = [];
  /** @type {{names: string[], numbers: number[]}} the senses' names, and the number of each sentence's */
  senses = { names: [], numbers: [] };
  at = -1; // the sentence that the reader points at
  problem = ""; // said until the reader points at something else
  list = h("ol", { class: "lmk-sentences" });
  matrix = h("div", { class: "lmk-grid" });
  plane = h("div", { class: "lmk-field-of" });
  level = h("output", {});

  /** @param {Model} model */
  constructor(model) {
    super(model, {
      title: `Does “${model.get("word")}” have one vector?`,
      menu: [["Download data (CSV)", () => this.data()]],
      keys: KEYS,
      rows: () => ["Cosines", this.head(), this.rows()],
    });
    this.which = this.modelChoice();
    this.layer = slider({ max: 0 }, (layer) => update(model, { layer }));
    this.centre = checkbox((centred) => update(model, { centred }));
    this.frame.controls.append(
      labelled("Model", this.which),
      labelled("Layer", this.layer, this.level),
      labelled("Subtract the mean", this.centre),
    );
    this.input = this.live ? this.own() : null;
    const figures = h("div", { class: "lmk-senses" }, this.pairs(), this.plane);
    this.frame.view.append(this.list, figures);
    this.watch(["added"], () => this.refresh());
    this.watch(["which", "layer", "centred"], () => this.paint());
    this.refresh();
  }

  modelChoice() {
    const { model } = this;
    /** @type {[number, string][]} */
    const options = storedGrams(model).map(({ name }, k) => [k, name]);
    return choice(options, 0, (value) => {
      const which = Number(value);
      const layer = Math.min(model.get("layer"), this.depth(which) || Infinity);
      update(model, { which, layer });
    });
  }

  /** Where the reader writes a sentence. */
  own() {
    const add = () => this.add(input);
    const input = h("input", {
      type: "text",
      maxLength: 200,
      placeholder: `a sentence with “${this.model.get("word")}”`,
    });
    input.addEventListener("keydown", ({ key }) => {
      if (key === "Enter") add();
    });
    const button = h("button", { type: "button", onclick: add }, "Add");
    const field = labelled("Your sentence", input, button);
    field.classList.add("lmk-wide");
    this.frame.controls.append(field);
    return input;
  }

  /** Add what is written, where there is room for it. @param {HTMLInputElement} input */
  add(input) {
    const { model } = this;
    const text = input.value.trim();
    const all = [...model.get("sentences"), ...model.get("added")];
    const there = all.indexOf(text);
    if (!text) return;
    if (there >= 0) {
      this.frame.say(`That sentence is there already, as number ${there + 1}.`);
    } else if (all.length >= MOST) {
      this.frame.say(`${MOST} sentences have room: remove one of yours first.`);
    } else {
      input.value = "";
      this.problem = "";
      update(model, { added: [...model.get("added"), text] });
    }
  }

  pairs() {
    return h("figure", { class: "lmk-pairs" }, this.matrix, h("figcaption", {}, PAIRS));
  }

  /** The reader's sentences, where there is a model for them. @returns {string[]} */
  added() {
    return this.live ? this.model.get("added") : [];
  }

  /** The last layer of a model. @param {number} which */
  depth(which) {
    return lastLayer((this.models.length ? this.models : storedGrams(this.model))[which]);
  }

  stored() {
    return this.added().length ? undefined : storedGrams(this.model);
  }

  /** What was computed for these sentences before is not computed again. */
  async asked() {
    const isKept = JSON.stringify(this.good) === JSON.stringify(this.added());
    return isKept && this.models.length ? this.models : super.asked();
  }

  /** All sentences anew: the same models, as far as they are at hand. */
  async compute() {
    /** @type {{models: Grams[]}} */
    const { models } = await ask(this.model, this.request());
    /** @param {string} name */
    const named = (name) => models.find((one) => one.name === name) ?? { name, grams: null };
    return storedGrams(this.model).map(({ name }) => named(name));
  }

  request() {
    const sentences = [...this.model.get("sentences"), ...this.added()];
    return { kind: View.kind, sentences, word: this.model.get("word") };
  }

  /** The sentence that could not be read goes back to its field; the view stays what it was. @param {Error} error */
  fail(error) {
    const added = this.model.get("added");
    if (this.input && added.length) this.input.value = added.at(-1);
    this.problem = error.message;
    this.at = -1;
    if (added.length) update(this.model, { added: this.good });
    super.fail(error);
  }

  /** @param {Grams[]} models */
  show(models) {
    this.models = models;
    this.good = this.added();
    this.sentences = [...this.model.get("sentences"), ...this.good];
    this.senses = sensesOf(this.model.get("senses"), this.model.get("sentences"), this.good);
    this.choices();
    this.paint();
  }

  /** Models that cannot take the reader's sentences here cannot be chosen. */
  choices() {
    const { model, models } = this;
    for (const [k, { name, grams }] of models.entries()) {
      const option = this.which.options[k];
      option.disabled = !grams;
      option.textContent = name + (grams ? "" : " (in the notebook)");
    }
    if (models[model.get("which")].grams) return;
    const which = models.findIndex(({ grams }) => grams);
    update(model, { which, layer: Math.min(8, this.depth(which)) });
  }

  paint() {
    const { grams } = this.models[this.model.get("which")] ?? {};
    if (!grams) return; // nothing is there yet, or another model is about to be chosen
    const layer = Math.min(this.model.get("layer"), grams.length - 1);
    const centred = this.model.get("centred");
    const raw = unpack(grams[layer]);
    this.gram = centred ? centredGram(raw) : raw;
    this.cos = cosines(this.gram);
    this.settle(layer, grams.length - 1, centred);
    this.list.replaceChildren(...this.sentences.map((text, i) => this.sentence(text, i)));
    this.matrix.replaceChildren(...this.cells());
    this.matrix.style.setProperty("--n", String(this.sentences.length));
    this.plane.replaceChildren(this.picture());
    this.point(Math.min(this.at, this.sentences.length - 1));
  }

  /** The controls say what is shown. @param {number} layer @param {number} last @param {boolean} centred */
  settle(layer, last, centred) {
    this.which.value = this.model.get("which");
    Object.assign(this.layer, { max: last, value: layer, disabled: last === 0 });
    this.level.textContent = last ? `${layer} of ${last}` : "no layers";
    this.centre.checked = centred;
  }

  /** @param {string} text @param {number} i */
  sentence(text, i) {
    const point = () => this.point(i);
    const on = { onfocus: point, onpointerenter: point, onclick: point };
    const line = h(
      "button",
      { type: "button", class: "lmk-sentence", ...on },
      h("b", {}, String(i + 1)),
      this.sign(this.senses.numbers[i]),
      ...marked(text, this.model.get("word")),
    );
    const isOwn = i >= this.model.get("sentences").length;
    return h("li", {}, line, isOwn && this.removal(text));
  }

  /** @param {string} text */
  removal(text) {
    const onclick = () => {
      const rest = this.added().filter((other) => other !== text);
      update(this.model, { added: rest });
      this.input?.focus();
    };
    return h("button", { type: "button", class: "lmk-link", onclick }, "Remove");
  }

  /** The sign of a sense; none where there is but one. @param {number} k */
  sign(k) {
    const [sign, , colour] = SENSES[k % SENSES.length];
    if (this.senses.names.length === 1) return " ";
    return h("i", { "aria-hidden": "true", style: `--cat:var(--lm-cat-${colour})` }, sign);
  }

  cells() {
    return this.cos.flatMap((row, i) => row.map((cos, j) => this.cell(cos, i, j)));
  }

  /** @param {number} cos @param {number} i @param {number} j */
  cell(cos, i, j) {
    return h(
      "span",
      {
        class: cos < 0 ? "lmk-cos lmk-minus" : "lmk-cos",
        style: `--share:${Math.abs(cos).toFixed(3)}`,
        title: `${i + 1} and ${j + 1}: ${number(cos)}`,
        onpointerenter: () => this.point(i, j),
      },
      i === j ? String(i + 1) : "",
    );
  }

  /** The vectors in the plane nearest to them, and what the marks mean. */
  picture() {
    const legend = this.senses.names.flatMap((name, k) => [this.sign(k), ` ${name} `]);
    return h("figure", {}, this.drawing(), h("figcaption", {}, NEAREST, ...legend));
  }

  /** A mark for each vector, numbered like the sentences. */
  drawing() {
    const places = onPlane(this.gram);
    const reach = 1.2 * Math.max(...places.flat().map(Math.abs), 1e-6);
    /** @type {import("../../kit/word_vectors.mjs").Point[]} */
    const at = places.map(([x, y]) => [
      (PLANE / 2) * (1 + x / reach),
      (PLANE / 2) * (1 - y / reach),
    ]);
    /** @type {import("../../kit/word_vectors.mjs").Size[]} */
    const sizes = places.map((_, i) => [i < 9 ? 10 : 18, 14]);
    const names = labels(at, sizes, [PLANE, PLANE], [...at.keys()]);
    return svg(
      "svg",
      {
        viewBox: `0 0 ${PLANE} ${PLANE}`,
        class: "lmk-senses-plane",
        role: "img",
        "aria-label": "The sentences’ vectors in a plane",
      },
      svg("path", { d: `M0 ${PLANE / 2}H${PLANE}M${PLANE / 2} 0V${PLANE}` }),
      ...at.map((_, i) => this.mark(i, at[i], names[i], sizes[i])),
    );
  }

  /**
   * A mark, its number where there is room for it, and a round place to point at.
   * @param {number} i
   * @param {number[]} at
   * @param {number[] | null} name the left and the top of its number
   * @param {number[]} size of its number
   */
  mark(i, [x, y], name, [width, height]) {
    const [, d, colour] = SENSES[this.senses.numbers[i] % SENSES.length];
    const place = { transform: `translate(${x} ${y})`, style: `--cat:var(--lm-cat-${colour})` };
    const node = svg("g", place, svg("circle", { r: 12 }), svg("path", { d }));
    if (name) {
      const corner = { x: name[0] - x + width / 2, y: name[1] - y + height - 3 };
      node.append(svg("text", corner, String(i + 1)));
    }
    node.addEventListener("pointerenter", () => this.point(i));
    return node;
  }

  /** Point at a sentence, at two, or with −1 at none. @param {number} at */
  point(at, other = at) {
    this.at = at;
    if (at >= 0) this.problem = "";
    /** @param {NodeListOf<Element>} nodes @param {string} name */
    const point = (nodes, name) => {
      nodes.forEach((node, i) => {
        node.classList.toggle(name, i === at || i === other);
      });
    };
    point(this.list.querySelectorAll(".lmk-sentence"), "lmk-chosen");
    point(this.plane.querySelectorAll("g"), "lmk-here");
    const { sentences, cos } = this;
    this.frame.say(this.problem || reading(sentences, cos, at, this.model.get("centred"), other));
  }

  head() {
    return ["", ...this.sentences.map((_, i) => String(i + 1))];
  }

  rows() {
    const { names, numbers } = this.senses;
    return this.cos.map((row, i) => [
      `${i + 1} ${names[numbers[i]]}`,
      ...row.map((x) => number(x)),
    ]);
  }

  data() {
    const { sentences } = this;
    const rows = this.cos.flatMap((row, i) => row.map((x, j) => [sentences[i], sentences[j], x]));
    download("bank.csv", csv([["sentence", "sentence", "cosine"], ...rows]), "text/csv");
  }
}

/** @param {Model} model @returns {Grams[]} */
const storedGrams = (model) => model.get("models");

/** @param {Grams} model */
const lastLayer = ({ grams }) => (grams?.length ?? 0) - 1;

/**
 * The names of the senses, and the number of each sentence’s; the reader’s own come last.
 * @param {string[] | undefined} senses
 * @param {string[]} given
 * @param {string[]} added
 */
function sensesOf(senses, given, added) {
  const all = [...given.map((_, i) => senses?.[i] ?? "given"), ...added.map(() => "yours")];
  const names = [...new Set(all)];
  return { names, numbers: all.map((name) => names.indexOf(name)) };
}

/** A text whose word is strong. @param {string} text @param {string} word */
function marked(text, word) {
  const at = place(text, word);
  if (at < 0) return [text];
  const end = at + word.length;
  return [text.slice(0, at), h("strong", {}, text.slice(at, end)), text.slice(end)];
}

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

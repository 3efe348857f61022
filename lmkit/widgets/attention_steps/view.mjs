// AttentionSteps: how does one head turn numbers into attention, step by step? (chapter 6)
import { checkbox, labelled } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { Figure, present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { update } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number, percent } from "../../kit/numbers.mjs";
import { INPUTS, origins, steps } from "./steps.mjs";
import { asTable, cell, explain } from "./words.mjs";

/**
 * @typedef {import("../../kit/links.mjs").Fit} Fit
 * @typedef {import("./steps.mjs").Input} Input
 * @typedef {import("./steps.mjs").Name} Name
 * @typedef {import("./words.mjs").State} State
 * @typedef {HTMLInputElement | HTMLButtonElement} Item
 */

const GREATEST = 99; // of an entry, either way

/** @type {Record<Name, string>} */
const CAPTIONS = {
  x: "X, a row a token",
  w_q: "W^Q",
  w_k: "W^K",
  w_v: "W^V",
  q: "Q = X W^Q, what it asks",
  k: "K = X W^K, what it answers to",
  v: "V = X W^V, what it gives",
  scores: "scores = Q Kᵀ",
  shrunk: "scaled: ÷ √d",
  masked: "masked",
  weights: "weights = softmax of a row",
  output: "output = weights · V",
};

/** @type {Name[][]} */
const ROWS = [
  ["x", "w_q", "w_k", "w_v"],
  ["q", "k", "v"],
  ["scores", "shrunk", "masked"],
  ["weights", "output"],
];

const KEYS =
  "Tab goes from matrix to matrix, arrows go from cell to cell; in X and the W matrices type a number, or press the up and down arrows.";
const OUTSIDE = `A number between −${GREATEST} and ${GREATEST} goes here; until then the last one counts.`;
const SOURCE = "Computed here, by the formula of this chapter, from numbers chosen by hand.";

/** @type {Record<string, [down: number, right: number]>} */
const WAYS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** Whether a matrix has a column for each token. @param {Name} name */
const isSquare = (name) => ["scores", "shrunk", "masked", "weights"].includes(name);

/** Whether a matrix is trained: its rows belong to no token. @param {Name} name */
const isTrained = (name) => name.startsWith("w_");

/** @param {Name} name @returns {name is Input} */
const isInput = (name) => INPUTS.some((input) => input === name);

/**
 * Whether a matrix from a link has the shape of ours and entries that fit.
 * @param {Input} name
 * @returns {Fit}
 */
const matrixLike = (name) => (m, model) => {
  /** @type {number[][]} */
  const ours = model.get(name);
  const isEntry = fits.amount(-GREATEST, GREATEST);
  /** @param {any} row @param {number} i */
  const isRow = (row, i) =>
    Array.isArray(row) && row.length === ours[i].length && row.every(isEntry);
  return Array.isArray(m) && m.length === ours.length && m.every(isRow);
};

/** Whether a link's cell is there: [name, row, column]. @type {Fit} */
const cellLike = (chosen, model) => {
  if (!Array.isArray(chosen) || chosen.length !== 3) return false;
  const [name, i, j] = chosen;
  if (!Object.hasOwn(CAPTIONS, name)) return false;
  const matrix = numbersOf(stateOf(model))[/** @type {Name} */ (name)];
  return fits.count(matrix.length - 1)(i) && fits.count(matrix[i].length - 1)(j);
};

/** @param {import("../../kit/host.mjs").Model} model @returns {State} */
function stateOf(model) {
  return {
    tokens: model.get("tokens"),
    x: model.get("x"),
    w_q: model.get("w_q"),
    w_k: model.get("w_k"),
    w_v: model.get("w_v"),
    causal: model.get("causal"),
    scaled: model.get("scaled"),
  };
}

/** All matrices by their names. @param {State} state @returns {Record<Name, number[][]>} */
function numbersOf(state) {
  const { x, w_q, w_k, w_v } = state;
  return { x, w_q, w_k, w_v, ...steps(state, state) };
}

class View extends Figure {
  static link = {
    ...Object.fromEntries(INPUTS.map((name) => [name, matrixLike(name)])),
    causal: fits.flag,
    scaled: fits.flag,
    chosen: cellLike,
  };

  /** @param {import("../../kit/host.mjs").Model} model */
  constructor(model) {
    super(model, {
      title: "How does one head compute what a token takes from the others?",
      menu: [["Download data (CSV)", () => this.data()]],
      keys: KEYS,
      rows: () => asTable(stateOf(model), this.row),
    });
    this.row = 0; // of the last cell chosen that belongs to a token
    this.boxes = {
      causal: checkbox((causal) => update(model, { causal })),
      scaled: checkbox((scaled) => update(model, { scaled })),
    };
    /** @type {Map<Name, Item[][]>} */
    this.items = new Map(ROWS.flat().map((name) => [name, this.itemsOf(name)]));
    this.build();
    this.watch([...INPUTS, "causal", "scaled", "chosen"], () => this.show());
    this.show();
  }

  // -------------------------------------------------------------- its parts

  build() {
    this.frame.controls.append(
      labelled("Causal mask", this.boxes.causal),
      labelled("Divide by √d", this.boxes.scaled),
    );
    for (const names of ROWS) {
      const matrices = names.map((name) => this.matrix(name));
      this.frame.view.append(h("div", { class: "lmk-steps-row" }, ...matrices));
    }
    this.frame.source.textContent = SOURCE;
  }

  /** A cell for each number of a matrix. @param {Name} name @returns {Item[][]} */
  itemsOf(name) {
    const matrix = numbersOf(stateOf(this.model))[name];
    return matrix.map((row, i) =>
      row.map((_, j) => (isInput(name) ? this.input(name, i, j) : this.button(name, i, j))),
    );
  }

  /** @param {Name} name */
  matrix(name) {
    const tokens = isTrained(name) ? [] : this.model.get("tokens");
    const head = isSquare(name) ? [headRow(tokens)] : [];
    const rows = this.itemsFor(name).map((items, i) => tableRow(tokens[i], items));
    const onkeydown = (/** @type {KeyboardEvent} */ event) => this.move(name, event);
    const grid = h("table", { onkeydown }, caption(CAPTIONS[name]), ...head, ...rows);
    return h("div", { class: `lmk-steps lmk-scroll lmk-steps-${name}` }, grid);
  }

  /** @param {Name} name */
  itemsFor(name) {
    return this.items.get(name) ?? [];
  }

  /** A cell's name for a screen reader. @param {Name} name @param {number} i @param {number} j */
  label(name, i, j) {
    const tokens = this.model.get("tokens");
    const row = isTrained(name) ? `row ${i + 1}` : tokens[i];
    const column = isSquare(name) ? tokens[j] : `column ${j + 1}`;
    return `${CAPTIONS[name].split(/[ ,:]/)[0]}, ${row}, ${column}`;
  }

  /** @param {Input} name @param {number} i @param {number} j */
  input(name, i, j) {
    const input = h("input", {
      type: "number",
      step: 0.5,
      min: -GREATEST,
      max: GREATEST,
      "aria-label": this.label(name, i, j),
      class: "lmk-step",
      onfocus: () => this.choose(name, i, j),
      oninput: () => this.edit(name, i, j, input),
    });
    return input;
  }

  /** @param {Name} name @param {number} i @param {number} j */
  button(name, i, j) {
    const choose = () => this.choose(name, i, j);
    return h("button", {
      type: "button",
      class: "lmk-step",
      tabindex: i || j ? -1 : 0,
      onfocus: choose,
      onclick: choose,
    });
  }

  // --------------------------------------------------------- what changes it

  /** @param {Name} name @param {number} i @param {number} j */
  choose(name, i, j) {
    const [was, r, c] = this.model.get("chosen");
    if (was !== name || r !== i || c !== j) update(this.model, { chosen: [name, i, j] });
  }

  /**
   * Take what is typed, if it is a number that fits.
   * @param {Input} name
   * @param {number} i
   * @param {number} j
   * @param {HTMLInputElement} field
   */
  edit(name, i, j, field) {
    const value = field.valueAsNumber;
    const isGood = Math.abs(value) <= GREATEST;
    field.setAttribute("aria-invalid", String(!isGood));
    if (!isGood) {
      this.frame.say(OUTSIDE);
      return;
    }
    const matrix = stateOf(this.model)[name].map((row) => [...row]);
    matrix[i][j] = value;
    update(this.model, { [name]: matrix });
  }

  /**
   * Arrows within a matrix; in a number's field they are the field's own.
   * @param {Name} name
   * @param {KeyboardEvent} event
   */
  move(name, event) {
    const way = WAYS[event.key];
    if (!way || isInput(name)) return;
    const items = this.itemsFor(name);
    const here = /** @type {Item} */ (event.target);
    const i = items.findIndex((row) => row.includes(here));
    const j = items[i]?.indexOf(here);
    const next = items[i + way[0]]?.[j + way[1]];
    if (!next) return;
    event.preventDefault();
    for (const item of items.flat()) item.tabIndex = item === next ? 0 : -1;
    next.focus();
  }

  // ----------------------------------------------------------- what it shows

  show() {
    const state = stateOf(this.model);
    const numbers = numbersOf(state);
    this.each((item, name, i, j) => this.paint(item, name, i, j, numbers[name][i][j]));
    this.boxes.causal.checked = state.causal;
    this.boxes.scaled.checked = state.scaled;
    const [name, i, j] = this.model.get("chosen");
    this.mark(name, i, j);
    if (!isTrained(name)) this.row = i;
    this.frame.say(explain(state, name, i, j));
  }

  /**
   * Call `fn` with every cell.
   * @param {(item: Item, name: Name, i: number, j: number) => void} fn
   */
  each(fn) {
    for (const [name, rows] of this.items)
      for (const [i, row] of rows.entries())
        for (const [j, item] of row.entries()) fn(item, name, i, j);
  }

  /**
   * @param {Item} item
   * @param {Name} name
   * @param {number} i
   * @param {number} j
   * @param {number} value
   */
  paint(item, name, i, j, value) {
    if (item instanceof HTMLInputElement) {
      fillIn(item, value);
      return;
    }
    const text = name === "weights" ? percent(value) : cell(value);
    item.textContent = text;
    item.setAttribute("aria-label", `${this.label(name, i, j)}: ${text}`);
    if (name === "weights") item.style.setProperty("--share", String(value));
  }

  /**
   * Mark the chosen cell, and those that it was made from.
   * @param {Name} name
   * @param {number} i
   * @param {number} j
   */
  mark(name, i, j) {
    const from = origins(name, i, j);
    this.each((item, other, r, c) => {
      const isFrom = from.some(
        ([step, row, column]) => step === other && (row ?? r) === r && (column ?? c) === c,
      );
      item.classList.toggle("lmk-step-from", isFrom);
      item.classList.toggle("lmk-chosen", other === name && r === i && c === j);
    });
  }

  data() {
    const numbers = numbersOf(stateOf(this.model));
    const lines = ROWS.flat().flatMap((name) =>
      numbers[name].flatMap((row, i) =>
        row.map((value, j) => [name, i + 1, j + 1, Number.isFinite(value) ? number(value) : "−∞"]),
      ),
    );
    const head = ["matrix", "row", "column", "value"];
    download("attention-steps.csv", csv([head, ...lines]), "text/csv");
  }
}

/** A caption with its raised letters. @param {string} text */
const caption = (text) =>
  h("caption", {}, ...text.split(/\^(\w)/).map((part, k) => (k % 2 ? h("sup", {}, part) : part)));

/** @param {string[]} tokens */
const headRow = (tokens) =>
  h("tr", {}, h("td"), ...tokens.map((token) => h("th", { scope: "col" }, token)));

/** @param {string | undefined} token that the row belongs to, if any @param {Item[]} items */
const tableRow = (token, items) =>
  h(
    "tr",
    {},
    token === undefined ? null : h("th", { scope: "row" }, token),
    ...items.map((item) => h("td", {}, item)),
  );

/**
 * Write a number into its field, unless it is just being typed there.
 * @param {HTMLInputElement} field
 * @param {number} value
 */
function fillIn(field, value) {
  if (document.activeElement !== field || field.valueAsNumber !== value)
    field.value = String(value);
  field.setAttribute("aria-invalid", "false");
}

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

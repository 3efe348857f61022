// AttentionSteps: how does one head turn numbers into attention, step by step? (chapter 6)
import { labelled } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { frame } from "../../kit/frame.mjs";
import { update, watch } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number, percent } from "../../kit/numbers.mjs";
import { quoted } from "../../kit/tokens.mjs";

export const GREATEST = 99;
const INPUTS = ["x", "w_q", "w_k", "w_v"];

const product = (a, b) =>
  a.map((row) => b[0].map((_, j) => row.reduce((sum, p, k) => sum + p * b[k][j], 0)));
const flipped = (a) => a[0].map((_, j) => a.map((row) => row[j]));

/** The softmax of a row in which −∞ may stand; its greatest entry is finite. */
function shares(row) {
  const top = Math.max(...row);
  const powers = row.map((z) => Math.exp(z - top));
  const sum = powers.reduce((total, p) => total + p, 0);
  return powers.map((p) => p / sum);
}

/**
 * Every step of softmax(QKᵀ/√d + mask)V, as lmkit's `AttentionSteps.steps`.
 * @returns {Record<string, number[][]>}
 */
export function steps({ x, w_q, w_k, w_v }, { causal = true, scaled = true } = {}) {
  const [q, k, v] = [w_q, w_k, w_v].map((w) => product(x, w));
  const scores = product(q, flipped(k));
  const root = scaled ? Math.sqrt(q[0].length) : 1;
  const shrunk = scores.map((row) => row.map((z) => z / root));
  const masked = shrunk.map((row, i) => row.map((z, j) => (causal && j > i ? -Infinity : z)));
  const weights = masked.map(shares);
  return { q, k, v, scores, shrunk, masked, weights, output: product(weights, v) };
}

/** A number of a cell: two decimals at the most, a real minus. */
export const cell = (z) =>
  Number.isFinite(z)
    ? String(Math.abs(z) < 0.005 ? 0 : Number(z.toFixed(2))).replace("-", "−")
    : "−∞";

const sum = (a, b) => a.map((p, k) => `${cell(p)} · ${cell(b[k])}`).join(" + ");

/** Where a cell comes from: the cells of earlier steps, as [step, row, column] with null for all. */
export function origins(step, i, j) {
  const of = {
    q: [
      ["x", i, null],
      ["w_q", null, j],
    ],
    k: [
      ["x", i, null],
      ["w_k", null, j],
    ],
    v: [
      ["x", i, null],
      ["w_v", null, j],
    ],
  };
  const later = {
    scores: [
      ["q", i, null],
      ["k", j, null],
    ],
    shrunk: [["scores", i, j]],
    masked: [["shrunk", i, j]],
    weights: [["masked", i, null]],
    output: [
      ["weights", i, null],
      ["v", null, j],
    ],
  };
  return { ...of, ...later }[step] ?? [];
}

/** How a cell was computed, in a sentence with its numbers. */
export function explain(state, step, i, j) {
  const { tokens, x, causal, scaled } = state;
  const all = steps(state, { causal, scaled });
  const [who, whom] = [quoted(tokens[i] ?? ""), quoted(tokens[j] ?? "")];
  const value = cell((all[step] ?? state[step])[i][j]);
  const d = all.q[0].length;
  switch (step) {
    case "x":
      return `Entry ${j + 1} of the vector of ${who} is ${value}. Change it, and watch it flow.`;
    case "w_q":
    case "w_k":
    case "w_v":
      return `Row ${i + 1}, column ${j + 1} of ${NAMES[step]} is ${value}: how much entry ${i + 1} of a token's vector adds to entry ${j + 1} of its ${ROLES[step.at(-1)]}.`;
    case "q":
    case "k":
    case "v":
      return `The ${ROLES[step]} of ${who}, entry ${j + 1}: ${sum(
        x[i],
        state[`w_${step}`].map((row) => row[j]),
      )} = ${value}.`;
    case "scores":
      return `How well the key of ${whom} answers the query of ${who}: ${sum(all.q[i], all.k[j])} = ${value}.`;
    case "shrunk":
      return scaled
        ? `${cell(all.scores[i][j])} divided by √${d} = ${cell(Math.sqrt(d))} is ${value}.`
        : `Nothing is divided here: ${value} stays.`;
    case "masked":
      return value === "−∞"
        ? `${whom} comes after ${who}: the mask puts −∞ here, and e to that power is 0.`
        : `${who} may look at ${whom}: ${value} stays.`;
    case "weights":
      return weighed(all.masked[i], j, who, whom, all.weights[i][j]);
    default:
      return `What ${who} takes, entry ${j + 1}: ${sum(
        all.weights[i],
        all.v.map((row) => row[j]),
      )} = ${value}.`;
  }
}

function weighed(row, j, who, whom, share) {
  const power = (z) => `e^${cell(z)}`;
  const seen = row.filter(Number.isFinite);
  if (!Number.isFinite(row[j])) return `${who} gives ${whom} nothing: the mask hides it.`;
  return `${who} gives ${whom} ${power(row[j])} / (${seen.map(power).join(" + ")}) = ${percent(share)} of its attention.`;
}

/** How one token comes to its output, a row for each token that it looks at: caption, head, rows. */
export function asTable(state, i) {
  const { tokens, causal, scaled } = state;
  const { scores, shrunk, masked, weights, v, output } = steps(state, { causal, scaled });
  const vector = (row) => `(${row.map(cell).join(", ")})`;
  const rows = tokens.map((token, j) => [
    token,
    ...[scores, shrunk, masked].map((m) => cell(m[i][j])),
    percent(weights[i][j]),
    vector(v[j]),
  ]);
  const head = ["looks at", "score", scaled ? "÷ √d" : "not scaled", "masked", "weight", "value"];
  return [
    `What ${quoted(tokens[i])} takes: the values, each times its weight, add up to ${vector(output[i])}.`,
    head,
    rows,
  ];
}

const NAMES = { w_q: "W^Q", w_k: "W^K", w_v: "W^V" };
const ROLES = { q: "query", k: "key", v: "value" };
const CAPTIONS = {
  x: "X, a row a token",
  ...NAMES,
  q: "Q = X W^Q, what it asks",
  k: "K = X W^K, what it answers to",
  v: "V = X W^V, what it gives",
  scores: "scores = Q Kᵀ",
  shrunk: "scaled: ÷ √d",
  masked: "masked",
  weights: "weights = softmax of a row",
  output: "output = weights · V",
};
const ROWS = [
  ["x", "w_q", "w_k", "w_v"],
  ["q", "k", "v"],
  ["scores", "shrunk", "masked"],
  ["weights", "output"],
];
const SQUARE = ["scores", "shrunk", "masked", "weights"];
/** A caption with its raised letters. */
const caption = (text) =>
  h("caption", {}, ...text.split(/\^(\w)/).map((part, k) => (k % 2 ? h("sup", {}, part) : part)));

const KEYS =
  "Tab goes from matrix to matrix, arrows go from cell to cell; in X and the W matrices type a number, or press the up and down arrows.";

/** Whether a matrix from a link has the shape of ours and entries that fit. */
const matrixLike = (name) => (m, model) => {
  const ours = model.get(name);
  const row = (cells, i) =>
    Array.isArray(cells) &&
    cells.length === ours[i].length &&
    cells.every(fits.amount(-GREATEST, GREATEST));
  return Array.isArray(m) && m.length === ours.length && m.every(row);
};

/** Whether a link's cell is there: [step, row, column]. */
function cellLike(chosen, model) {
  if (!Array.isArray(chosen) || chosen.length !== 3) return false;
  const state = Object.fromEntries(INPUTS.map((name) => [name, model.get(name)]));
  const all = { ...state, ...steps(state) };
  return Object.hasOwn(all, chosen[0]) && all[chosen[0]][chosen[1]]?.[chosen[2]] !== undefined;
}

class View {
  static link = {
    ...Object.fromEntries(INPUTS.map((name) => [name, matrixLike(name)])),
    causal: fits.flag,
    scaled: fits.flag,
    chosen: cellLike,
  };

  constructor(model) {
    this.model = model;
    this.frame = frame({
      title: "How does one head compute what a token takes from the others?",
      menu: [["Download data (CSV)", () => this.data()]],
      keys: KEYS,
      rows: () => asTable(this.state(), this.row),
    });
    this.cells = {};
    this.row = 0; // of the last cell chosen that belongs to a token
    this.controls();
    this.frame.view.append(
      ...ROWS.map((names) =>
        h("div", { class: "lmk-steps-row" }, ...names.map((name) => this.matrix(name))),
      ),
    );
    this.frame.source.textContent =
      "Computed here, by the formula of this chapter, from numbers chosen by hand.";
    this.stop = watch(model, [...INPUTS, "causal", "scaled", "chosen"], () => this.show());
    this.show();
  }

  controls() {
    const box = (name) =>
      h("input", {
        type: "checkbox",
        onchange: (event) => update(this.model, { [name]: event.target.checked }),
      });
    this.boxes = { causal: box("causal"), scaled: box("scaled") };
    this.frame.controls.append(
      labelled("Causal mask", this.boxes.causal),
      labelled("Divide by √d", this.boxes.scaled),
    );
  }

  state() {
    return Object.fromEntries(
      ["tokens", ...INPUTS, "causal", "scaled"].map((name) => [name, this.model.get(name)]),
    );
  }

  matrix(name) {
    const state = this.state();
    const values = state[name] ?? steps(state)[name];
    const tokens = name.startsWith("w_") ? [] : state.tokens;
    const head = SQUARE.includes(name)
      ? [h("tr", {}, h("td", {}), ...tokens.map((token) => h("th", { scope: "col" }, token)))]
      : [];
    this.cells[name] = values.map((row, i) =>
      row.map((_, j) => (INPUTS.includes(name) ? this.input(name, i, j) : this.button(name, i, j))),
    );
    const body = this.cells[name].map((row, i) =>
      h(
        "tr",
        {},
        tokens.length ? h("th", { scope: "row" }, tokens[i]) : null,
        ...row.map((item) => h("td", {}, item)),
      ),
    );
    const grid = h(
      "table",
      { onkeydown: (event) => this.move(name, event) },
      caption(CAPTIONS[name]),
      ...head,
      ...body,
    );
    return h("div", { class: `lmk-steps lmk-scroll lmk-steps-${name}` }, grid);
  }

  label(name, i, j) {
    const { tokens } = this.state();
    const column = SQUARE.includes(name) ? tokens[j] : `column ${j + 1}`;
    return `${CAPTIONS[name].split(/[ ,:]/)[0]}, ${name.startsWith("w_") ? `row ${i + 1}` : tokens[i]}, ${column}`;
  }

  input(name, i, j) {
    const choose = () => this.choose(name, i, j);
    const oninput = (event) => this.edit(name, i, j, event.target);
    return h("input", {
      type: "number",
      step: 0.5,
      min: -GREATEST,
      max: GREATEST,
      "aria-label": this.label(name, i, j),
      class: "lmk-step",
      onfocus: choose,
      oninput,
    });
  }

  button(name, i, j) {
    return h("button", {
      type: "button",
      class: "lmk-step",
      tabindex: i || j ? -1 : 0,
      onfocus: () => this.choose(name, i, j),
      onclick: () => this.choose(name, i, j),
    });
  }

  choose(name, i, j) {
    const [was, r, c] = this.model.get("chosen");
    if (was !== name || r !== i || c !== j) update(this.model, { chosen: [name, i, j] });
  }

  edit(name, i, j, field) {
    const value = field.valueAsNumber;
    const good = Math.abs(value) <= GREATEST;
    field.setAttribute("aria-invalid", String(!good));
    if (!good)
      return this.frame.say(
        `A number between −${GREATEST} and ${GREATEST} goes here; until then the last one counts.`,
      );
    update(this.model, {
      [name]: this.model
        .get(name)
        .map((row, r) => (r === i ? row.map((z, c) => (c === j ? value : z)) : row)),
    });
  }

  show() {
    const state = this.state();
    const all = { ...state, ...steps(state, state) };
    for (const [name, cells] of Object.entries(this.cells))
      cells.forEach((row, i) =>
        row.forEach((item, j) => this.paint(name, item, all[name][i][j], i, j)),
      );
    for (const [name, box] of Object.entries(this.boxes)) box.checked = state[name];
    const [name, i, j] = this.model.get("chosen");
    this.mark(name, i, j);
    if (!name.startsWith("w_")) this.row = i;
    this.frame.say(explain(state, name, i, j));
  }

  paint(name, item, value, i, j) {
    if (INPUTS.includes(name)) {
      if (document.activeElement !== item || item.valueAsNumber !== value) item.value = value;
      return item.setAttribute("aria-invalid", "false");
    }
    const text = name === "weights" ? percent(value) : cell(value);
    item.textContent = text;
    item.setAttribute("aria-label", `${this.label(name, i, j)}: ${text}`);
    if (name === "weights") item.style.setProperty("--share", value);
  }

  /** Mark the chosen cell, and those that it was made from. */
  mark(name, i, j) {
    const from = origins(name, i, j);
    const isFrom = (other, r, c) =>
      from.some(
        ([step, row, column]) =>
          step === other && (row === null || row === r) && (column === null || column === c),
      );
    for (const [other, cells] of Object.entries(this.cells)) {
      cells.forEach((row, r) =>
        row.forEach((item, c) => {
          item.classList.toggle("lmk-step-from", isFrom(other, r, c));
          item.classList.toggle("lmk-chosen", other === name && r === i && c === j);
        }),
      );
    }
  }

  /** Arrows within a matrix; in a number's field up and down are the field's own. */
  move(name, event) {
    const way = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[
      event.key
    ];
    if (!way || INPUTS.includes(name)) return;
    const cells = this.cells[name];
    const i = cells.findIndex((row) => row.includes(event.target));
    const next = i < 0 ? null : cells[i + way[0]]?.[cells[i].indexOf(event.target) + way[1]];
    if (!next) return;
    event.preventDefault();
    cells.flat().forEach((item) => (item.tabIndex = item === next ? 0 : -1));
    next.focus();
  }

  close() {
    this.stop();
  }

  data() {
    const state = this.state();
    const all = { ...state, ...steps(state, state) };
    const lines = ROWS.flat().flatMap((name) =>
      all[name].flatMap((row, i) =>
        row.map((value, j) => [name, i + 1, j + 1, Number.isFinite(value) ? number(value) : "−∞"]),
      ),
    );
    download(
      "attention-steps.csv",
      csv([["matrix", "row", "column", "value"], ...lines]),
      "text/csv",
    );
  }
}

const render = (host) => present(View, host);

export default { render };

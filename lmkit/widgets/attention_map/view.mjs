// AttentionMap: which tokens does each token look at? (chapter 6)
import { unpacked } from "../../kit/bytes.mjs";
import { checkbox, choice, labelled, textField } from "../../kit/controls.mjs";
import { h, scroller, svg } from "../../kit/dom.mjs";
import { AskingFigure, present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { ask, canAsk, update } from "../../kit/host.mjs";
import { fits, storedOrLive } from "../../kit/links.mjs";
import { number, percent } from "../../kit/numbers.mjs";
import { chip, face, named, visible } from "../../kit/tokens.mjs";
import { effectFace, effectReading } from "./effect.mjs";
import { greatest, listed, reading, rows, withoutFirst } from "./maps.mjs";
import { Overview } from "./overview.mjs";

/**
 * @typedef {import("../../kit/links.mjs").Fit} Fit
 * @typedef {import("./effect.mjs").Effect} Effect
 * @typedef {import("./maps.mjs").Maps} Maps
 * @typedef {import("./maps.mjs").Matrix} Matrix
 * @typedef {import("./maps.mjs").Token} Token
 *
 * A head to jump to; `text` is that which it was found on, if any.
 * @typedef {{label: string, layer: number, head: number, score: number, text?: string}} Jump
 *
 * @typedef {Maps & {text: string}} Stored
 * @typedef {Stored & {bytes: Uint8Array}} Shown
 * @typedef {{text: string, layer: number, head: number, lines: boolean, hide_first: boolean,
 *   off: boolean}} State
 */

const NOT_ONE = "Choose one head to switch it off: the mean is not a head.";
const NOT_STORED =
  "What happens without this head is stored only for the heads found: choose one of them, or load the model.";

const KEYS =
  "Tab goes through the controls; up and down arrows go from token to token; Enter holds a token, Escape lets go.";

/** @type {[value: string, text: string][]} */
const VIEWS = [
  ["", "matrix"],
  ["1", "lines"],
];

/** @type {Shown} */
const NOTHING = { text: "", tokens: [], shape: [0, 0, 0], weights: "", bytes: new Uint8Array() };

/** @type {Fit} */
const isLayer = (layer, model) => fits.count(model.get("maps")[0].shape[0] - 1)(layer);

/** @type {Fit} */
const isHead = (head, model) => head === -1 || fits.count(model.get("maps")[0].shape[1] - 1)(head);

/** @extends {AskingFigure<Maps>} */
class View extends AskingFigure {
  static kind = "attention";
  static link = {
    text: storedOrLive("maps", "attention"),
    layer: isLayer,
    head: isHead,
    lines: fits.flag,
    hide_first: fits.flag,
    off: fits.flag,
  };

  map = NOTHING;
  /** @type {Matrix} the shares of the head shown */
  matrix = [];
  held = -1; // the token that stays lit when the pointer goes, −1 for none
  waits = true; // for the map of the text
  due = false; // something has changed and is not painted yet
  closed = false;
  effectTurn = 0;
  gone = ""; // what the head switched off did, in a sentence

  /** @param {import("../../kit/host.mjs").Model} model */
  constructor(model) {
    super(model, {
      title: "Which tokens does each token look at?",
      menu: [["Download data (CSV)", () => this.data()]],
      keys: KEYS,
      rows: () => this.rows(),
    });
    const { field, input } = this.field();
    this.input = input;
    this.jumps = this.found().map((found) => this.jump(found));
    this.knobs = this.makeKnobs();
    this.main = this.mainPart();
    this.after = h("div", { class: "lmk-after" });
    this.overview = new Overview((layer, head) => update(model, { layer, head }));
    this.build(field);
    this.atClose(() => {
      this.closed = true;
    });
    this.watch(["text"], () => this.refresh());
    this.watch(["layer", "head", "lines", "hide_first", "off"], () => this.soon());
    this.refresh();
  }

  // -------------------------------------------------------------- its parts

  /** @returns {Stored[]} */
  maps() {
    return this.model.get("maps");
  }

  /** @returns {(Effect & {text: string, layer: number, head: number})[]} */
  effects() {
    return this.model.get("effects");
  }

  /** @returns {Jump[]} */
  found() {
    return this.model.get("heads");
  }

  field() {
    const texts = this.maps().map(({ text }) => text);
    return textField("Text", texts, this.live, (text) => {
      if (text !== this.model.get("text")) update(this.model, { text });
    });
  }

  /** A button that goes to a head that was found. @param {Jump} found */
  jump({ label, layer, head, score, text }) {
    const go = () => update(this.model, { layer, head, ...(text !== undefined && { text }) });
    const look = {
      class: "lmk-jump",
      title: `layer ${layer}, head ${head}`,
      "data-at": `${layer} ${head}`,
    };
    const said = h("small", {}, score.toFixed(2));
    return h("button", { type: "button", ...look, onclick: go }, `${label} `, said);
  }

  makeKnobs() {
    const { model } = this;
    const [nLayer, nHead] = this.maps()[0].shape;
    return {
      layer: choice(numbers(nLayer), 0, (k) => update(model, { layer: Number(k) })),
      head: choice([[-1, "mean"], ...numbers(nHead)], 0, (k) => update(model, { head: Number(k) })),
      lines: choice(VIEWS, "", (k) => update(model, { lines: Boolean(k) })),
      hide: checkbox((hide_first) => update(model, { hide_first })),
      off: checkbox((off) => update(model, { off })),
    };
  }

  mainPart() {
    return scroller("The attention of one head", {
      class: "lmk-map",
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.move(event),
      onpointerleave: () => this.light(this.held),
    });
  }

  /** @param {HTMLElement} field of the text, which another figure may give instead */
  build(field) {
    const { layer, head, lines, hide, off } = this.knobs;
    this.frame.controls.append(
      ...(this.model.get("linked") ? [] : [field]),
      ...(this.jumps.length ? [jumpGroup(this.jumps)] : []),
      labelled("Layer", layer),
      labelled("Head", head),
      labelled("View", lines),
      labelled("Hide the start", hide),
      ...(this.canSwitch() ? [labelled("Switch this head off", off)] : []),
    );
    const look = h("div", { class: "lmk-look" }, this.main, this.after);
    this.frame.view.append(h("div", { class: "lmk-attention" }, look, this.overview.box));
  }

  canSwitch() {
    return canAsk(this.model, "ablate") || this.effects().length > 0;
  }

  // ----------------------------------------------------------- what it shows

  stored() {
    return this.maps().find(({ text }) => text === this.model.get("text"));
  }

  request() {
    return { kind: View.kind, text: this.model.get("text") };
  }

  missing() {
    return "This text is not stored with the chapter: choose another.";
  }

  refresh() {
    this.sync();
    this.waits = true;
    return super.refresh();
  }

  /** @param {Maps} map */
  show(map) {
    this.map = { ...map, text: this.model.get("text"), bytes: unpacked(map.weights) };
    this.waits = false;
    this.held = -1;
    this.soon();
  }

  /** The last map stays, if there was one. @param {Error} error */
  fail(error) {
    this.waits = this.map === NOTHING;
    super.fail(error);
  }

  /** Paint once for all that changes now: a jump changes layer, head and text. */
  soon() {
    this.sync();
    if (this.due) return;
    this.due = true;
    queueMicrotask(() => {
      this.due = false;
      if (this.waits || this.closed) return; // the map comes first, and then this
      this.gone = "";
      this.paint();
      this.affect();
    });
  }

  /** The controls as the model's state has them. */
  sync() {
    const { text, layer, head, lines, hide_first, off } = this.state();
    if (document.activeElement !== this.input) this.input.value = text;
    this.knobs.layer.value = String(layer);
    this.knobs.head.value = String(head);
    this.knobs.lines.value = lines ? "1" : "";
    this.knobs.hide.checked = hide_first;
    this.knobs.off.checked = off;
    for (const button of this.jumps)
      button.setAttribute("aria-pressed", String(button.dataset.at === `${layer} ${head}`));
  }

  /** @returns {State} */
  state() {
    const { model } = this;
    return {
      text: model.get("text"),
      layer: model.get("layer"),
      head: model.get("head"),
      lines: model.get("lines"),
      hide_first: model.get("hide_first"),
      off: model.get("off"),
    };
  }

  paint() {
    const { layer, head, lines, hide_first } = this.state();
    const matrix = rows(this.map, layer, head);
    this.matrix = hide_first ? withoutFirst(matrix) : matrix;
    this.overview.paint(this.map, layer, head);
    this.main.replaceChildren(lines ? this.linesFace() : this.matrixFace());
    this.light(this.held);
  }

  // ---------------------------------------------------------- without a head

  /** Show what comes next without the head, if it is switched off; the newest turn wins. */
  async affect() {
    this.effectTurn += 1;
    const turn = this.effectTurn;
    const { layer, head, off } = this.state();
    if (!off) return this.tell("");
    try {
      const effect = await this.effect(layer, head);
      if (turn !== this.effectTurn) return;
      this.tell(effectReading(effect, layer, head), effectFace(effect, layer, head));
    } catch (error) {
      if (turn === this.effectTurn && error instanceof Error && error.name !== "AbortError")
        this.tell(error.message);
    }
  }

  /**
   * What is stored of a head, or what the model at hand says.
   * @param {number} layer
   * @param {number} head
   * @returns {Promise<Effect>}
   */
  async effect(layer, head) {
    if (head < 0) throw new Error(NOT_ONE);
    const { text } = this.map;
    const stored = this.effects().find(
      (one) => one.text === text && one.layer === layer && one.head === head,
    );
    if (!stored && !canAsk(this.model, "ablate")) throw new Error(NOT_STORED);
    return stored ?? ask(this.model, { kind: "ablate", text, layer, head });
  }

  /** @param {string} gone what the head did, in a sentence @param {...Node} faces */
  tell(gone, ...faces) {
    this.gone = gone;
    this.after.replaceChildren(...faces);
    this.light(this.held);
  }

  // -------------------------------------------------------- matrix and lines

  /** A token that can be pointed at and held. @param {Token} token @param {number} at */
  label(token, at) {
    return chip(face(token), "button", {
      "aria-pressed": "false",
      onfocus: () => this.light(at),
      onpointerenter: () => this.light(at),
      onclick: () => this.hold(at),
    });
  }

  matrixFace() {
    const { tokens } = this.map;
    const lines = tokens.flatMap((token, r) => {
      const label = this.label(token, r);
      label.style.gridRow = String(r + 1);
      return [label, ...this.matrix[r].map((share, c) => this.cell(share, r, c))];
    });
    return h("div", { class: "lmk-matrix", style: `--n:${tokens.length}` }, ...lines);
  }

  /** @param {number} share @param {number} r @param {number} c */
  cell(share, r, c) {
    const { tokens } = this.map;
    return h("span", {
      class: "lmk-cell",
      style: `--share:${share.toFixed(3)};grid-column:${c + 2};grid-row:${r + 1}`,
      title: `${visible(tokens[r].t)} → ${visible(tokens[c].t)}: ${percent(share)}`,
      onpointerenter: () => this.light(r, c),
    });
  }

  /** Two columns of tokens, a line for each weight: bertviz's view, in the book's ink. */
  linesFace() {
    const { tokens } = this.map;
    const labels = tokens.map((token, at) => this.label(token, at));
    const chips = tokens.map((token) => chip(face(token)));
    return h(
      "div",
      { class: "lmk-pair" },
      h("div", { class: "lmk-column" }, ...labels),
      linesBetween(this.matrix),
      h("div", { class: "lmk-column" }, ...chips),
    );
  }

  /**
   * Light up a token's row, and say where it looks; with −1 the whole.
   * @param {number} at
   * @param {number} [cell] a column of the row
   */
  light(at, cell = -1) {
    if (this.map === NOTHING) return;
    this.main.querySelectorAll("button").forEach((button, r) => {
      button.setAttribute("aria-pressed", String(r === this.held));
    });
    this.main.querySelectorAll(".lmk-matrix > button").forEach((button, r) => {
      button.classList.toggle("lmk-chosen", r === at);
    });
    for (const line of this.main.querySelectorAll("line"))
      line.classList.toggle("lmk-faint", at >= 0 && Number(line.dataset.row) !== at);
    this.frame.say(at < 0 && this.gone ? this.gone : this.seen(at, cell));
  }

  /** What is seen of a token, in a sentence or two. @param {number} at @param {number} cell */
  seen(at, cell) {
    const { map, matrix } = this;
    const { layer, head } = this.state();
    const which = head < 0 ? "mean over heads" : `head ${head}`;
    const one = cell < 0 ? "" : cellReading(map.tokens, matrix, at, cell);
    return `Layer ${layer}, ${which}: ${one}${reading(map.tokens, matrix, at)}`;
  }

  /** Hold a token, or let go of it. @param {number} at */
  hold(at) {
    this.held = this.held === at ? -1 : at;
    this.light(at);
  }

  letGo() {
    this.held = -1;
    this.light(-1);
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    if (event.key === "Escape") this.letGo();
    else if (event.key === "ArrowDown") this.go(1);
    else if (event.key === "ArrowUp") this.go(-1);
    else return;
    event.preventDefault();
  }

  /** Go some tokens down. @param {number} step */
  go(step) {
    const buttons = [...this.main.querySelectorAll("button")];
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    buttons[Math.min(buttons.length - 1, Math.max(0, at + step))]?.focus();
  }

  // ------------------------------------------------------- what is taken away

  /** @returns {import("../../kit/table.mjs").TableSpec} */
  rows() {
    const { tokens } = this.map;
    const lines = this.matrix.map((row, r) => [
      visible(tokens[r].t),
      listed(greatest(row, 3), tokens),
    ]);
    return ["Where each token looks most", ["token", "looks at"], lines];
  }

  data() {
    const { tokens } = this.map;
    const head = ["row", "token", "column", "looks at", "weight"];
    const lines = this.matrix.flatMap((row, r) =>
      row.map((share, c) => [r, tokens[r].t, c, tokens[c].t, number(share)]),
    );
    download("attention.csv", csv([head, ...lines]), "text/csv");
  }
}

/** Options from 0 to n − 1. @param {number} n @returns {[value: number, text: string][]} */
const numbers = (n) => Array.from({ length: n }, (_, k) => [k, String(k)]);

/** @param {HTMLElement[]} jumps */
const jumpGroup = (jumps) =>
  h(
    "div",
    { class: "lmk-jumps", role: "group", "aria-label": "Heads found, with their scores" },
    ...jumps,
  );

/**
 * What one cell shows.
 * @param {Token[]} tokens
 * @param {Matrix} matrix
 * @param {number} r
 * @param {number} c
 */
const cellReading = (tokens, matrix, r, c) =>
  `${named(tokens[r])} gives ${percent(matrix[r][c])} of its attention to ${named(tokens[c])}. `;

const LINE = 30; // pixels from one token to the next

/** @param {Matrix} matrix */
function linesBetween(matrix) {
  const tall = matrix.length * LINE;
  const lines = matrix.flatMap((row, r) =>
    row.flatMap((share, c) => (share >= 0.01 ? [line(r, c, share)] : [])),
  );
  const look = { class: "lmk-lines", "aria-hidden": "true", style: `height:${tall}px` };
  return svg("svg", { viewBox: `0 0 200 ${tall}`, ...look }, ...lines);
}

/** @param {number} r @param {number} c @param {number} share */
const line = (r, c, share) =>
  svg("line", {
    x1: 0,
    y1: (r + 0.5) * LINE,
    x2: 200,
    y2: (c + 0.5) * LINE,
    style: `opacity:${share}`,
    "data-row": r,
  });

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

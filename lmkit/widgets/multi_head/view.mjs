// MultiHead: what does each head of a layer take, and from where? (chapter 6)
import { unpacked } from "../../kit/bytes.mjs";
import { fitted } from "../../kit/chart.mjs";
import { labelled, slider, textField } from "../../kit/controls.mjs";
import { h, svg } from "../../kit/dom.mjs";
import { AskingFigure, present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { update } from "../../kit/host.mjs";
import { fits, storedOrLive } from "../../kit/links.mjs";
import { number, percent } from "../../kit/numbers.mjs";
import { chip, face, named } from "../../kit/tokens.mjs";
import { picture } from "./drawing.mjs";
import { heads, reading, sumOf, taken } from "./heads.mjs";

/**
 * @typedef {import("../../kit/links.mjs").Fit} Fit
 * @typedef {import("../../kit/tokens.mjs").Token} Token
 * @typedef {import("./heads.mjs").Head} Head
 * @typedef {import("./heads.mjs").Layers} Layers
 * @typedef {Layers & {text: string}} Stored
 */

const MAX_TOKENS = 24;
const NAME =
  "A panel for each head: streams from the tokens that it looks at, as wide as its attention. The line below says what is seen.";
const KEYS =
  "Tab goes through the controls; up and down arrows go from token to token, left and right ones from head to head; Escape shows all heads again.";

/** @type {Layers} */
const NOTHING = {
  tokens: [],
  shape: [0, 0, 0],
  weights: new Uint8Array(),
  width: 0,
  sizes: [],
  total: [],
};

/** @type {Fit} */
const isLayer = (layer, model) => fits.count(model.get("texts")[0].shape[0] - 1)(layer);

/** @type {Fit} */
const isToken = (token) => token === -1 || fits.count(MAX_TOKENS - 1)(token);

/** @type {Fit} */
const isHead = (head, model) => head === -1 || fits.count(model.get("texts")[0].shape[1] - 1)(head);

/** @extends {AskingFigure<Layers>} */
class View extends AskingFigure {
  static kind = "multi-head";
  static link = {
    text: storedOrLive("texts", "multi-head"),
    layer: isLayer,
    token: isToken,
    head: isHead,
  };

  /** @param {import("../../kit/host.mjs").Model} model */
  constructor(model) {
    super(model, {
      title: "What does each head of a layer take, and from where?",
      menu: [["Download data (CSV)", () => this.data()]],
      keys: KEYS,
      rows: () => this.rows(),
    });
    this.one = NOTHING;
    /** @type {Head[]} the heads of the layer shown */
    this.all = [];
    this.layer = slider({ max: this.texts()[0].shape[0] - 1 }, (layer) => update(model, { layer }));
    this.layerSaid = h("output", {});
    this.input = this.controls();
    this.tokens = this.group("lmk-multi-tokens", "The token that takes");
    this.tops = this.group("lmk-multi-heads", "Heads");
    this.labels = h("div", { class: "lmk-multi-labels", "aria-hidden": "true" });
    this.figure = this.drawing();
    this.build();
    this.watch(["text"], () => this.refresh());
    this.watch(["layer", "token"], () => this.paint());
    this.watch(["head"], () => this.mark());
    this.refresh();
  }

  // -------------------------------------------------------------- its parts

  /** @returns {Stored[]} */
  texts() {
    return this.model.get("texts");
  }

  controls() {
    const texts = this.texts().map(({ text }) => text);
    const { field, input } = textField("Text", texts, this.live, (text) => {
      if (text !== this.model.get("text")) update(this.model, { text, token: -1 });
    });
    if (this.live || texts.length > 1) this.frame.controls.append(field);
    this.frame.controls.append(labelled("Layer", this.layer, this.layerSaid));
    return input;
  }

  /** Buttons through which the arrows go. @param {string} look @param {string} name */
  group(look, name) {
    const onkeydown = (/** @type {KeyboardEvent} */ event) => this.move(event);
    return h("div", { class: look, role: "group", "aria-label": name, onkeydown });
  }

  drawing() {
    const figure = fitted(NAME, (/** @type {number} */ width) => this.draw(width));
    const { box } = figure;
    box.addEventListener("click", (event) => this.pick(headAt(event)));
    box.addEventListener("pointerover", (event) => this.mark(headAt(event)));
    box.addEventListener("pointerleave", () => this.mark());
    this.atClose(figure.close);
    return figure;
  }

  build() {
    const corner = h("div", { class: "lmk-multi-corner", "aria-hidden": "true" }, "head");
    const left = h("div", {}, corner, this.tokens, this.labels);
    const panels = h("div", { class: "lmk-multi-panels" }, this.tops, this.figure.box);
    this.frame.view.append(h("div", { class: "lmk-multi" }, left, panels));
  }

  // ----------------------------------------------------------- what it shows

  stored() {
    return this.texts().find(({ text }) => text === this.model.get("text"));
  }

  request() {
    return { kind: View.kind, text: this.model.get("text") };
  }

  missing() {
    return "This text is not stored with the chapter: choose another.";
  }

  refresh() {
    if (document.activeElement !== this.input) this.input.value = this.model.get("text");
    return super.refresh();
  }

  /** @param {Layers} one */
  show(one) {
    this.one = { ...one, weights: unpacked(one.weights) };
    this.paint();
  }

  /** The token that takes. */
  at() {
    const [n, token] = [this.one.tokens.length, this.model.get("token")];
    return token >= 0 && token < n ? token : n - 1;
  }

  paint() {
    if (this.one === NOTHING) return;
    const layer = this.model.get("layer");
    this.layer.value = layer;
    this.layerSaid.textContent = String(layer);
    this.all = heads(this.one, layer, this.at());
    this.paintButtons();
    this.paintLabels();
    this.figure.paint();
    this.mark();
  }

  /** All buttons anew; that which had the focus has it again. */
  paintButtons() {
    const { activeElement } = document;
    const held = [this.tokens, this.tops].map((group) => group.contains(activeElement));
    const tokens = this.one.tokens.map((token, k) => this.tokenButton(token, k));
    this.tokens.replaceChildren(...tokens);
    const tops = this.all.map((head, k) => this.headButton(head, k));
    this.tops.replaceChildren(...tops);
    if (held[0]) tokens[this.at()].focus();
    if (held[1]) tops[Math.max(0, this.model.get("head"))].focus();
  }

  paintLabels() {
    const lengths = ["end to end", "right angles", "their sum"].map((text) => h("span", {}, text));
    const output = h("span", {}, "W", h("sup", {}, "O"));
    this.labels.replaceChildren(h("span", {}, "Concat"), output, ...lengths);
  }

  /** @param {number} width */
  draw(width) {
    if (this.one === NOTHING) return svg("svg");
    const at = this.at();
    const total = this.one.total[this.model.get("layer")][at];
    return picture({ tokens: this.one.tokens, all: this.all, at, total, width });
  }

  /** @param {Token} token @param {number} k */
  tokenButton(token, k) {
    const at = this.at();
    const look = k === at ? " lmk-chosen" : k > at ? " lmk-multi-later" : "";
    return chip(face(token), "button", {
      class: `lmk-chip${look}`,
      tabindex: k === at ? 0 : -1,
      "aria-pressed": String(k === at),
      onclick: () => update(this.model, { token: k }),
    });
  }

  /** @param {Head} head @param {number} k */
  headButton({ shares, size, most }, k) {
    const taken = `${percent(shares[most])} from ${named(this.one.tokens[most])}`;
    const label = `head ${k}: ${taken}, adds ${number(size)}`;
    const names = { "aria-label": label, title: label };
    const onclick = () => this.pick(k);
    return h("button", { type: "button", class: "lmk-multi-top", ...names, onclick }, String(k));
  }

  // ---------------------------------------------------------------- one head

  /** Bring out the head pointed at, or chosen; say what is seen. @param {number} [pointed] */
  mark(pointed = -1) {
    if (this.one === NOTHING) return;
    const chosen = this.model.get("head");
    const head = pointed < 0 ? chosen : pointed;
    this.markButtons(chosen, head);
    for (const panel of this.figure.box.querySelectorAll("[data-head]"))
      panel.classList.toggle("lmk-multi-faint", head >= 0 && numberOf(panel) !== head);
    this.shade(head);
    this.frame.say(reading(this.one, this.model.get("layer"), this.at(), head));
  }

  /** @param {number} chosen @param {number} head the chosen one, or that pointed at */
  markButtons(chosen, head) {
    this.tops.querySelectorAll("button").forEach((button, k) => {
      button.setAttribute("aria-pressed", String(k === chosen));
      button.tabIndex = k === Math.max(0, chosen) ? 0 : -1;
      button.classList.toggle("lmk-chosen", k === head);
    });
  }

  /**
   * Give each token the shade of the head's share of it, or of the mean of all heads'.
   * @param {number} head
   */
  shade(head) {
    const some = head < 0 ? this.all : [this.all[head]];
    this.tokens.querySelectorAll("button").forEach((button, k) => {
      const share = sumOf(some.map(({ shares }) => shares[k] ?? 0)) / some.length;
      button.classList.add("lmk-shaded");
      button.style.setProperty("--share", share.toFixed(3));
    });
  }

  /** Choose a head, or all of them again. @param {number} head */
  pick(head) {
    update(this.model, { head: head === this.model.get("head") ? -1 : head });
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    const { key } = event;
    if (key === "Escape" && this.model.get("head") >= 0) update(this.model, { head: -1 });
    if (!key.startsWith("Arrow")) return;
    event.preventDefault();
    if (key === "ArrowDown") this.goToToken(this.at() + 1);
    else if (key === "ArrowUp") this.goToToken(this.at() - 1);
    else this.goToHead(this.model.get("head") + (key === "ArrowRight" ? 1 : -1));
  }

  /** @param {number} token */
  goToToken(token) {
    if (token >= 0 && token < this.one.tokens.length) update(this.model, { token });
    this.tokens.querySelectorAll("button")[this.at()].focus();
  }

  /** @param {number} head */
  goToHead(head) {
    if (head >= 0 && head < this.all.length) update(this.model, { head });
    this.tops.querySelectorAll("button")[Math.max(0, this.model.get("head"))].focus();
  }

  // ------------------------------------------------------- what is taken away

  /** @returns {import("../../kit/table.mjs").TableSpec} */
  rows() {
    const { tokens } = this.one;
    const who = named(tokens[this.at()]);
    const lines = this.all.map(({ shares, size }, k) => [
      `head ${k}`,
      taken(shares, tokens),
      number(size),
    ]);
    const caption = `Layer ${this.model.get("layer")}: what each head takes for ${who}`;
    return [caption, ["head", "takes", "length added"], lines];
  }

  /** What each head of each layer takes for the token. */
  data() {
    const { tokens, shape } = this.one;
    const at = this.at();
    const head = ["layer", "head", "token", "looks at", "weight", "length added"];
    const lines = Array.from({ length: shape[0] }, (_, layer) =>
      heads(this.one, layer, at).map(({ shares, size }, k) =>
        shares.map((share, c) => [
          layer,
          k,
          tokens[at].t,
          tokens[c].t,
          number(share),
          number(size),
        ]),
      ),
    );
    download("heads.csv", csv([head, ...lines.flat(2)]), "text/csv");
  }
}

/** The head that a panel is of. @param {Element} panel */
const numberOf = (panel) => Number(panel.getAttribute("data-head"));

/** The head to whose panel something happened, −1 for none. @param {Event} event */
function headAt({ target }) {
  const panel = target instanceof Element ? target.closest("[data-head]") : null;
  return panel ? numberOf(panel) : -1;
}

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

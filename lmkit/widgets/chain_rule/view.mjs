// ChainRule: a text's probability is a product, one factor per token.
import { textField } from "../../kit/controls.mjs";
import { h, scroller } from "../../kit/dom.mjs";
import { AskingFigure, present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { toolButton } from "../../kit/frame.mjs";
import { update } from "../../kit/host.mjs";
import { storedOrLive } from "../../kit/links.mjs";
import { number, percent, scientificFromLog } from "../../kit/numbers.mjs";
import { barsSvg, colours } from "../../kit/picture.mjs";
import { table } from "../../kit/table.mjs";
import { chip, quoted, visible } from "../../kit/tokens.mjs";

/**
 * A token: its text `t`, its id `i`, its log probability `l` given all that stands before, and `alt`,
 * the tokens that the model expected there, likeliest first.
 * @typedef {{t: string, i: number, l: number}} Guess
 * @typedef {Guess & {alt: Guess[]}} Factor
 * @typedef {{text: string, tokens: Factor[]}} Sentence
 */

/**
 * Running sums over the tokens: log P so far, and from it P so far.
 * @param {{l: number}[]} tokens
 * @returns {{sums: number[], nll: number, mean: number, perplexity: number}} in nats
 */
export function totals(tokens) {
  let sum = 0;
  const sums = tokens.map(({ l }) => {
    sum += l;
    return sum;
  });
  const mean = tokens.length ? -sum / tokens.length : 0;
  return { sums, nll: -sum || 0, mean, perplexity: Math.exp(mean) };
}

/** What the whole sentence shows, in a sentence. @param {Factor[]} tokens */
export function reading(tokens) {
  const n = tokens.length;
  if (n === 0) return "An empty text has probability 1: there is nothing to predict.";
  const { nll, mean, perplexity } = totals(tokens);
  return (
    `${n} ${n === 1 ? "token" : "tokens"}: P = ${scientificFromLog(-nll)}, NLL = ${number(nll)} nats, ` +
    `${number(mean)} a token, perplexity ${number(perplexity)}: as unsure as a choice among ${number(perplexity)} equally likely tokens.`
  );
}

/** What one token shows. @param {Factor[]} tokens @param {number} at */
export function readingAt(tokens, at) {
  const { t, l } = tokens[at];
  return `${quoted(t)} had ${percent(Math.exp(l))}, ${number(-l)} nats of surprise: ${place(tokens[at])}.`;
}

/** Where a token stands among the model's guesses. @param {Factor} token */
function place({ t, alt }) {
  const rank = alt.findIndex((other) => other.t === t);
  if (rank === 0) return "the model's first guess";
  if (rank > 0) return `guess number ${rank + 1}`;
  return `not among its first ${alt.length} guesses, of which ${quoted(alt[0].t)} leads with ${percent(Math.exp(alt[0].l))}`;
}

const KEYS =
  "Tab or the left and right arrows go from token to token; each shows what else the model expected there. Escape shows the whole sentence.";

/** @extends {AskingFigure<Sentence>} */
class View extends AskingFigure {
  static kind = "chain-rule";
  static link = { text: storedOrLive("sentences", "chain-rule") };

  /** @param {import("../../kit/host.mjs").Model} model */
  constructor(model) {
    super(model, {
      title: "How probable is this sentence, token by token?",
      restart: toolButton("⟲", "Show the whole sentence", () => this.pick(-1)),
      menu: [
        ["Download picture (SVG)", () => this.picture()],
        ["Download data (CSV)", () => this.data()],
      ],
      keys: KEYS,
    });
    /** @type {Factor[]} */
    this.tokens = [];
    /** @type {number | undefined} the chosen token, −1 for the sentence as a whole */
    this.at = undefined;
    this.strip = h("p", { class: "lmk-strip", dir: "auto" });
    this.strip.addEventListener("keydown", (event) => this.move(event));
    this.expected = h("div", { class: "lmk-expected" });
    this.factors = scroller("The factors, one row a token");
    this.frame.view.append(this.strip, this.expected, this.factors);
    this.input = this.field();
    this.watch(["text"], () => this.refresh());
    this.refresh();
  }

  /** The field of the text, unless another figure gives it. */
  field() {
    const { model } = this;
    const texts = this.sentences().map(({ text }) => text);
    const { field, input } = textField("Sentence", texts, this.live, (text) => {
      if (text !== model.get("text")) update(model, { text });
    });
    if (!model.get("linked")) this.frame.controls.append(field);
    return input;
  }

  /** @returns {Sentence[]} */
  sentences() {
    return this.model.get("sentences");
  }

  stored() {
    return this.sentences().find(({ text }) => text === this.model.get("text"));
  }

  request() {
    return { kind: View.kind, text: this.model.get("text") };
  }

  missing() {
    return "This sentence is not stored with the chapter: choose another.";
  }

  /** @param {Sentence} sentence */
  show({ tokens }) {
    this.tokens = tokens;
    if (document.activeElement !== this.input) this.input.value = this.model.get("text");
    this.strip.replaceChildren(...tokens.map((token, at) => this.token(token, at)));
    this.factors.replaceChildren(this.factorTable());
    this.at = undefined;
    this.pick(-1);
  }

  /** A token in the shade of its probability: deep where the model was sure. @param {Factor} token @param {number} at */
  token(token, at) {
    const p = Math.exp(token.l);
    const pick = () => this.pick(at);
    const node = chip(token, "button", {
      "aria-label": `${visible(token.t)}, ${percent(p)}`,
      "aria-pressed": "false",
      style: `--share:${p.toFixed(3)}`,
      onclick: pick,
      onfocus: pick,
      onpointerenter: pick,
      onpointerleave: () => this.leave(),
    });
    node.classList.add("lmk-shaded");
    return node;
  }

  /** The pointer goes; what the keyboard has chosen stays. */
  leave() {
    if (!this.strip.contains(document.activeElement)) this.pick(-1);
  }

  factorTable() {
    const { sums } = totals(this.tokens);
    const rows = this.tokens.map(({ t, l }, at) => [
      visible(t),
      number(Math.exp(l)),
      scientificFromLog(sums[at]),
      number(l),
      number(sums[at]),
    ]);
    return table(
      "Each row multiplies one more factor in; the logarithms add",
      ["xₜ", "P(xₜ | before)", "product", "log P", "sum"],
      rows,
    );
  }

  /** Show one token's alternatives, or with −1 the sentence as a whole. @param {number} at */
  pick(at) {
    if (at === this.at) return;
    this.at = at;
    this.strip.querySelectorAll("button").forEach((node, k) => {
      node.setAttribute("aria-pressed", String(k === at));
    });
    this.factors.querySelectorAll("tbody tr").forEach((row, k) => {
      row.classList.toggle("lmk-hot", k === at);
    });
    this.expected.replaceChildren(...(at < 0 ? this.worst() : [this.guesses(at)]));
    this.frame.say(at < 0 ? reading(this.tokens) : readingAt(this.tokens, at));
  }

  /** With no token chosen: what the model expected where it was most surprised. */
  worst() {
    const { tokens } = this;
    if (tokens.length === 0) return [];
    const at = tokens.reduce((worst, { l }, k) => (l < tokens[worst].l ? k : worst), 0);
    const hint = `Point at a token to see what else the model expected. Its greatest surprise is ${quoted(tokens[at].t)}; it expected:`;
    return [h("p", { class: "lmk-hint" }, hint), this.guesses(at)];
  }

  /** What the model expected at a token, as bars. @param {number} at */
  guesses(at) {
    const { alt, i } = this.tokens[at];
    return h("ol", { class: "lmk-bars" }, ...alt.map((guess) => bar(guess, guess.i === i)));
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    const buttons = [...this.strip.querySelectorAll("button")];
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    if (event.key === "ArrowRight") buttons[at + 1]?.focus();
    else if (event.key === "ArrowLeft") buttons[at - 1]?.focus();
    else if (event.key === "Escape") this.letGo(buttons[at]);
    else return;
    event.preventDefault();
  }

  /** @param {HTMLElement | undefined} button */
  letGo(button) {
    button?.blur();
    this.pick(-1);
  }

  picture() {
    const rows = this.tokens.map(({ t, l }) => {
      const p = Math.exp(l);
      return { label: visible(t), share: p, text: percent(p) };
    });
    const text = barsSvg("P(token | what stands before)", rows, colours(this.frame.box));
    download("chain-rule.svg", text, "image/svg+xml");
  }

  data() {
    const { sums } = totals(this.tokens);
    const head = ["token", "id", "probability", "log probability (nats)", "sum"];
    const rows = this.tokens.map(({ t, i, l }, at) => [t, i, Math.exp(l), l, sums[at]]);
    download("chain-rule.csv", csv([head, ...rows]), "text/csv");
  }
}

/** A guess and its share; `hot` is the token that stands in the text. @param {Guess} guess @param {boolean} hot */
function bar(guess, hot) {
  const p = Math.exp(guess.l);
  const row = h(
    "span",
    { class: hot ? "lmk-row lmk-hot" : "lmk-row" },
    chip(guess),
    h("span", { class: "lmk-bar", "aria-hidden": "true", style: `--share:${p}` }),
    h("span", { class: "lmk-share" }, percent(p)),
  );
  return h("li", {}, row);
}

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

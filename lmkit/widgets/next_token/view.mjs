// NextToken: what does the model expect next?
import { choice, labelled, slider, textField } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { AskingFigure, present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { toolButton } from "../../kit/frame.mjs";
import { update } from "../../kit/host.mjs";
import { fits, storedOrLive } from "../../kit/links.mjs";
import { bits, number, percent, thousands } from "../../kit/numbers.mjs";
import { barsSvg, colours } from "../../kit/picture.mjs";
import { TEMPERATURES, TOP_PS } from "../../kit/sampling.mjs";
import { chip, quoted, visible } from "../../kit/tokens.mjs";

/**
 * What is known of one context: the likeliest tokens with text `t`, id `i` and log probability `l`;
 * for each temperature above zero the log of the mass of all the other tokens, `r`; for each
 * temperature the nuclei that reach beyond the stored tokens, `n`; and of the likeliest tokens the
 * nodes that they lead to, `c`.
 * @typedef {{t: string[], i: number[], l: number[], r: number[], n: number[][], c?: Known[]}} Known
 * @typedef {{t: string, i: number}} Token
 * @typedef {{text: string, start: Token[], root: Known}} Tree
 * @typedef {{start: Token[], node: Known}} Answer
 * @typedef {{p: number[], rest: number, kept: number}} Distribution shares of the stored tokens, of
 *   all the others together, and how many tokens can still be drawn (Infinity: all)
 * @typedef {{token: Token | null, p: number}} Share of a token, or (null) of all others
 */

const TOP_KS = [0, 1, 2, 3, 5, 8];

/**
 * The distribution after temperature, top-k and top-p: exact, though most tokens are not stored.
 * @param {Known} node
 * @returns {Distribution}
 */
export function distribution(node, temperature = 1, topK = 0, topP = 1) {
  if (temperature === 0) return { p: node.l.map((_, i) => (i ? 0 : 1)), rest: 0, kept: 1 };
  const stop = TEMPERATURES.indexOf(temperature) - 1;
  const weights = node.l.map((l) => Math.exp(l / temperature));
  const others = topK ? 0 : Math.exp(node.r[stop]);
  const kept = topK ? weights.map((w, i) => (i < topK ? w : 0)) : weights;
  const total = kept.reduce((sum, w) => sum + w, others);
  const all = { p: kept.map((w) => w / total), rest: others / total, kept: topK || Infinity };
  return topP < 1 ? nucleus(all, topP, node.n[stop]) : all;
}

/**
 * The fewest tokens whose mass reaches topP, also where they go beyond the stored ones.
 * @param {Distribution} all
 * @param {number} topP
 * @param {number[]} beyond
 * @returns {Distribution}
 */
function nucleus(all, topP, beyond) {
  let sum = 0;
  const last = all.p.findIndex((q) => {
    sum += q;
    return sum >= topP - 1e-12;
  });
  if (last < 0) return nucleusBeyond(all, sum, topP, beyond);
  return { p: all.p.map((q, i) => (i <= last ? q / sum : 0)), rest: 0, kept: last + 1 };
}

/**
 * A nucleus of more than the stored tokens, or of all, where none is told.
 * @param {Distribution} all
 * @param {number} sum of the stored tokens' shares
 * @param {number} topP
 * @param {number[]} beyond
 * @returns {Distribution}
 */
function nucleusBeyond({ p, rest, kept }, sum, topP, beyond) {
  const at = 2 * (TOP_PS.indexOf(topP) - 1);
  const isTold = at < beyond.length;
  const mass = isTold ? topP + beyond[at + 1] / 1e5 : sum + rest;
  const size = isTold ? beyond[at] : kept;
  return { p: p.map((q) => q / mass), rest: (mass - sum) / mass, kept: size };
}

/**
 * The stored node of a text and the tokens appended to it, or null.
 * @param {Tree[]} trees
 * @param {string} text
 * @param {{i: number}[]} path
 * @returns {Known | null}
 */
export function find(trees, text, path) {
  let node = trees.find((tree) => tree.text === text)?.root;
  for (const { i } of path) node = node?.c?.[node.i.indexOf(i)];
  return node ?? null;
}

/**
 * Whether a path is in a stored tree, with the tokens' own texts.
 * @param {Tree[]} trees
 * @param {string} text
 * @param {Token[]} path
 */
export function isPath(trees, text, path) {
  const told = path.every(({ t, i }, k) => {
    const node = find(trees, text, path.slice(0, k));
    return node?.t[node.i.indexOf(i)] === t;
  });
  return told && find(trees, text, path) !== null;
}

/**
 * What there is to see, in a sentence.
 * @param {Known} node
 * @param {Distribution} distribution
 * @param {number} temperature
 */
export function reading(node, { p, rest, kept }, temperature) {
  const best = quoted(node.t[0]);
  if (temperature === 0)
    return `Temperature 0 is greedy: the likeliest token, ${best}, is always taken.`;
  if (kept === 1) return `Only ${best} is left to draw from.`;
  const cut = kept < Infinity ? `${thousands(String(kept))} tokens are left to draw from. ` : "";
  const surprise = `${number(bits(p[0]), 2)} bits of surprise`;
  if (p[0] >= 0.9) return `${cut}${best} takes nearly all the probability: ${surprise}.`;
  if (p[0] >= 0.3) return `${cut}${best} leads with ${percent(p[0])}: ${surprise} if it comes.`;
  return `${cut}The model is unsure: ${best} leads with ${percent(p[0])}, and ${percent(rest)} lies beyond the tokens shown.`;
}

const OTHERS = "everything else";
const KEYS =
  "Tab goes through the controls; arrows move in a slider and from bar to bar; Enter appends the token; Backspace on a bar takes the last one back.";
/** @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/** @extends {AskingFigure<Answer>} */
class View extends AskingFigure {
  static kind = "next-token";
  /** @type {import("../../kit/links.mjs").Link} */
  static link = {
    text: storedOrLive("trees", "next-token"),
    path: (path, model, { text = model.get("text") }) => isPath(model.get("trees"), text, path),
    temperature: fits.oneOf(TEMPERATURES),
    top_k: fits.oneOf(TOP_KS),
    top_p: fits.oneOf(TOP_PS),
  };

  /** @type {Map<string, Answer>} what was computed, by what was asked */
  computed = new Map();
  /** @type {Known | undefined} the node that is shown */
  node;
  /** @type {Token[]} the tokens of the text that is shown */
  start = [];
  /** @type {Share[]} what its bars show */
  shares = [];
  context = h("p", { class: "lmk-context", dir: "auto" });
  bars = h("ol", {
    class: "lmk-bars",
    onkeydown: (/** @type {KeyboardEvent} */ event) => this.move(event),
  });
  stops = slider({ max: TEMPERATURES.length - 1 }, (at) =>
    update(this.model, { temperature: TEMPERATURES[at] }),
  );
  degree = h("output", {});
  topK = choice(
    TOP_KS.map((k) => [k, k ? String(k) : "all"]),
    0,
    (k) => update(this.model, { top_k: Number(k) }),
  );
  topP = choice(
    TOP_PS.map((p) => [p, p < 1 ? String(p) : "all"]),
    1,
    (p) => update(this.model, { top_p: Number(p) }),
  );

  /** @param {import("../../kit/host.mjs").Model} model */
  constructor(model) {
    super(model, {
      title: "What does the model expect next?",
      tools: [toolButton("↶", "Undo the last token", () => this.takeBack())],
      restart: toolButton("⟲", "Start again", () => this.reset()),
      menu: [
        ["Download picture (SVG)", () => this.picture()],
        ["Download data (CSV)", () => this.data()],
      ],
      rows: () => this.rows(),
      keys: KEYS,
    });
    this.input = this.field();
    this.frame.controls.append(
      labelled("Temperature", this.stops, this.degree),
      labelled("Top-k", this.topK),
      labelled("Top-p", this.topP),
    );
    this.frame.view.append(this.context, this.bars);
    this.watch(Object.keys(View.link), () => this.refresh());
    this.refresh();
  }

  /** The field of the context, unless another figure gives it. */
  field() {
    const { model } = this;
    const texts = this.trees().map(({ text }) => text);
    const { field, input } = textField("Context", texts, this.live, (text) => {
      if (text !== model.get("text")) update(model, { text, path: [] });
    });
    if (!model.get("linked")) this.frame.controls.append(field);
    return input;
  }

  /** @returns {Tree[]} */
  trees() {
    return this.model.get("trees");
  }

  /** @returns {Token[]} the tokens that were appended to the text */
  path() {
    return this.model.get("path");
  }

  /** The controls follow at once, the bars when their numbers are there. */
  async refresh() {
    this.sync();
    await super.refresh();
  }

  /** The controls as the model's state has them. */
  sync() {
    const { model, stops, degree } = this;
    const temperature = model.get("temperature");
    if (document.activeElement !== this.input) this.input.value = model.get("text");
    stops.value = String(TEMPERATURES.indexOf(temperature));
    degree.textContent = temperature ? String(temperature) : "0 (greedy)";
    stops.setAttribute("aria-valuetext", `temperature ${degree.textContent}`);
    this.topK.value = model.get("top_k");
    this.topP.value = model.get("top_p");
  }

  stored() {
    const text = this.model.get("text");
    const tree = this.trees().find((tree) => tree.text === text);
    const node = find(this.trees(), text, this.path());
    return tree && node ? { start: tree.start, node } : undefined;
  }

  request() {
    const path = this.path().map(({ i }) => i);
    return { kind: View.kind, text: this.model.get("text"), path };
  }

  /** What was computed once is not asked for again. */
  async asked() {
    const key = JSON.stringify(this.request());
    const answer = this.computed.get(key) ?? (await super.asked());
    this.computed.set(key, answer);
    return answer;
  }

  missing() {
    return this.path().length
      ? "Here the chapter's stored results end. Undo, start again, or load the model."
      : "What follows this text is not stored here: load the model, or choose another text.";
  }

  /** @param {Answer} answer */
  show({ node, start }) {
    const { model } = this;
    const temperature = model.get("temperature");
    const dist = distribution(node, temperature, model.get("top_k"), model.get("top_p"));
    this.node = node;
    this.start = start;
    this.shares = [
      ...node.t.map((t, k) => ({ token: { t, i: node.i[k] }, p: dist.p[k] })),
      { token: null, p: dist.rest },
    ];
    this.showContext();
    this.showBars();
    this.frame.say(reading(node, dist, temperature));
  }

  /**
   * The bars stay as they were, but nothing can be appended; the context shows what was tried.
   * @param {Error} error
   */
  fail(error) {
    super.fail(error);
    if (this.node) this.showContext();
    this.bars.classList.add("lmk-stale");
    for (const button of this.bars.querySelectorAll("button")) button.disabled = true;
  }

  showContext() {
    const chosen = this.path().map((token) =>
      chip(token, "span", { class: "lmk-chip lmk-chosen" }),
    );
    const gap = h("span", { class: "lmk-gap", "aria-label": "the next token" }, "?");
    this.context.replaceChildren(...this.start.map((token) => chip(token)), ...chosen, gap);
  }

  showBars() {
    const focused = this.bars.contains(document.activeElement);
    this.bars.classList.remove("lmk-stale");
    this.bars.replaceChildren(...this.shares.map((share, k) => this.bar(share, k)));
    if (focused) this.bars.querySelector("button")?.focus();
  }

  /** @param {Share} share @param {number} k */
  bar({ token, p }, k) {
    const inside = [
      token ? chip(token) : h("span", { class: "lmk-rest" }, OTHERS),
      h("span", { class: "lmk-bar", "aria-hidden": "true", style: `--share:${p}` }),
      h("span", { class: "lmk-share" }, p ? percent(p) : "–"),
    ];
    if (!token || p === 0 || !this.goesOn(k))
      return h("li", {}, h("span", { class: "lmk-row" }, ...inside));
    const name = `Append ${quoted(token.t)}, ${percent(p)}`;
    const names = { "aria-label": name, title: `token ${token.i}` };
    const onclick = () => this.append(token);
    const button = { type: "button", class: "lmk-row", ...names, onclick };
    return h("li", {}, h("button", button, ...inside));
  }

  /**
   * Whether the k-th token can be appended; on the last stored level those of a tree's width can.
   * @param {number} k
   */
  goesOn(k) {
    const next = this.node?.c;
    return this.live || (next ? next[k] !== undefined : k < this.model.get("width"));
  }

  /** @param {Token} token */
  append(token) {
    update(this.model, { path: [...this.path(), token] });
  }

  takeBack() {
    update(this.model, { path: this.path().slice(0, -1) });
  }

  reset() {
    update(this.model, { path: [], temperature: 1, top_k: 0, top_p: 1 });
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    const buttons = [...this.bars.querySelectorAll("button")];
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const step = STEPS[event.key];
    if (event.key === "Backspace") this.takeBack();
    else if (step && at >= 0) buttons.at((at + step) % buttons.length)?.focus();
    else return;
    event.preventDefault();
  }

  /** The context as it reads now, with what has been appended. */
  whole() {
    return (
      this.model.get("text") +
      this.path()
        .map(({ t }) => t)
        .join("")
    );
  }

  /** @returns {import("../../kit/table.mjs").TableSpec} */
  rows() {
    const rows = this.shares.map(({ token, p }) => [
      faceOf(token),
      String(token?.i ?? ""),
      percent(p),
    ]);
    return ["The next token", ["token", "id", "probability"], rows];
  }

  picture() {
    const rows = this.shares.map(({ token, p }) => ({
      label: faceOf(token),
      share: p,
      text: percent(p),
    }));
    const text = barsSvg(`${this.whole()} …`, rows, colours(this.frame.box));
    download("next-token.svg", text, "image/svg+xml");
  }

  data() {
    const head = ["context", "token", "id", "probability"];
    const whole = this.whole();
    const rows = this.shares.map(({ token, p }) => [whole, token?.t ?? OTHERS, token?.i ?? "", p]);
    download("next-token.csv", csv([head, ...rows]), "text/csv");
  }
}

/** @param {Token | null} token */
const faceOf = (token) => (token ? visible(token.t) : OTHERS);

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

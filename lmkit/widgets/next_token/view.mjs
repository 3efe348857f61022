// NextToken: what does the model expect next? (chapter 1)
//
// A node holds what is known of one context: the likeliest tokens with text `t`, id `i` and log
// probability `l`; for each temperature above zero the log of the mass of all the other tokens,
// `r`; and for each temperature the nuclei that reach beyond the stored tokens, `n`.
import { choice, labelled, textField } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { frame, toolButton } from "../../kit/frame.mjs";
import { ask, canAsk, update, watch } from "../../kit/host.mjs";
import { fits, storedOrLive } from "../../kit/links.mjs";
import { bits, number, percent, thousands } from "../../kit/numbers.mjs";
import { barsSvg, colours } from "../../kit/picture.mjs";
import { provenance } from "../../kit/provenance.mjs";
import { table } from "../../kit/table.mjs";
import { chip, quoted, visible } from "../../kit/tokens.mjs";

export const TEMPERATURES = [0, 0.3, 0.5, 0.7, 1, 1.3, 1.6, 2];
export const TOP_KS = [0, 1, 2, 3, 5, 8];
export const TOP_PS = [1, 0.95, 0.9, 0.8, 0.5];

/**
 * The distribution after temperature, top-k and top-p: exact, though most tokens are not stored.
 * @returns {{p: number[], rest: number, kept: number}} shares of the stored tokens, of all the
 *   others together, and how many tokens can still be drawn (Infinity: all)
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

/** The fewest tokens whose mass reaches topP, also where they go beyond the stored ones. */
function nucleus({ p, rest, kept }, topP, beyond) {
  let sum = 0;
  const size = p.findIndex((q) => (sum += q) >= topP - 1e-12) + 1;
  if (size) return { p: p.map((q, i) => (i < size ? q / sum : 0)), rest: 0, kept: size };
  const at = 2 * (TOP_PS.indexOf(topP) - 1);
  if (at >= beyond.length)
    return { p: p.map((q) => q / (sum + rest)), rest: rest / (sum + rest), kept };
  const mass = topP + beyond[at + 1] / 1e5;
  return { p: p.map((q) => q / mass), rest: (mass - sum) / mass, kept: beyond[at] };
}

/** The stored node of a text and the tokens appended to it, or null. */
export function find(trees, text, path) {
  let node = trees.find((tree) => tree.text === text)?.root;
  for (const token of path) node = node?.c?.[node.i.indexOf(token.i)];
  return node ?? null;
}

/** Whether a path is in a stored tree, with the tokens' own texts. */
export function isPath(trees, text, path) {
  const told = path.every(({ t, i }, k) => {
    const node = find(trees, text, path.slice(0, k));
    return node?.t[node.i.indexOf(i)] === t;
  });
  return told && find(trees, text, path) !== null;
}

/** What there is to see, in a sentence. */
export function reading(node, { p, rest, kept }, temperature) {
  const best = quoted(node.t[0]);
  if (temperature === 0)
    return `Temperature 0 is greedy: the likeliest token, ${best}, is always taken.`;
  if (kept === 1) return `Only ${best} is left to draw from.`;
  const cut = kept < Infinity ? `${thousands(String(kept))} tokens are left to draw from. ` : "";
  if (p[0] >= 0.9)
    return `${cut}${best} takes nearly all the probability: ${number(bits(p[0]), 2)} bits of surprise.`;
  if (p[0] >= 0.3)
    return `${cut}${best} leads with ${percent(p[0])}: ${number(bits(p[0]), 2)} bits of surprise if it comes.`;
  return `${cut}The model is unsure: ${best} leads with ${percent(p[0])}, and ${percent(rest)} lies beyond the tokens shown.`;
}

const KEYS =
  "Tab goes through the controls; arrows move in a slider and from bar to bar; Enter appends the token; Backspace on a bar takes the last one back.";

class View {
  static kind = "next-token";
  static link = {
    text: storedOrLive("trees", "next-token"),
    path: (path, model, { text = model.get("text") }) => isPath(model.get("trees"), text, path),
    temperature: fits.oneOf(TEMPERATURES),
    top_k: fits.oneOf(TOP_KS),
    top_p: fits.oneOf(TOP_PS),
  };

  constructor(model) {
    this.model = model;
    this.cache = new Map();
    this.live = canAsk(model, View.kind);
    this.frame = frame({
      title: "What does the model expect next?",
      tools: [toolButton("↶", "Undo the last token", () => this.undo())],
      restart: toolButton("⟲", "Start again", () => this.reset()),
      menu: [
        ["Show as table", () => this.toggleTable()],
        ["Download picture (SVG)", () => this.picture()],
        ["Download data (CSV)", () => this.data()],
      ],
      keys: KEYS,
    });
    this.context = h("p", { class: "lmk-context", dir: "auto" });
    this.bars = h("ol", { class: "lmk-bars", onkeydown: (event) => this.move(event) });
    this.asTable = false;
    this.origin = provenance(this.frame.source, model);
    this.controls();
    this.frame.view.append(this.context, this.bars);
    this.stop = watch(model, ["text", "path", "temperature", "top_k", "top_p"], () =>
      this.refresh(),
    );
    this.refresh();
  }

  controls() {
    const { model } = this;
    const stops = TEMPERATURES.length - 1;
    this.stops = h("input", {
      type: "range",
      min: 0,
      max: stops,
      step: 1,
      oninput: () => update(model, { temperature: TEMPERATURES[this.stops.value] }),
    });
    this.degree = h("output", {});
    this.topK = choice(
      TOP_KS.map((k) => [k, k ? String(k) : "all"]),
      0,
      (k) => update(model, { top_k: Number(k) }),
    );
    this.topP = choice(
      TOP_PS.map((p) => [p, p < 1 ? String(p) : "all"]),
      1,
      (p) => update(model, { top_p: Number(p) }),
    );
    const start = (text) => text === model.get("text") || update(model, { text, path: [] });
    const { field, input } = textField(
      "Context",
      model.get("trees").map((tree) => tree.text),
      this.live,
      start,
    );
    this.input = input;
    this.frame.controls.append(
      ...(model.get("linked") ? [] : [field]),
      labelled("Temperature", this.stops, this.degree),
      labelled("Top-k", this.topK),
      labelled("Top-p", this.topP),
    );
  }

  /** Look up or ask for the node of the present context, and show it; the newest request wins. */
  async refresh() {
    const { model } = this;
    const [text, path] = [model.get("text"), model.get("path")];
    const turn = (this.turn = (this.turn ?? 0) + 1);
    this.sync(text);
    try {
      const answer = this.known(text, path) ?? (await this.fetched(text, path));
      if (turn === this.turn) this.show(answer, path);
    } catch (error) {
      if (turn === this.turn && error.name !== "AbortError") this.fail(error, path);
    }
  }

  known(text, path) {
    const trees = this.model.get("trees");
    const node = find(trees, text, path);
    const start = trees.find((tree) => tree.text === text)?.start;
    return node ? { node, start, stored: true } : this.cache.get(JSON.stringify([text, path]));
  }

  async fetched(text, path) {
    if (!this.live && path.length)
      throw new Error(
        "Here the chapter's stored results end. Undo, start again, or load the model.",
      );
    if (!this.live)
      throw new Error(
        "What follows this text is not stored here: load the model, or choose another text.",
      );
    this.frame.box.setAttribute("aria-busy", "true");
    const answer = await ask(this.model, {
      kind: "next-token",
      text,
      path: path.map((token) => token.i),
    });
    this.cache.set(JSON.stringify([text, path]), answer);
    return answer;
  }

  show({ node, start, stored }, path) {
    const { model } = this;
    const temperature = model.get("temperature");
    this.node = node;
    this.dist = distribution(node, temperature, model.get("top_k"), model.get("top_p"));
    this.showContext(start, path);
    this.showBars();
    this.frame.box.removeAttribute("aria-busy");
    this.bars.classList.remove("lmk-stale");
    this.frame.say(reading(node, this.dist, temperature));
    this.origin.tell(stored ? "stored with the chapter" : "computed now");
  }

  /** The view keeps its last good state; the path loses what could not be answered. */
  fail(error, path) {
    this.frame.box.removeAttribute("aria-busy");
    this.frame.say(error.message);
    if (this.node) this.showContext(this.start, path);
    this.bars.classList.add("lmk-stale");
    this.bars.querySelectorAll("button").forEach((button) => (button.disabled = true));
  }

  /** The controls as the model's state has them. */
  sync(text) {
    const temperature = this.model.get("temperature");
    if (document.activeElement !== this.input) this.input.value = text;
    this.stops.value = TEMPERATURES.indexOf(temperature);
    this.degree.textContent = temperature ? String(temperature) : "0 (greedy)";
    this.stops.setAttribute("aria-valuetext", `temperature ${this.degree.textContent}`);
    this.topK.value = this.model.get("top_k");
    this.topP.value = this.model.get("top_p");
  }

  showContext(start, path) {
    this.start = start;
    const chosen = path.map((token) => chip(token, "span", { class: "lmk-chip lmk-chosen" }));
    this.context.replaceChildren(
      ...start.map((token) => chip(token)),
      ...chosen,
      h("span", { class: "lmk-gap", "aria-label": "the next token" }, "?"),
    );
  }

  rows() {
    const { node, dist } = this;
    const shown = node.t.map((t, k) => ({ t, i: node.i[k], p: dist.p[k] }));
    return [...shown, { t: null, p: dist.rest }];
  }

  showBars() {
    const focused = this.bars.contains(document.activeElement);
    const rows = this.rows();
    const face = this.asTable ? this.tableFace(rows) : rows.map((row, k) => this.bar(row, k));
    this.bars.replaceChildren(...[face].flat());
    if (focused) this.bars.querySelector("button")?.focus();
  }

  bar({ t, i, p }, k) {
    const rest = t === null;
    const open = !rest && p > 0 && (this.live || this.node.c?.[k] !== undefined || this.atEnd(k));
    const name = rest ? h("span", { class: "lmk-rest" }, "everything else") : chip({ t, i });
    const fill = h("span", { class: "lmk-bar", "aria-hidden": "true", style: `--share:${p}` });
    const inside = [name, fill, h("span", { class: "lmk-share" }, p ? percent(p) : "–")];
    const label = rest ? "" : `Append ${quoted(t)}, ${percent(p)}`;
    const row = open
      ? h(
          "button",
          {
            type: "button",
            class: "lmk-row",
            "aria-label": label,
            title: `token ${i}`,
            onclick: () => this.append({ t, i }),
          },
          ...inside,
        )
      : h("span", { class: "lmk-row" }, ...inside);
    return h("li", {}, row);
  }

  /** On the last stored level the likeliest five still complete the text. */
  atEnd(k) {
    return !this.node.c && k < this.model.get("width");
  }

  tableFace(rows) {
    const lines = rows.map(({ t, i, p }) => [
      t === null ? "everything else" : visible(t),
      i === undefined ? "" : String(i),
      percent(p),
    ]);
    return h("li", {}, table("The next token", ["token", "id", "probability"], lines));
  }

  close() {
    this.stop();
    this.origin.close();
  }

  append(token) {
    update(this.model, { path: [...this.model.get("path"), token] });
  }

  undo() {
    update(this.model, { path: this.model.get("path").slice(0, -1) });
  }

  reset() {
    update(this.model, { path: [], temperature: 1, top_k: 0, top_p: 1 });
  }

  move(event) {
    const buttons = [...this.bars.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Backspace") this.undo();
    else if (step && at >= 0) buttons[(at + step + buttons.length) % buttons.length].focus();
    else return;
    event.preventDefault();
  }

  toggleTable() {
    this.asTable = !this.asTable;
    if (this.node) this.showBars();
  }

  /** The context as it reads now, with what has been appended. */
  wholeText() {
    return (
      this.model.get("text") +
      this.model
        .get("path")
        .map((token) => token.t)
        .join("")
    );
  }

  picture() {
    const rows = this.rows().map(({ t, p }) => ({
      label: t === null ? "everything else" : visible(t),
      share: p,
      text: percent(p),
    }));
    download(
      "next-token.svg",
      barsSvg(`${this.wholeText()} …`, rows, colours(this.frame.box)),
      "image/svg+xml",
    );
  }

  data() {
    const rows = this.rows().map(({ t, i, p }) => [
      this.wholeText(),
      t ?? "everything else",
      i ?? "",
      p,
    ]);
    download(
      "next-token.csv",
      csv([["context", "token", "id", "probability"], ...rows]),
      "text/csv",
    );
  }
}

const render = (host) => present(View, host);

export default { render };

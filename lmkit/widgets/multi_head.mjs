// MultiHead: what does each head of a layer take, and from where? (chapter 6)
//
// A text's state holds its `tokens`, `shape` [L, H, T], `weights` (for each layer and head the
// lower triangle of the attention, as bytes), `sizes` [L][H][T], the length of the vector that a
// head adds to a token, and `total` [L][T], the length of what all heads of a layer add together.
import { h, ask, canAsk, chip, choice, csv, download, fits, frame, labelled, number, percent, present, provenance, quoted, storedOrLive, table, textField, update, watch } from "./kit.mjs";

const decode = (weights) => (typeof weights === "string" ? Uint8Array.from(atob(weights), (c) => c.charCodeAt(0)) : weights);

/**
 * What the heads of a layer take from where, for one token.
 * @returns {{shares: number[], size: number, most: number}[]} `most` is where a head looks most
 */
export function heads({ shape: [, nHead, T], weights, sizes }, layer, token) {
  const bytes = decode(weights);
  const triangle = (T * (T + 1)) / 2;
  return Array.from({ length: nHead }, (_, k) => {
    const start = (layer * nHead + k) * triangle + (token * (token + 1)) / 2;
    const shares = Array.from(bytes.subarray(start, start + token + 1), (b) => b / 255);
    return { shares, size: sizes[layer][k][token], most: shares.indexOf(Math.max(...shares)) };
  });
}

const START_TEXT = "<|endoftext|>";
const name = ({ t }) => (t === START_TEXT ? "the start" : quoted(t));

/** What a layer's heads do with a token, in a sentence. */
export function reading(one, layer, token) {
  const all = heads(one, layer, token);
  const most = all.reduce((best, head, k) => (head.size > all[best].size ? k : best), 0);
  const sinks = all.filter(({ most: at }) => at === 0).length;
  const { shares, size, most: at } = all[most];
  const sum = all.reduce((total, head) => total + head.size, 0);
  const idle = token && sinks ? ` ${sinks} of ${all.length} look most at the start.` : "";
  return `For ${name(one.tokens[token])} head ${most} adds most, a vector of length ${number(size)}, with ${percent(shares[at])} of its attention on ${name(one.tokens[at])}.${idle} The lengths add up to ${number(sum)}; the sum of the vectors has length ${number(one.total[layer][token])}, for heads also cancel each other.`;
}

const KEYS = "Tab goes through the controls; left and right arrows go from token to token.";

class View {
  static kind = "multi-head";

  static link = {
    text: storedOrLive("texts", "multi-head"),
    layer: (layer, model) => fits.count(model.get("texts")[0].shape[0] - 1)(layer),
    token: (token) => token === -1 || fits.count(23)(token),
  };

  constructor(model) {
    this.model = model;
    this.live = canAsk(model, View.kind);
    this.frame = frame({
      title: "What does each head of a layer take, and from where?",
      menu: [["Show as table", () => this.toggleTable()], ["Download data (CSV)", () => this.data()]],
      keys: KEYS,
    });
    this.asTable = false;
    this.origin = provenance(this.frame.source, model);
    this.controls();
    this.tokens = h("div", { class: "lmk-multi-tokens", role: "group", "aria-label": "The token that looks", onkeydown: (event) => this.move(event) });
    this.main = h("div", { class: "lmk-scroll lmk-multi", tabindex: 0, role: "region", "aria-label": "All heads of the layer" });
    this.joined = h("div", { class: "lmk-multi-joined", "aria-hidden": "true" });
    this.note = h("p", { class: "lmk-hint" });
    this.frame.view.append(this.tokens, this.main, this.joined, this.note);
    this.stops = [watch(model, ["text"], () => this.refresh()), watch(model, ["layer", "token"], () => this.one && this.paint())];
    this.refresh();
  }

  controls() {
    const { model } = this;
    const texts = model.get("texts");
    const { field, input } = textField("Text", texts.map(({ text }) => text), this.live, (text) => text === model.get("text") || update(model, { text, token: -1 }));
    this.input = input;
    this.layer = choice(Array.from({ length: texts[0].shape[0] }, (_, k) => [k, String(k)]), 0, (k) => update(model, { layer: Number(k) }));
    this.frame.controls.append(...(this.live || texts.length > 1 ? [field] : []), labelled("Layer", this.layer));
  }

  async refresh() {
    const text = this.model.get("text");
    const turn = (this.turn = (this.turn ?? 0) + 1);
    if (document.activeElement !== this.input) this.input.value = text;
    try {
      const stored = this.model.get("texts").find((one) => one.text === text);
      const one = stored ?? (await this.fetched(text));
      if (turn !== this.turn) return;
      this.frame.box.removeAttribute("aria-busy");
      this.one = { ...one, weights: decode(one.weights) };
      this.origin.tell(stored ? "stored with the chapter" : "computed now");
      this.paint();
    } catch (error) {
      if (turn !== this.turn) return;
      this.frame.box.removeAttribute("aria-busy");
      this.frame.say(error.message);
    }
  }

  fetched(text) {
    if (!this.live) throw new Error("This text is not stored with the chapter: choose another.");
    this.frame.box.setAttribute("aria-busy", "true");
    return ask(this.model, { kind: View.kind, text });
  }

  at() {
    const [n, token] = [this.one.tokens.length, this.model.get("token")];
    return token >= 0 && token < n ? token : n - 1;
  }

  paint() {
    const [layer, at] = [this.model.get("layer"), this.at()];
    this.layer.value = layer;
    const all = heads(this.one, layer, at);
    const held = this.tokens.contains(document.activeElement);
    this.tokens.replaceChildren(...this.one.tokens.map((token, k) => this.tokenButton(token, k, at)));
    if (held) this.tokens.children[at].focus();
    this.main.replaceChildren(this.asTable ? this.tableFace(all, at) : this.grid(all, at));
    this.join(all, layer, at);
    this.frame.say(reading(this.one, layer, at));
  }

  face(token) {
    return token.t === START_TEXT ? { t: "start", i: token.i } : token;
  }

  tokenButton(token, k, at) {
    const chosen = k === at;
    return chip(this.face(token), "button", { class: `lmk-chip${chosen ? " lmk-chosen" : ""}`, tabindex: chosen ? 0 : -1, "aria-pressed": String(chosen), onclick: () => update(this.model, { token: k }) });
  }

  /** A row a head: how much it takes from each token, and how much it adds. */
  grid(all, at) {
    const greatest = Math.max(...all.map(({ size }) => size), 1e-9);
    const row = ({ shares, size, most }, k) => {
      const cells = shares.map((share, c) => h("td", { class: "lmk-multi-cell", style: `--share:${share.toFixed(3)}`, title: `head ${k}: ${percent(share)} from ${name(this.one.tokens[c])}` }, c === most ? `${Math.round(100 * share)}` : ""));
      const bar = h("td", {}, h("span", { class: "lmk-bar", style: `--share:${(size / greatest).toFixed(3)}` }));
      return h("tr", {}, h("th", { scope: "row" }, `head ${k}`), ...cells, bar, h("td", { class: "lmk-share" }, number(size)));
    };
    const heading = this.one.tokens.slice(0, at + 1).map((token) => h("th", { scope: "col" }, h("span", {}, chip(this.face(token)))));
    const top = h("tr", {}, h("td", {}, "share in %"), ...heading, h("th", { scope: "col", colSpan: 2 }, "length of what it adds"));
    return h("table", { class: "lmk-multi-table" }, h("thead", {}, top), h("tbody", {}, ...all.map(row)));
  }

  /** Concat(head₁, …) W^O: the heads' parts beside each other, as dark as what they add is long. */
  join(all, layer, at) {
    const greatest = Math.max(...all.map(({ size }) => size), 1e-9);
    this.joined.replaceChildren(...all.map(({ size }, k) => h("span", { style: `--share:${(size / greatest).toFixed(3)}` }, String(k))));
    this.note.replaceChildren(`Concat: the results of ${all.length} heads stand side by side. W`, h("sup", {}, "O"), ` mixes them into one vector of length ${number(this.one.total[layer][at])}, which is added to the token.`);
  }

  tableFace(all) {
    const lines = all.map(({ shares, size, most }, k) => [`head ${k}`, this.face(this.one.tokens[most]).t, percent(shares[most]), number(size)]);
    return table("Where each head looks most", ["head", "looks most at", "share", "length added"], lines);
  }

  move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const to = this.at() + step;
    if (!step || to < 0 || to >= this.one.tokens.length) return;
    event.preventDefault();
    update(this.model, { token: to });
  }

  toggleTable() {
    this.asTable = !this.asTable;
    if (this.one) this.paint();
  }

  close() {
    this.stops.forEach((stop) => stop());
    this.origin.close();
  }

  data() {
    const { tokens, shape: [nLayer] } = this.one;
    const at = this.at();
    const lines = Array.from({ length: nLayer }, (_, layer) => heads(this.one, layer, at).flatMap(({ shares, size }, k) => shares.map((share, c) => [layer, k, tokens[at].t, tokens[c].t, number(share), number(size)]))).flat();
    download("heads.csv", csv([["layer", "head", "token", "looks at", "weight", "length added"], ...lines]), "text/csv");
  }
}

const render = (host) => present(View, host);

export default { render };

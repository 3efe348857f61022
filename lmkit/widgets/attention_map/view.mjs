// AttentionMap: which tokens does each token look at? (chapter 6)
//
// A map holds the `tokens` of a text, `shape` [L, H, T] and `weights`: for each layer and head the
// lower triangle of the attention matrix, row by row, as bytes (255 is all of a row's attention).
import { unpacked } from "../../kit/bytes.mjs";
import { choice, labelled, textField } from "../../kit/controls.mjs";
import { h, svg } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { frame } from "../../kit/frame.mjs";
import { ask, canAsk, update, watch } from "../../kit/host.mjs";
import { fits, storedOrLive } from "../../kit/links.mjs";
import { number, percent } from "../../kit/numbers.mjs";
import { provenance } from "../../kit/provenance.mjs";
import { chip, face, named, quoted, visible } from "../../kit/tokens.mjs";

/**
 * One head's attention as rows of shares; head −1 is the mean over the heads of the layer.
 * @param {{shape: number[], bytes: Uint8Array}} map
 * @returns {number[][]} row r has r + 1 shares: a token looks at itself and at those before it
 */
export function rows({ shape: [, nHead, T], bytes: all }, layer, head) {
  const size = (T * (T + 1)) / 2;
  const heads = head < 0 ? Array.from({ length: nHead }, (_, k) => k) : [head];
  const at = (k, r, c) => all[(layer * nHead + k) * size + (r * (r + 1)) / 2 + c];
  const share = (r, c) => heads.reduce((sum, k) => sum + at(k, r, c), 0) / heads.length / 255;
  return Array.from({ length: T }, (_, r) => Array.from({ length: r + 1 }, (_, c) => share(r, c)));
}

/** Leave the first token out, and share what the others get among them. */
export function withoutFirst(matrix) {
  return matrix.map((row) => {
    const total = row.slice(1).reduce((sum, w) => sum + w, 0);
    return row.map((w, c) => (c === 0 ? 0 : total > 0.01 ? w / total : 0));
  });
}

/** The greatest entries of a list with their places, those of at least 1 %. */
export function greatest(shares, k) {
  const order = shares.map((share, at) => ({ share, at })).filter(({ share }) => share >= 0.01);
  return order.sort((a, b) => b.share - a.share || a.at - b.at).slice(0, k);
}

/** Who looks at a token: its column, from the token itself on. */
export const column = (matrix, at) => matrix.map((row, r) => (r > at ? (row[at] ?? 0) : 0));

const list = (found, tokens) =>
  found.map(({ share, at }) => `${named(tokens[at])} ${percent(share)}`).join(", ");

/** What a head does with one token, or −1 with the whole text, in a sentence. */
export function reading(tokens, matrix, at) {
  if (at < 0) return summary(tokens, matrix);
  const to = greatest(matrix[at], 3);
  const from = greatest(column(matrix, at), 3);
  const looks = to.length ? `looks at ${list(to, tokens)}` : "looks at nothing but the first token";
  const gets = from
    .map(({ share, at: who }) => `${percent(share)} from ${named(tokens[who])}`)
    .join(", ");
  const seen = from.length ? `; it gets ${gets}` : "; no later token looks at it";
  return `${named(tokens[at])} ${looks}${seen}.`;
}

function summary(tokens, matrix) {
  const n = matrix.length;
  const mean = (pick) =>
    matrix.slice(1).reduce((sum, row, k) => sum + (pick(row, k + 1) ?? 0), 0) / Math.max(1, n - 1);
  const [first, itself, before] = [
    mean((row) => row[0]),
    mean((row, r) => row[r]),
    mean((row, r) => (r > 1 ? row[r - 1] : 0)),
  ];
  return `On average a token gives ${percent(first)} of its attention to the start, ${percent(itself)} to itself and ${percent(before)} to the token before it. Point at a token to see where it looks.`;
}

/** What switching a head off did, in a sentence. */
export function effectReading({ moved, next }, layer, head) {
  const likely = next.reduce((a, b) => (b.p > a.p ? b : a));
  const now = next.reduce((a, b) => (b.q > a.q ? b : a));
  const most = likely.p > likely.q ? "falls" : "rises";
  const change =
    percent(likely.p) === percent(likely.q)
      ? `stays at ${percent(likely.p)}`
      : `${most} from ${percent(likely.p)} to ${percent(likely.q)}`;
  const leads = now.i === likely.i ? "" : `; ${quoted(now.t)} leads with ${percent(now.q)}`;
  return `Without layer ${layer}, head ${head}, ${quoted(likely.t)} ${change}${leads}. ${percent(moved)} of the probability goes to other tokens.`;
}

const NOT_ONE = "Choose one head to switch it off: the mean is not a head.";
const NOT_STORED =
  "What happens without this head is stored only for the heads found: choose one of them, or load the model.";

const KEYS =
  "Tab goes through the controls; up and down arrows go from token to token; Enter holds a token, Escape lets go.";

class View {
  static kind = "attention";
  static link = {
    text: storedOrLive("maps", "attention"),
    layer: (layer, model) => fits.oneOf([...Array(model.get("maps")[0].shape[0]).keys()])(layer),
    head: (head, model) => fits.oneOf([-1, ...Array(model.get("maps")[0].shape[1]).keys()])(head),
    lines: fits.flag,
    hide_first: fits.flag,
    off: fits.flag,
  };

  constructor(model) {
    this.model = model;
    this.live = canAsk(model, View.kind);
    this.frame = frame({
      title: "Which tokens does each token look at?",
      menu: [["Download data (CSV)", () => this.data()]],
      keys: KEYS,
      rows: () => this.rows(),
    });
    this.at = -1;
    this.held = -1;
    this.origin = provenance(this.frame.source, model);
    this.controls();
    this.build();
    this.stop = watch(model, ["text"], () => this.refresh());
    this.stopPaint = watch(model, ["layer", "head", "lines", "hide_first", "off"], () =>
      this.soon(),
    );
    this.refresh();
  }

  controls() {
    const { model } = this;
    const [nLayer, nHead] = model.get("maps")[0].shape;
    const texts = model.get("maps").map(({ text }) => text);
    const { field, input } = textField(
      "Text",
      texts,
      this.live,
      (text) => text === model.get("text") || update(model, { text }),
    );
    this.input = input;
    const numbers = (n) => Array.from({ length: n }, (_, k) => [k, String(k)]);
    this.layer = choice(numbers(nLayer), 0, (k) => update(model, { layer: Number(k) }));
    this.head = choice([[-1, "mean"], ...numbers(nHead)], 0, (k) =>
      update(model, { head: Number(k) }),
    );
    this.lines = choice(
      [
        ["", "matrix"],
        ["1", "lines"],
      ],
      "",
      (k) => update(model, { lines: Boolean(k) }),
    );
    this.hide = h("input", {
      type: "checkbox",
      onchange: () => update(model, { hide_first: this.hide.checked }),
    });
    const fields = [
      labelled("Layer", this.layer),
      labelled("Head", this.head),
      labelled("View", this.lines),
      labelled("Hide the start", this.hide),
    ];
    this.off = h("input", {
      type: "checkbox",
      onchange: () => update(model, { off: this.off.checked }),
    });
    if (canAsk(model, "ablate") || model.get("effects").length)
      fields.push(labelled("Switch this head off", this.off));
    this.frame.controls.append(...(model.get("linked") ? [] : [field]), ...this.found(), ...fields);
  }

  /** A button for each head that was found; it goes to the text that the head was found on, if any. */
  found() {
    this.jumps = this.model.get("heads").map(({ label, layer, head, score, text }) => {
      const go = () => update(this.model, { layer, head, ...(text !== undefined && { text }) });
      return h(
        "button",
        {
          type: "button",
          class: "lmk-jump",
          title: `layer ${layer}, head ${head}`,
          "data-at": `${layer} ${head}`,
          onclick: go,
        },
        `${label} `,
        h("small", {}, score.toFixed(2)),
      );
    });
    return this.jumps.length
      ? [
          h(
            "div",
            { class: "lmk-jumps", role: "group", "aria-label": "Heads found, with their scores" },
            ...this.jumps,
          ),
        ]
      : [];
  }

  build() {
    this.all = h("canvas", {
      class: "lmk-heads",
      "aria-hidden": "true",
      onclick: (event) => this.pickHead(event),
    });
    const note = h("figcaption", {}, "All heads: rows are layers, columns are heads. Click one.");
    this.overview = h("figure", { class: "lmk-overview" }, this.all, note);
    this.main = h("div", {
      class: "lmk-scroll lmk-map",
      tabindex: 0,
      role: "region",
      "aria-label": "The attention of one head",
      onkeydown: (event) => this.move(event),
      onpointerleave: () => this.show(this.held),
    });
    this.after = h("div", { class: "lmk-after" });
    this.frame.view.append(
      h(
        "div",
        { class: "lmk-attention" },
        h("div", { class: "lmk-look" }, this.main, this.after),
        this.overview,
      ),
    );
  }

  async refresh() {
    const text = this.model.get("text");
    const turn = (this.turn = (this.turn ?? 0) + 1);
    this.sync();
    this.waits = true;
    try {
      const stored = this.model.get("maps").find((map) => map.text === text);
      const map = stored ?? (await this.fetched(text));
      if (turn !== this.turn) return;
      this.map = { ...map, text, bytes: unpacked(map.weights) };
      this.waits = false;
      this.origin.tell(stored ? "stored with the chapter" : "computed now");
      this.frame.box.removeAttribute("aria-busy");
      this.held = -1;
      this.soon();
    } catch (error) {
      if (turn !== this.turn) return;
      this.waits = false; // the last map stays
      if (error.name !== "AbortError") this.fail(error);
    }
  }

  /** Paint once for all that changes now: a jump changes layer, head and text. */
  soon() {
    this.sync();
    if (this.due) return;
    this.due = true;
    queueMicrotask(() => {
      this.due = false;
      if (!this.map || this.waits || this.closed) return; // the map comes first, and then this
      this.gone = null;
      this.paint();
      this.affect();
    });
  }

  /** Show what comes next without the head, from what is stored or from the model at hand. */
  async affect() {
    const { model } = this;
    const [layer, head] = [model.get("layer"), model.get("head")];
    const turn = (this.effectTurn = (this.effectTurn ?? 0) + 1);
    if (!model.get("off")) return this.tell(null);
    try {
      const effect = await this.effect(this.map.text, layer, head);
      if (turn === this.effectTurn) this.tell({ ...effect, layer, head });
    } catch (error) {
      if (turn === this.effectTurn && error.name !== "AbortError")
        this.tell({ error: error.message });
    }
  }

  effect(text, layer, head) {
    if (head < 0) throw new Error(NOT_ONE);
    const stored = this.model
      .get("effects")
      .find((one) => one.text === text && one.layer === layer && one.head === head);
    if (!stored && !canAsk(this.model, "ablate")) throw new Error(NOT_STORED);
    return stored ?? ask(this.model, { kind: "ablate", text, layer, head });
  }

  tell(effect) {
    this.gone = effect;
    this.after.replaceChildren(...(effect?.next ? [effectFace(effect)] : []));
    this.show(this.held);
  }

  fetched(text) {
    if (!this.live) throw new Error("This text is not stored with the chapter: choose another.");
    this.frame.box.setAttribute("aria-busy", "true");
    return ask(this.model, { kind: "attention", text });
  }

  fail(error) {
    this.frame.box.removeAttribute("aria-busy");
    this.frame.say(error.message);
  }

  paint() {
    const { model } = this;
    const [layer, head] = [model.get("layer"), model.get("head")];
    const matrix = rows(this.map, layer, head);
    this.matrix = model.get("hide_first") ? withoutFirst(matrix) : matrix;
    this.sync();
    this.paintHeads(layer, head);
    this.main.replaceChildren(...(model.get("lines") ? this.linesFace() : this.matrixFace()));
    this.show(this.held);
  }

  /** The controls as the model's state has them. */
  sync() {
    const { model } = this;
    if (document.activeElement !== this.input) this.input.value = model.get("text");
    this.layer.value = model.get("layer");
    this.head.value = model.get("head");
    this.lines.value = model.get("lines") ? "1" : "";
    this.hide.checked = model.get("hide_first");
    this.off.checked = model.get("off");
    const at = `${model.get("layer")} ${model.get("head")}`;
    for (const button of this.jumps)
      button.setAttribute("aria-pressed", String(button.dataset.at === at));
  }

  /** All heads at once, a pixel a weight; black ink whose opacity is the weight (CSS inverts it in the dark). */
  paintHeads(layer, head) {
    const [nLayer, nHead, T] = this.map.shape;
    const cell = T + 2;
    const [width, height] = [nHead * cell, nLayer * cell];
    this.map.image ??= this.inkHeads(width, height, cell);
    Object.assign(this.all, { width, height });
    this.all.style.aspectRatio = `${width} / ${height}`;
    const context = this.all.getContext("2d");
    context.putImageData(this.map.image, 0, 0);
    const heads = head < 0 ? nHead : 1;
    context.strokeRect(
      Math.max(0, head) * cell + 0.5,
      layer * cell + 0.5,
      heads * cell - 1,
      cell - 1,
    );
  }

  inkHeads(width, height, cell) {
    const [nLayer, nHead] = this.map.shape;
    const image = new ImageData(width, height);
    for (let l = 0; l < nLayer; l++) {
      for (let k = 0; k < nHead; k++) this.inkHead(image, l, k, cell);
    }
    return image;
  }

  inkHead(image, layer, head, cell) {
    const [, nHead, T] = this.map.shape;
    let from = ((layer * nHead + head) * T * (T + 1)) / 2;
    for (let r = 0; r < T; r++) {
      const start = (layer * cell + 1 + r) * image.width + head * cell + 1;
      for (let c = 0; c <= r; c++) image.data[(start + c) * 4 + 3] = this.map.bytes[from++];
    }
  }

  pickHead(event) {
    const [nLayer, nHead] = this.map.shape;
    const box = this.all.getBoundingClientRect();
    const part = (offset, length, n) =>
      Math.min(n - 1, Math.max(0, Math.floor((offset / length) * n)));
    update(this.model, {
      layer: part(event.clientY - box.top, box.height, nLayer),
      head: part(event.clientX - box.left, box.width, nHead),
    });
  }

  label(token, at) {
    const on = {
      onfocus: () => this.show(at),
      onpointerenter: () => this.show(at),
      onclick: () => this.hold(at),
    };
    const text = face(token);
    return chip(text, "button", { "aria-pressed": "false", "data-at": at, ...on });
  }

  matrixFace() {
    const { tokens } = this.map;
    const grid = h("div", { class: "lmk-matrix", style: `--n:${tokens.length}` });
    this.matrix.forEach((row, r) => {
      const cells = row.map((share, c) =>
        h("span", {
          class: "lmk-cell",
          style: `--share:${share.toFixed(3)};grid-column:${c + 2};grid-row:${r + 1}`,
          title: `${visible(tokens[r].t)} → ${visible(tokens[c].t)}: ${percent(share)}`,
          onpointerenter: () => this.show(r, c),
        }),
      );
      const label = this.label(tokens[r], r);
      label.style.gridRow = r + 1;
      grid.append(label, ...cells);
    });
    return [grid];
  }

  /** Two columns of tokens, a line for each weight: bertviz's view, in the book's ink. */
  linesFace() {
    const { tokens } = this.map;
    const height = 30;
    const tall = tokens.length * height;
    const lines = this.matrix.flatMap((row, r) =>
      row.flatMap((share, c) => (share >= 0.01 ? [line(r, c, share, height)] : [])),
    );
    const between = svg(
      "svg",
      {
        viewBox: `0 0 200 ${tall}`,
        class: "lmk-lines",
        "aria-hidden": "true",
        style: `height:${tall}px`,
      },
      ...lines,
    );
    const left = h(
      "div",
      { class: "lmk-column" },
      ...tokens.map((token, at) => this.label(token, at)),
    );
    const right = h("div", { class: "lmk-column" }, ...tokens.map((token) => chip(face(token))));
    return [h("div", { class: "lmk-pair" }, left, between, right)];
  }

  rows() {
    const { tokens } = this.map;
    const lines = this.matrix.map((row, r) => [
      visible(tokens[r].t),
      list(greatest(row, 3), tokens),
    ]);
    return ["Where each token looks most", ["token", "looks at"], lines];
  }

  /** Light up a token's row, and the columns that look at it; with −1 the whole. */
  show(at, cell = -1) {
    this.at = at;
    for (const button of this.main.querySelectorAll("button"))
      button.setAttribute(
        "aria-pressed",
        String(Number(button.dataset.at) === this.held && this.held >= 0),
      );
    for (const mark of this.main.querySelectorAll("line"))
      mark.classList.toggle("lmk-faint", at >= 0 && Number(mark.dataset.row) !== at);
    this.main
      .querySelectorAll(".lmk-matrix > button")
      .forEach((button, r) => button.classList.toggle("lmk-chosen", r === at));
    const { tokens } = this.map;
    const one =
      cell >= 0
        ? `${named(tokens[at])} gives ${percent(this.matrix[at][cell])} of its attention to ${named(tokens[cell])}. `
        : "";
    const head = this.model.get("head");
    if (at < 0 && this.gone)
      return this.frame.say(
        this.gone.error ?? effectReading(this.gone, this.gone.layer, this.gone.head),
      );
    const where = `Layer ${this.model.get("layer")}, ${head < 0 ? "mean over heads" : `head ${head}`}: `;
    this.frame.say(where + one + reading(tokens, this.matrix, at));
  }

  hold(at) {
    this.held = this.held === at ? -1 : at;
    this.show(this.held < 0 ? at : this.held);
  }

  move(event) {
    const buttons = [...this.main.querySelectorAll("button")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") this.show((this.held = -1));
    else if (step)
      buttons[
        Math.min(buttons.length - 1, Math.max(0, buttons.indexOf(document.activeElement) + step))
      ]?.focus();
    else return;
    event.preventDefault();
  }

  data() {
    const { tokens } = this.map;
    const lines = this.matrix.flatMap((row, r) =>
      row.map((share, c) => [r, tokens[r].t, c, tokens[c].t, number(share)]),
    );
    download(
      "attention.csv",
      csv([["row", "token", "column", "looks at", "weight"], ...lines]),
      "text/csv",
    );
  }

  close() {
    this.stop();
    this.stopPaint();
    this.closed = true;
    this.origin.close();
  }
}

function line(r, c, share, height) {
  return svg("line", {
    x1: 0,
    y1: (r + 0.5) * height,
    x2: 200,
    y2: (c + 0.5) * height,
    style: `opacity:${share}`,
    "data-row": r,
  });
}

/** The likeliest next tokens with the head and without it, two bars each. */
function effectFace({ next, layer, head }) {
  const cell = (share, kind) =>
    h(
      "td",
      {},
      h("span", { class: `lmk-bar ${kind}`, style: `--share:${share}` }),
      h("span", { class: "lmk-share" }, percent(share)),
    );
  const rows = next.map(({ t, i, p, q }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, chip({ t, i })),
      cell(p, "lmk-with"),
      cell(q, "lmk-without"),
    ),
  );
  const heads = ["next token", "with it", "without it"].map((text) =>
    h("th", { scope: "col" }, text),
  );
  return h(
    "table",
    { class: "lmk-effect" },
    h("caption", {}, `The next token with layer ${layer}, head ${head}, and without it`),
    h("thead", {}, h("tr", {}, ...heads)),
    h("tbody", {}, ...rows),
  );
}

const render = (host) => present(View, host);

export default { render };

// MultiHead: what does each head of a layer take, and from where? (chapter 6)
//
// A text's state holds its `tokens`, `shape` [L, H, T], `weights` (for each layer and head the
// lower triangle of the attention, as bytes), `width`, the numbers of a token's vector, `sizes`
// [L][H][T], the length of the vector that a head adds to a token, and `total` [L][T], the length
// of what all heads of a layer add together. A page's own model gives no width, sizes and total.
import { unpacked } from "../../kit/bytes.mjs";
import { labelled, textField } from "../../kit/controls.mjs";
import { h, svg } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { frame } from "../../kit/frame.mjs";
import { ask, canAsk, update, watch } from "../../kit/host.mjs";
import { fits, storedOrLive } from "../../kit/links.mjs";
import { number, percent } from "../../kit/numbers.mjs";
import { provenance } from "../../kit/provenance.mjs";
import { chip, face, named } from "../../kit/tokens.mjs";
import { fitted } from "../../kit/chart.mjs";

const MAX_TOKENS = 24;
const sumOf = (numbers) => numbers.reduce((total, x) => total + x, 0);

/**
 * What the heads of a layer take from where, for one token.
 * @returns {{shares: number[], size?: number, most: number}[]} `most` is where a head looks most
 */
export function heads({ shape: [, nHead, T], weights, sizes }, layer, token) {
  const bytes = unpacked(weights);
  const triangle = (T * (T + 1)) / 2;
  return Array.from({ length: nHead }, (_, k) => {
    const start = (layer * nHead + k) * triangle + (token * (token + 1)) / 2;
    const shares = Array.from(bytes.subarray(start, start + token + 1), (b) => b / 255);
    return { shares, size: sizes?.[layer][k][token], most: shares.indexOf(Math.max(...shares)) };
  });
}

/** What becomes of the lengths: end to end, if all stood at right angles, and of the true sum. */
export function lengths(all, total) {
  const sizes = all.map(({ size }) => size);
  return { end: sumOf(sizes), right: Math.sqrt(sumOf(sizes.map((size) => size * size))), total };
}

// ------------------------------------------------------------------ words

/** The greatest shares of a head with their tokens, those of at least 5 %, as words. */
function taken(shares, tokens) {
  const found = shares.map((share, at) => ({ share, at })).filter(({ share }) => share >= 0.05);
  found.sort((a, b) => b.share - a.share || a.at - b.at);
  return found
    .slice(0, 3)
    .map(({ share, at }) => `${percent(share)} from ${named(tokens[at])}`)
    .join(", ");
}

function together({ end, right, total }) {
  const ratio = total / right;
  const verdict =
    ratio < 0.87
      ? `less than the ${number(right)} of vectors at right angles: the heads partly cancel`
      : ratio > 1.15
        ? `more than the ${number(right)} of vectors at right angles: the heads partly agree`
        : `about the ${number(right)} of vectors at right angles: the heads write in different directions`;
  return `End to end they add ${number(end)}; their sum has length ${number(total)}, ${verdict}.`;
}

function resting(all) {
  const n = all.filter(({ most }) => most === 0).length;
  if (n === all.length) return "all heads look";
  return n ? `${n} of ${all.length} heads ${n === 1 ? "looks" : "look"}` : "no head looks";
}

/** What a layer's heads do with a token, in a sentence; `head` −1 is all of them. */
export function reading(one, layer, token, head = -1) {
  const all = heads(one, layer, token);
  const who = named(one.tokens[token]);
  if (head >= 0) return oneHead(one, all, head, who);
  const idle = token
    ? `For ${who} ${resting(all)} most at the start. `
    : "The first token sees only itself. ";
  if (!one.sizes) return `${idle}How much each head adds, this page's model does not say.`;
  const most = all.reduce((best, { size }, k) => (size > all[best].size ? k : best), 0);
  return `${idle}Head ${most} adds most, a vector of length ${number(all[most].size)}: ${taken(all[most].shares, one.tokens)}. ${together(lengths(all, one.total[layer][token]))}`;
}

function oneHead({ tokens, width }, all, head, who) {
  const { shares, size } = all[head];
  const takes = `Head ${head} takes for ${who} ${taken(shares, tokens)}.`;
  if (size === undefined) return takes;
  const rank = all.filter((other) => other.size > size).length + 1;
  return `${takes} The mean of their values, weighted so, is its slice: ${width / all.length} of the ${width} numbers. W^O turns it into a vector of length ${number(size)}, ${rank === 1 ? "the longest" : `number ${rank}`} of ${all.length}.`;
}

// ---------------------------------------------------------------- geometry

const ROW = 30;
const STAGES = { gap: 10, slice: 28, mix: 64, bar: 24 };
const THICK = 26; // the most pixels that all of a head's attention is wide

/** Where the stages below T tokens begin: slices, their mixing, the three bars, the end. */
function stages(T, withSizes) {
  const slices = T * ROW + STAGES.gap;
  const mixed = slices + STAGES.slice;
  const bars = mixed + STAGES.mix;
  return { slices, mixed, bars, end: withSizes ? bars + 3 * STAGES.bar : mixed + 2 };
}

/**
 * The streams of one head in a panel from x to x + width: each comes in at its token's row, as
 * wide as its share, turns down, and stands beside the others, the earliest token outermost.
 * @returns {{at: number, share: number, wide: number, path: string}[]}
 */
export function streams(shares, x, width, bottom) {
  const all = Math.min(THICK, 0.62 * width);
  const pad = Math.min(8, 0.08 * width);
  let right = x + width - pad;
  return shares.map((share, at) => {
    const wide = share * all;
    const middle = right - wide / 2;
    right -= wide;
    const [y, r] = [(at + 0.5) * ROW, wide / 2 + 3];
    const path = `M${(x + pad).toFixed(1)} ${y}H${(middle - r).toFixed(1)}q${r.toFixed(1)} 0 ${r.toFixed(1)} ${r.toFixed(1)}V${bottom}`;
    return { at, share, wide, path };
  });
}

/** From a slice to its piece of the bar: a band whose width goes from one to the other. */
function band([a, b], [c, d], top, bottom) {
  const middle = (top + bottom) / 2;
  const down = (from, to) =>
    `C${from.toFixed(1)} ${middle} ${to.toFixed(1)} ${middle} ${to.toFixed(1)} ${bottom}`;
  return `M${a.toFixed(1)} ${top}${down(a, c)}H${d.toFixed(1)}C${d.toFixed(1)} ${middle} ${b.toFixed(1)} ${middle} ${b.toFixed(1)} ${top}Z`;
}

/** The whole figure: rows of tokens, a panel a head, slices, W^O, lengths. */
export function picture({ tokens, all, at, total, width }) {
  const place = stages(tokens.length, total !== undefined);
  const panel = width / all.length;
  const node = svg("svg", { width, height: place.end, viewBox: `0 0 ${width} ${place.end}` });
  node.append(
    svg("rect", { x: 0, y: at * ROW + 1, width, height: ROW - 2, fill: "var(--lm-paper-2)" }),
  );
  tokens.forEach(
    (_, k) =>
      k <= at &&
      node.append(
        svg("line", {
          x1: 0,
          x2: width,
          y1: (k + 0.5) * ROW,
          y2: (k + 0.5) * ROW,
          stroke: "var(--lm-line)",
        }),
      ),
  );
  const sums = total === undefined ? null : lengths(all, total);
  const scale = sums && (width - 44) / sums.end;
  let from = 0;
  all.forEach(({ shares, size, most }, k) => {
    const x = k * panel;
    const one = svg("g", { "data-head": k });
    one.append(svg("rect", { x, y: 0, width: panel, height: place.mixed, fill: "transparent" }));
    for (const { share, wide, path } of streams(shares, x, panel, place.slices)) {
      if (share >= 0.005)
        one.append(
          svg("path", {
            d: path,
            fill: "none",
            stroke: "var(--lm-accent)",
            "stroke-width": Math.max(0.75, wide > 3 ? wide - 1 : wide).toFixed(2),
          }),
        );
    }
    if (panel > 60) one.append(shareText(x + 0.08 * panel, most, shares[most]));
    one.append(...slice(k, x, panel, place.slices));
    if (sums) {
      const to = from + size * scale;
      one.append(
        svg("path", {
          d: band([x + 1, x + panel - 1], [from, to], place.mixed, place.bars),
          fill: "var(--lm-accent)",
          opacity: 0.22,
        }),
      );
      one.append(
        svg("rect", {
          x: from,
          y: place.bars,
          width: Math.max(0.5, size * scale - 1),
          height: 16,
          fill: "var(--lm-accent)",
        }),
      );
      from = to;
    }
    node.append(one);
  });
  if (sums) node.append(...bars(sums, scale, place.bars));
  return node;
}

/** A head's greatest share in words: in its stream where that is wide, else beside it. */
function shareText(x, at, share) {
  const [y, wide] = [(at + 0.5) * ROW, share * THICK];
  const inside = wide > 14;
  const beside = at ? y - wide / 2 - 4 : y + wide / 2 + 13;
  return svg(
    "text",
    {
      x: inside ? x + 6 : x,
      y: inside ? y + 4 : beside,
      "font-size": 12,
      fill: `var(--lm-${inside ? "accent-ink" : "ink"})`,
    },
    `${Math.round(100 * share)} %`,
  );
}

function slice(k, x, width, y) {
  const box = svg("rect", {
    x: x + 0.5,
    y,
    width: width - 1,
    height: STAGES.slice,
    fill: "var(--lm-wash)",
    stroke: "var(--lm-accent)",
  });
  return [
    box,
    svg(
      "text",
      {
        x: x + width / 2,
        y: y + 19,
        "text-anchor": "middle",
        "font-size": 13,
        fill: "var(--lm-ink)",
      },
      String(k),
    ),
  ];
}

/** The lengths end to end have their pieces already; here come the two to compare them with. */
function bars({ end, right, total }, scale, y) {
  const said = (value, row) =>
    svg(
      "text",
      {
        x: value * scale + 6,
        y: y + row * STAGES.bar + 13,
        "font-size": 13,
        fill: "var(--lm-ink)",
      },
      number(value),
    );
  const box = (value, row, look) =>
    svg("rect", {
      x: 0.5,
      y: y + row * STAGES.bar + 0.5,
      width: value * scale,
      height: 15,
      ...look,
    });
  return [
    said(end, 0),
    box(right, 1, { fill: "none", stroke: "var(--lm-ink-2)", "stroke-dasharray": "3 2" }),
    said(right, 1),
    box(total, 2, { fill: "var(--lm-accent)" }),
    said(total, 2),
  ];
}

// --------------------------------------------------------------------- view

const KEYS =
  "Tab goes through the controls; up and down arrows go from token to token, left and right ones from head to head; Escape shows all heads again.";

class View {
  static kind = "attention";

  static link = {
    text: storedOrLive("texts", "attention"),
    layer: (layer, model) => fits.count(model.get("texts")[0].shape[0] - 1)(layer),
    token: (token) => token === -1 || fits.count(MAX_TOKENS - 1)(token),
    head: (head, model) => head === -1 || fits.count(model.get("texts")[0].shape[1] - 1)(head),
  };

  constructor(model) {
    this.model = model;
    this.live = canAsk(model, View.kind);
    this.frame = frame({
      title: "What does each head of a layer take, and from where?",
      menu: [["Download data (CSV)", () => this.data()]],
      keys: KEYS,
      rows: () => this.rows(),
    });
    this.origin = provenance(this.frame.source, model);
    this.controls();
    this.build();
    this.stops = [
      watch(model, ["text"], () => this.refresh()),
      watch(model, ["layer", "token"], () => this.one && this.paint()),
      watch(model, ["head"], () => this.one && this.mark()),
    ];
    this.refresh();
  }

  controls() {
    const { model } = this;
    const texts = model.get("texts");
    const { field, input } = textField(
      "Text",
      texts.map(({ text }) => text),
      this.live,
      (text) => text === model.get("text") || update(model, { text, token: -1 }),
    );
    this.input = input;
    const change = () => update(model, { layer: this.layer.valueAsNumber });
    this.layer = h("input", {
      type: "range",
      min: 0,
      max: texts[0].shape[0] - 1,
      step: 1,
      oninput: change,
    });
    this.layerSaid = h("output", {});
    this.frame.controls.append(
      ...(this.live || texts.length > 1 ? [field] : []),
      labelled("Layer", this.layer, this.layerSaid),
    );
  }

  build() {
    this.tokens = h("div", {
      class: "lmk-multi-tokens",
      role: "group",
      "aria-label": "The token that takes",
      onkeydown: (event) => this.move(event),
    });
    this.tops = h("div", {
      class: "lmk-multi-heads",
      role: "group",
      "aria-label": "Heads",
      onkeydown: (event) => this.move(event),
    });
    this.figure = fitted(
      "A panel for each head: streams from the tokens that it looks at, as wide as its attention. The line below says what is seen.",
      (width) => this.draw(width),
    );
    this.figure.box.addEventListener("click", (event) => this.pick(event));
    this.figure.box.addEventListener("pointerover", (event) => this.over(event));
    this.figure.box.addEventListener("pointerleave", () => this.mark());
    this.labels = h("div", { class: "lmk-multi-labels", "aria-hidden": "true" });
    const flow = h(
      "div",
      { class: "lmk-multi" },
      h(
        "div",
        {},
        h("div", { class: "lmk-multi-corner", "aria-hidden": "true" }, "head"),
        this.tokens,
        this.labels,
      ),
      h("div", { class: "lmk-multi-panels" }, this.tops, this.figure.box),
    );
    this.frame.view.append(flow);
  }

  async refresh() {
    const text = this.model.get("text");
    const turn = (this.turn = (this.turn ?? 0) + 1);
    if (document.activeElement !== this.input) this.input.value = text;
    try {
      const stored = this.model.get("texts").find((one) => one.text === text);
      const one = stored ?? (await this.fetched(text));
      if (turn !== this.turn) return;
      if (one.tokens.length > MAX_TOKENS)
        throw new Error(
          `The text has ${one.tokens.length - 1} tokens; this figure takes 1 to ${MAX_TOKENS - 1}.`,
        );
      this.frame.box.removeAttribute("aria-busy");
      this.one = { ...one, weights: unpacked(one.weights) };
      this.origin.tell(stored ? "stored with the chapter" : "computed now");
      this.paint();
    } catch (error) {
      if (turn !== this.turn) return;
      this.frame.box.removeAttribute("aria-busy");
      if (error.name !== "AbortError") this.frame.say(error.message);
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
    this.layerSaid.textContent = String(layer);
    this.all = heads(this.one, layer, at);
    this.paintButtons(at);
    this.figure.paint();
    this.mark();
  }

  paintButtons(at) {
    const held = [this.tokens, this.tops].map((group) => group.contains(document.activeElement));
    this.tokens.replaceChildren(
      ...this.one.tokens.map((token, k) => this.tokenButton(token, k, at)),
    );
    this.tops.replaceChildren(...this.all.map((one, k) => this.headButton(one, k)));
    const head = this.model.get("head");
    if (held[0]) this.tokens.children[at].focus();
    if (held[1]) this.tops.children[Math.max(0, head)].focus();
    const names = this.one.sizes
      ? ["Concat", null, "end to end", "right angles", "their sum"]
      : ["Concat"];
    this.labels.replaceChildren(
      ...names.map((text) => h("span", {}, ...(text ? [text] : ["W", h("sup", {}, "O")]))),
    );
  }

  draw(width) {
    if (!this.one) return svg("svg");
    const total = this.one.total?.[this.model.get("layer")][this.at()];
    return picture({ tokens: this.one.tokens, all: this.all, at: this.at(), total, width });
  }

  tokenButton(token, k, at) {
    const look = k === at ? " lmk-chosen" : k > at ? " lmk-multi-later" : "";
    return chip(face(token), "button", {
      class: `lmk-chip${look}`,
      tabindex: k === at ? 0 : -1,
      "aria-pressed": String(k === at),
      onclick: () => update(this.model, { token: k }),
    });
  }

  headButton({ shares, size, most }, k) {
    const choose = () => update(this.model, { head: this.model.get("head") === k ? -1 : k });
    const adds = size === undefined ? "" : `, adds ${number(size)}`;
    const label = `head ${k}: ${percent(shares[most])} from ${named(this.one.tokens[most])}${adds}`;
    return h(
      "button",
      {
        type: "button",
        class: "lmk-multi-top",
        "aria-label": label,
        title: label,
        onclick: choose,
      },
      String(k),
    );
  }

  /** Bring out one head, chosen or pointed at, or none; say what is seen. */
  mark(pointed = -1) {
    const chosen = this.model.get("head");
    const head = pointed < 0 ? chosen : pointed;
    for (const [k, button] of [...this.tops.children].entries()) {
      button.setAttribute("aria-pressed", String(k === chosen));
      button.tabIndex = k === Math.max(0, chosen) ? 0 : -1;
      button.classList.toggle("lmk-chosen", k === head);
    }
    for (const one of this.figure.box.querySelectorAll("[data-head]"))
      one.classList.toggle("lmk-multi-faint", head >= 0 && Number(one.dataset.head) !== head);
    this.shade(head);
    this.frame.say(reading(this.one, this.model.get("layer"), this.at(), head));
  }

  /** The tokens as dark as the head's share of them, or the mean of all heads'. */
  shade(head) {
    const some = head < 0 ? this.all : [this.all[head]];
    [...this.tokens.children].forEach((button, k) => {
      button.classList.add("lmk-shaded");
      button.style.setProperty(
        "--share",
        (sumOf(some.map(({ shares }) => shares[k] ?? 0)) / some.length).toFixed(3),
      );
    });
  }

  over(event) {
    const one = event.target.closest?.("[data-head]");
    this.mark(one ? Number(one.dataset.head) : -1);
  }

  pick(event) {
    const one = event.target.closest?.("[data-head]");
    const head = one ? Number(one.dataset.head) : -1;
    update(this.model, { head: head === this.model.get("head") ? -1 : head });
  }

  move(event) {
    if (event.key === "Escape" && this.model.get("head") >= 0)
      return update(this.model, { head: -1 });
    const [down, right] = [
      { ArrowDown: 1, ArrowUp: -1 }[event.key] ?? 0,
      { ArrowRight: 1, ArrowLeft: -1 }[event.key] ?? 0,
    ];
    if (!down && !right) return;
    event.preventDefault();
    const [token, head] = [this.at() + down, this.model.get("head") + right];
    if (down && token >= 0 && token < this.one.tokens.length) update(this.model, { token });
    if (right && head >= 0 && head < this.all.length) update(this.model, { head });
    if (right) this.tops.children[Math.max(0, this.model.get("head"))].focus();
    if (down) this.tokens.children[this.at()].focus();
  }

  rows() {
    const { tokens } = this.one;
    const lines = this.all.map(({ shares, size }, k) => [
      `head ${k}`,
      taken(shares, tokens),
      size === undefined ? "–" : number(size),
    ]);
    return [
      `Layer ${this.model.get("layer")}: what each head takes for ${named(tokens[this.at()])}`,
      ["head", "takes", "length added"],
      lines,
    ];
  }

  close() {
    this.stops.forEach((stop) => stop());
    this.figure.close();
    this.origin.close();
  }

  data() {
    const {
      tokens,
      shape: [nLayer],
    } = this.one;
    const at = this.at();
    const lines = Array.from({ length: nLayer }, (_, layer) =>
      heads(this.one, layer, at).flatMap(({ shares, size }, k) =>
        shares.map((share, c) => [
          layer,
          k,
          tokens[at].t,
          tokens[c].t,
          number(share),
          size === undefined ? "" : number(size),
        ]),
      ),
    ).flat();
    download(
      "heads.csv",
      csv([["layer", "head", "token", "looks at", "weight", "length added"], ...lines]),
      "text/csv",
    );
  }
}

const render = (host) => present(View, host);

export default { render };

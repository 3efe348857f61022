// ChainRule: a text's probability is a product, one factor a token (chapter 1).
//
// A sentence holds its `text` and its `tokens`: text `t`, id `i`, log probability `l` given all
// that stands before, and `alt`, the tokens that the model expected there, likeliest first.
import { textField } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { frame, toolButton } from "../../kit/frame.mjs";
import { ask, canAsk, update, watch } from "../../kit/host.mjs";
import { storedOrLive } from "../../kit/links.mjs";
import { number, percent, scientificFromLog } from "../../kit/numbers.mjs";
import { barsSvg, colours } from "../../kit/picture.mjs";
import { provenance } from "../../kit/provenance.mjs";
import { table } from "../../kit/table.mjs";
import { chip, quoted, visible } from "../../kit/tokens.mjs";

/**
 * Running sums over the tokens: log P so far, and from it P so far.
 * @returns {{sums: number[], nll: number, mean: number, perplexity: number}} in nats
 */
export function totals(tokens) {
  let sum = 0;
  const sums = tokens.map(({ l }) => (sum += l));
  const mean = tokens.length ? -sum / tokens.length : 0;
  return { sums, nll: -sum || 0, mean, perplexity: Math.exp(mean) };
}

/** What the whole sentence shows, in a sentence. */
export function reading(tokens) {
  const { nll, mean, perplexity } = totals(tokens);
  const n = tokens.length;
  return (
    `${n} ${n === 1 ? "token" : "tokens"}: P = ${scientificFromLog(-nll)}, NLL = ${number(nll)} nats, ` +
    `${number(mean)} a token, perplexity ${number(perplexity)}: as unsure as a choice among ${number(perplexity)} equally likely tokens.`
  );
}

/** What one token shows. */
export function readingAt(tokens, at) {
  const { t, l, alt } = tokens[at];
  const p = Math.exp(l);
  const rank = alt.findIndex((other) => other.t === t);
  const place =
    rank === 0
      ? "the model's first guess"
      : rank > 0
        ? `guess number ${rank + 1}`
        : `not among its first ${alt.length} guesses, of which ${quoted(alt[0].t)} leads with ${percent(Math.exp(alt[0].l))}`;
  return `${quoted(t)} had ${percent(p)}, ${number(-l)} nats of surprise: ${place}.`;
}

const KEYS =
  "Tab or the left and right arrows go from token to token; each shows what else the model expected there. Escape shows the whole sentence.";

class View {
  static kind = "chain-rule";
  static link = { text: storedOrLive("sentences", "chain-rule") };

  constructor(model) {
    this.model = model;
    this.live = canAsk(model, View.kind);
    this.frame = frame({
      title: "How probable is this sentence, token by token?",
      restart: toolButton("⟲", "Show the whole sentence", () => this.pick(-1)),
      menu: [
        ["Download picture (SVG)", () => this.picture()],
        ["Download data (CSV)", () => this.data()],
      ],
      keys: KEYS,
    });
    this.strip = h("p", {
      class: "lmk-strip",
      dir: "auto",
      onkeydown: (event) => this.move(event),
    });
    this.expected = h("div", { class: "lmk-expected" });
    this.factors = h("div", {
      class: "lmk-scroll",
      tabindex: 0,
      role: "region",
      "aria-label": "The factors, one row a token",
    });
    this.frame.view.append(this.strip, this.expected, this.factors);
    const texts = model.get("sentences").map(({ text }) => text);
    const { field, input } = textField(
      "Sentence",
      texts,
      this.live,
      (text) => text === model.get("text") || update(model, { text }),
    );
    this.input = input;
    if (!model.get("linked")) this.frame.controls.append(field);
    this.origin = provenance(this.frame.source, model);
    this.stop = watch(model, ["text"], () => this.refresh());
    this.refresh();
  }

  async refresh() {
    const text = this.model.get("text");
    const turn = (this.turn = (this.turn ?? 0) + 1);
    try {
      const stored = this.model.get("sentences").find((sentence) => sentence.text === text);
      const answer = stored ?? (await this.fetched(text));
      if (turn === this.turn) this.show(answer, Boolean(stored));
    } catch (error) {
      if (turn === this.turn && error.name !== "AbortError") this.fail(error);
    }
  }

  fetched(text) {
    if (!this.live)
      throw new Error("This sentence is not stored with the chapter: choose another.");
    this.frame.box.setAttribute("aria-busy", "true");
    return ask(this.model, { kind: "chain-rule", text });
  }

  fail(error) {
    this.frame.box.removeAttribute("aria-busy");
    this.frame.say(error.message);
  }

  show({ tokens }, stored) {
    this.frame.box.removeAttribute("aria-busy");
    this.tokens = tokens;
    if (document.activeElement !== this.input) this.input.value = this.model.get("text");
    this.strip.replaceChildren(...tokens.map((token, at) => this.token(token, at)));
    this.factors.replaceChildren(this.factorTable());
    this.origin.tell(stored ? "stored with the chapter" : "computed now");
    this.at = undefined;
    this.pick(-1);
  }

  /** A token in the shade of its probability: deep where the model was sure. */
  token(token, at) {
    const p = Math.exp(token.l);
    const label = `${visible(token.t)}, ${percent(p)}`;
    const leave = () => this.strip.contains(document.activeElement) || this.pick(-1);
    const node = chip(token, "button", {
      "aria-label": label,
      "aria-pressed": "false",
      style: `--share:${p.toFixed(3)}`,
      onclick: () => this.pick(at),
      onfocus: () => this.pick(at),
      onpointerenter: () => this.pick(at),
      onpointerleave: leave,
    });
    node.classList.add("lmk-shaded");
    return node;
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

  /** Show one token's alternatives, or with −1 the sentence as a whole. */
  pick(at) {
    if (at === this.at) return;
    this.at = at;
    this.strip
      .querySelectorAll("button")
      .forEach((node, k) => node.setAttribute("aria-pressed", String(k === at)));
    this.factors
      .querySelectorAll("tbody tr")
      .forEach((row, k) => row.classList.toggle("lmk-hot", k === at));
    this.expected.replaceChildren(...(at < 0 ? this.worst() : this.guesses(at)));
    this.frame.say(
      this.tokens.length === 0
        ? "An empty text has probability 1: there is nothing to predict."
        : at < 0
          ? reading(this.tokens)
          : readingAt(this.tokens, at),
    );
  }

  /** With no token chosen: what the model expected where it was most surprised. */
  worst() {
    if (this.tokens.length === 0) return [];
    const at = this.tokens.reduce((worst, { l }, k) => (l < this.tokens[worst].l ? k : worst), 0);
    const hint = `Point at a token to see what else the model expected. Its greatest surprise is ${quoted(this.tokens[at].t)}; it expected:`;
    return [h("p", { class: "lmk-hint" }, hint), ...this.guesses(at)];
  }

  guesses(at) {
    const { alt, i } = this.tokens[at];
    const bar = (other) =>
      h(
        "li",
        {},
        h(
          "span",
          { class: other.i === i ? "lmk-row lmk-hot" : "lmk-row" },
          chip(other),
          h("span", {
            class: "lmk-bar",
            "aria-hidden": "true",
            style: `--share:${Math.exp(other.l)}`,
          }),
          h("span", { class: "lmk-share" }, percent(Math.exp(other.l))),
        ),
      );
    return [h("ol", { class: "lmk-bars" }, ...alt.map(bar))];
  }

  move(event) {
    const buttons = [...this.strip.querySelectorAll("button")];
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") document.activeElement.blur(), this.pick(-1);
    else if (step) buttons[buttons.indexOf(document.activeElement) + step]?.focus();
    else return;
    event.preventDefault();
  }

  close() {
    this.stop();
    this.origin.close();
  }

  picture() {
    const rows = this.tokens.map(({ t, l }) => ({
      label: visible(t),
      share: Math.exp(l),
      text: percent(Math.exp(l)),
    }));
    download(
      "chain-rule.svg",
      barsSvg("P(token | what stands before)", rows, colours(this.frame.box)),
      "image/svg+xml",
    );
  }

  data() {
    const { sums } = totals(this.tokens);
    const rows = this.tokens.map(({ t, i, l }, at) => [t, i, Math.exp(l), l, sums[at]]);
    download(
      "chain-rule.csv",
      csv([["token", "id", "probability", "log probability (nats)", "sum"], ...rows]),
      "text/csv",
    );
  }
}

const render = (host) => present(View, host);

export default { render };

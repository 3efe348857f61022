// TokenizerPlayground: how do tokenizers cut a text? (chapter 2)
//
// Words, characters, bytes, a small BPE and a small WordPiece work here. SmolLM2 and MiniLM are
// stored for the examples; for other texts the kernel is asked, or their vocabularies are loaded.
import { checkbox, choice, labelled, textBox, whenFull } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { Figure, present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { toolButton } from "../../kit/frame.mjs";
import { ask, update } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number, thousands } from "../../kit/numbers.mjs";
import { once } from "../../kit/once.mjs";
import { chip, visible } from "../../kit/tokens.mjs";
import {
  bpeCutter,
  byteTokens,
  characterCutter,
  cutBytes,
  wordCutter,
  wordPieceCutter,
} from "./cutters.mjs";

/**
 * @typedef {import("./cutters.mjs").Token} Token
 * @typedef {import("./cutters.mjs").Cut} Cut
 * @typedef {{name: string, about: string, cut: (text: string) => Token[] | null}} Cutter
 * @typedef {{name: string, about?: string, tokens: Token[] | null}} Row null where nobody has cut the text
 * @typedef {"smollm2" | "minilm"} Real
 * @typedef {Record<Real, Token[]>} Reply
 * @typedef {Reply & {about: string, text: string}} Example
 * @typedef {import("../../kit/host.mjs").Model} Model
 */

const MAX_CHARACTERS = 2000;
const MAX_CHIPS = 300; // of a row
const REST = 150; // milliseconds without a key before a text is cut

/** @param {number} n */
const size = (n) => thousands(String(n));

/** @param {number} n @param {string} noun */
const counted = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

/** @param {string} text */
const lengthOf = (text) => Array.from(text).length;

/** What there is to see, in two sentences. @param {string} text @param {Row[]} rows */
export function reading(text, rows) {
  const n = lengthOf(text);
  if (!n) return "Type a text, or choose an example.";
  const cut = rows.map(({ name, tokens }) => ({ name, n: tokens?.length ?? -1 }));
  const known = cut.filter((row) => row.n >= 0);
  const least = known.reduce((low, row) => (row.n < low.n ? row : low));
  const most = known.reduce((high, row) => (row.n > high.n ? row : high));
  return `${counted(n, "character")}: from ${counted(least.n, "token")} (${least.name}) to ${most.n} (${most.name}).${losses(rows)}`;
}

/** Who met something that its vocabulary does not have. @param {Row[]} rows */
function losses(rows) {
  const lost = rows.filter(({ tokens }) => tokens?.some(isUnknown)).map(({ name }) => name);
  if (!lost.length) return " No row has an unknown token.";
  return ` Not all of it is known to ${lost.join(", ").replace(/, ([^,]*)$/, " and $1")}.`;
}

/** @param {Token} token */
const isUnknown = ({ of }) => of !== undefined;

/** A stored token; for what an unknown one stands is not stored. @param {Token} token */
const marked = (token) => (token.t === "[UNK]" ? { ...token, of: "" } : token);

/** The real vocabularies that tools.build laid beside the site, once for all playgrounds of a page. */
const loadReal = once(async (/** @type {URL} */ root) => {
  const [smollm2, minilm] = await Promise.all([lines("smollm2", root), lines("minilm", root)]);
  return { smollm2: bpeCutter(smollm2), minilm: wordPieceCutter(minilm) };
});

/** @param {Real} name @param {URL} root */
async function lines(name, root) {
  const reply = await fetch(new URL(`vocab/${name}.txt`, root));
  if (!reply.ok)
    throw new Error("The vocabularies are not on this site: it was built without them.");
  return (await reply.text()).split("\n");
}

/** The cutters that work here, from the stored vocabularies. @param {Model} model @returns {Cutter[]} */
function smallCutters(model) {
  const corpus = model.get("corpus_name");
  const characters = ["<unk>", ...model.get("characters")];
  /** @type {string[][]} */
  const [words, pieces] = [model.get("words").split(" "), model.get("pieces").split(" ")];
  /** @type {string[]} */
  const merges = model.get("merges").split("\n");
  const made = new Set(merges.map((pair) => pair.replace(" ", "")));
  const bpe = [...byteTokens(), ...merges];
  return [
    cutter("words", `the ${size(words.length - 1)} commonest of ${corpus}`, wordCutter(words)),
    cutter("characters", `those of ${corpus}`, characterCutter(characters)),
    cutter("bytes", "256, of UTF-8", cutBytes),
    cutter("BPE", `${size(256 + made.size)}, from ${corpus}`, bpeCutter(bpe)),
    cutter("WordPiece", `${size(pieces.length)}, from ${corpus}`, wordPieceCutter(pieces)),
  ];
}

/** @param {string} name @param {string} about @param {Cutter["cut"]} cut */
const cutter = (name, about, cut) => ({ name, about, cut });

const KEYS = "Type, and all rows follow. Rows of more than 300 tokens show the first 300.";
const HERE = "The first five are computed here";
const UNREACHED = "The vocabularies could not be loaded: see whether the site can be reached.";

class View extends Figure {
  static kind = "tokenize";
  static link = { text: fits.text(MAX_CHARACTERS), ids: fits.flag };

  /** @type {Map<string, Reply>} what the kernel answered, by text */
  asked = new Map();
  /** @type {Record<Real, Cut> | null} the real tokenizers, once they are loaded */
  real = null;
  /** @type {Row[]} */
  rows = [];
  text = "";
  isAsking = false; // or has asked for this text in vain
  error = "";

  /** @param {Model} model */
  constructor(model) {
    super(model, {
      title: "How is this text cut?",
      restart: toolButton("⟲", "Back to the first example", () => this.restart()),
      menu: [["Download data (CSV)", () => this.data()]],
      keys: KEYS,
      rows: () => this.table(),
    });
    this.cutters = [...smallCutters(model), ...this.realCutters()];
    this.box = this.typed();
    this.example = this.exampleChoice();
    this.ids = checkbox((ids) => update(model, { ids }));
    this.frame.controls.append(labelled("Example", this.example), labelled("Show ids", this.ids));
    this.watch(["text", "ids"], () => this.show());
    this.show();
  }

  realCutters() {
    return [
      cutter("SmolLM2", `BPE, ${size(49152)}`, (text) => this.realTokens("smollm2", text)),
      cutter("MiniLM", `WordPiece, ${size(30522)}`, (text) => this.realTokens("minilm", text)),
    ];
  }

  /** Where the reader types a text. */
  typed() {
    const send = (/** @type {string} */ text) => update(this.model, { text });
    const { label, box, cancel } = textBox("Text", MAX_CHARACTERS, REST, send);
    this.atClose(cancel);
    this.frame.controls.append(label, box);
    return box;
  }

  /** @returns {Example[]} */
  examples() {
    return this.model.get("examples");
  }

  exampleChoice() {
    /** @type {[string, string][]} */
    const options = this.examples().map(({ about, text }) => [text, about]);
    return choice([["", "your own"], ...options], "", (text) => {
      if (text) update(this.model, { text });
    });
  }

  restart() {
    update(this.model, { text: this.examples()[0].text });
  }

  show() {
    const text = this.model.get("text").slice(0, MAX_CHARACTERS);
    if (text !== this.text) Object.assign(this, { text, error: "", isAsking: false });
    this.settle(text);
    this.rows = this.cutters.map(({ name, about, cut }) => ({ name, about, tokens: cut(text) }));
    this.frame.view.replaceChildren(h("div", { class: "lmk-cuts" }, ...this.lines(text)));
    this.frame.say(this.error || reading(text, this.rows) + whenFull(text, MAX_CHARACTERS));
    this.frame.source.replaceChildren(...this.source());
    const isCut = this.rows.every(({ tokens }) => tokens);
    if (this.live && !this.isAsking && !isCut) this.askKernel(text);
  }

  /** The controls say what is shown. @param {string} text */
  settle(text) {
    const isExample = this.examples().some((example) => example.text === text);
    if (document.activeElement !== this.box) this.box.value = text;
    this.example.value = isExample ? text : "";
    this.ids.checked = this.model.get("ids");
  }

  /**
   * What a real tokenizer makes of a text: as stored, as the kernel said, or by its vocabulary.
   * @param {Real} key
   * @param {string} text
   */
  realTokens(key, text) {
    const example = this.examples().find((example) => example.text === text);
    const known = example ?? this.asked.get(text);
    return known?.[key]?.map(marked) ?? this.real?.[key](text) ?? null;
  }

  /** @param {string} text */
  async askKernel(text) {
    this.isAsking = true;
    try {
      this.asked.set(text, await ask(this.model, { kind: View.kind, text }));
    } catch (error) {
      if (this.text === text) this.error = /** @type {Error} */ (error).message;
    }
    if (this.text === text) this.show();
  }

  /** A part for each tokenizer. @param {string} text */
  lines(text) {
    const n = lengthOf(text);
    return this.rows.map((row) => this.line(row, n));
  }

  /** @param {Row} row @param {number} n characters of the text */
  line({ name, about, tokens }, n) {
    const head = h(
      "p",
      { class: "lmk-cut-name" },
      h("strong", {}, name),
      ` ${about}`,
      h("span", { class: "lmk-cut-count" }, tokens ? countOf(tokens, n) : ""),
    );
    const chips = tokens ? this.chips(tokens) : [hint(this.missing())];
    const line = h("p", { class: "lmk-cut-chips" }, ...chips);
    return h("section", { class: "lmk-cut", "aria-label": name }, head, line);
  }

  /** Why a real tokenizer's row is empty. */
  missing() {
    if (!this.live) return "stored for the examples only";
    return this.error ? "no answer" : "asking the kernel …";
  }

  /** @param {Token[]} tokens */
  chips(tokens) {
    const withIds = this.model.get("ids");
    const shown = tokens.slice(0, MAX_CHIPS).map((token, k) => face(token, k, withIds));
    const rest = tokens.length - MAX_CHIPS;
    return rest > 0 ? [...shown, hint(` and ${rest} more`)] : shown;
  }

  /** Where the two real rows come from, and on a page how to get them for any text. */
  source() {
    const { page } = this.model;
    if (this.live) return [`${HERE}; SmolLM2 and MiniLM by the kernel.`];
    if (this.real) return [`${HERE}; SmolLM2 and MiniLM too, by their own vocabularies.`];
    const stored = `${HERE}; SmolLM2 and MiniLM are stored for the examples`;
    if (!page?.spec) return [`${stored}.`];
    if (page.root.protocol === "file:")
      return [`${stored}: on a page opened from a disk no more can be loaded.`];
    return [`${stored} · `, this.loadButton(page.root)];
  }

  /** @param {URL} root */
  loadButton(root) {
    const name = "Load their vocabularies, 0.7 MB";
    const onclick = () => {
      button.disabled = true;
      button.textContent = "Loading …";
      this.load(root);
    };
    const button = h("button", { type: "button", class: "lmk-link", onclick }, name);
    return button;
  }

  /** @param {URL} root */
  async load(root) {
    try {
      this.real = await loadReal(root);
      this.error = "";
    } catch (error) {
      const isNetwork = error instanceof TypeError;
      this.error = isNetwork ? UNREACHED : /** @type {Error} */ (error).message;
    }
    this.show();
  }

  /** @returns {import("../../kit/table.mjs").TableSpec} */
  table() {
    const n = lengthOf(this.text);
    const head = ["tokenizer", "tokens", "characters each", "unknown", "pieces"];
    const rows = this.rows.flatMap(({ name, tokens }) =>
      tokens ? [[name, ...cells(tokens, n)]] : [],
    );
    return ["How each tokenizer cuts the text", head, rows];
  }

  data() {
    const rows = this.rows.flatMap(({ name, tokens }) =>
      (tokens ?? []).map(({ t, i }, k) => [name, k, t, i]),
    );
    download("tokens.csv", csv([["tokenizer", "place", "token", "id"], ...rows]), "text/csv");
  }
}

/** @param {string} text */
const hint = (text) => h("span", { class: "lmk-hint" }, text);

/** @param {Token[]} tokens @param {number} n characters of the text */
function countOf({ length }, n) {
  return `${counted(length, "token")}${length ? `, ${number(n / length, 2)} characters each` : ""}`;
}

/** A token's face; neighbours differ in shade. @param {Token} token @param {number} k @param {boolean} withId */
function face(token, k, withId) {
  const shade = k % 2 ? "lmk-odd" : "lmk-even";
  const kind = isUnknown(token) ? "lmk-unknown" : shade;
  const node = chip(token, "span", { class: `lmk-chip ${kind}`, title: titleOf(token) });
  if (withId) node.append(h("sub", { class: "lmk-cut-id" }, String(token.i)));
  return node;
}

/** @param {Token} token */
function titleOf({ t, i, of }) {
  if (of === undefined) return `token ${i}`;
  return `${t}, token ${i}${of && `: stands for “${of}”`}`;
}

/** A row of the table, without its name. @param {Token[]} tokens @param {number} n characters of the text */
const cells = (tokens, n) => [
  String(tokens.length),
  tokens.length ? number(n / tokens.length, 2) : "–",
  String(tokens.filter(isUnknown).length),
  tokens
    .slice(0, MAX_CHIPS)
    .map(({ t }) => visible(t))
    .join(" "),
];

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

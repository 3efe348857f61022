// TokenizerPlayground: how do tokenizers cut a text? (chapter 2)
//
// Words, characters, bytes, a small BPE and a small WordPiece work here. SmolLM2 and MiniLM are
// stored for the examples; for other texts the kernel is asked, or their vocabularies are loaded.
import { choice, labelled, whenFull } from "../../kit/controls.mjs";
import { freshId, h } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { frame, toolButton } from "../../kit/frame.mjs";
import { ask, canAsk, update, watch } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number, thousands } from "../../kit/numbers.mjs";
import { table } from "../../kit/table.mjs";
import { chip, visible } from "../../kit/tokens.mjs";
import { Tokenizer, byteAlphabet, showBytes, wellFormed } from "../../engine/bpe.mjs";

const MAX_CHARACTERS = 2000;
const MAX_CHIPS = 300; // of a row
const REAL = ["smollm2", "minilm"];

const size = (n) => thousands(String(n));

/** @typedef {{t: string, i: number, of?: string}} Token `of` is what an unknown token stands for */
/** @typedef {(text: string) => Token[]} Cut */

const unicode = (pattern) =>
  new RegExp(pattern.replaceAll(String.raw`\s`, String.raw`\p{White_Space}`), "gu");
const WORD = unicode(String.raw`[\p{L}\p{M}\p{N}\p{Pc}]+|[^\s\p{L}\p{M}\p{N}\p{Pc}]`);

const numbered = (tokens) => new Map(tokens.map((token, i) => [token, i]));
const looked = (ids, unknown) => (piece) =>
  ids.has(piece) ? { t: piece, i: ids.get(piece) } : { t: unknown, i: ids.get(unknown), of: piece };

/** Words and marks. @param {string[]} tokens in the order of their ids @returns {Cut} */
export function wordCutter(tokens) {
  const look = looked(numbered(tokens), "<unk>");
  return (text) => (wellFormed(text).match(WORD) ?? []).map(look);
}

/** Characters. @param {string[]} tokens @returns {Cut} */
export function characterCutter(tokens) {
  const look = looked(numbered(tokens), "<unk>");
  return (text) => Array.from(wellFormed(text), look);
}

/** The bytes of UTF-8. @type {Cut} */
export const cutBytes = (text) =>
  Array.from(new TextEncoder().encode(text), (byte) => ({
    t: showBytes(Uint8Array.of(byte)),
    i: byte,
  }));

/**
 * Byte-level BPE. A line is a token in the byte alphabet, or with a space in it a merge: the pair
 * whose parts make the next token. A line that begins with a tab is a special token.
 * @param {string[]} lines in the order of the ids
 * @returns {Cut}
 */
export function bpeCutter(lines) {
  const types = lines.map((line) => (line.startsWith("\t") ? 3 : 1));
  const tokens = [...new Set(lines.map((line) => line.replace(/[\t ]/, "")))]; // the same text may be made twice
  const tokenizer = new Tokenizer(
    tokens,
    lines.filter((line) => line.includes(" ")),
    types,
  );
  return (text) => {
    const ids = tokenizer.encode(text);
    return tokenizer.tokens(ids).map((t, k) => ({ t, i: ids[k] }));
  };
}

/** The 256 bytes as tokens, in the order that GPT-2 numbers them. */
export const byteTokens = () => byteAlphabet().sort((a, b) => a.charCodeAt(0) - b.charCodeAt(0));

const CHINESE =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu;
const CONTROL = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}]|\ufffd/gu;
const BERT = unicode(String.raw`[^\s\p{P}$+<=>^\x60|~]+|[\p{P}$+<=>^\x60|~]`);

/** What BERT does to a text before it cuts: no controls, no accents, Chinese set apart, lower case. */
export function normalise(text) {
  const plain = wellFormed(text)
    .replace(CONTROL, "")
    .replace(/\p{White_Space}/gu, " ")
    .replace(CHINESE, " $& ");
  return Array.from(plain.normalize("NFD").replace(/\p{Mn}/gu, ""), (char) =>
    char.toLowerCase(),
  ).join("");
}

/** WordPiece: the longest token that fits, from the left. @param {string[]} tokens @returns {Cut} */
export function wordPieceCutter(tokens) {
  const ids = numbered(tokens);
  return (text) => (normalise(text).match(BERT) ?? []).flatMap((word) => longestMatch(word, ids));
}

function longestMatch(word, ids) {
  const chars = Array.from(word);
  const unknown = [{ t: "[UNK]", i: ids.get("[UNK]"), of: word }];
  if (chars.length > 100) return unknown;
  const found = [];
  for (let start = 0, end; start < chars.length; start = end) {
    let token = "";
    for (end = chars.length; end > start; end--) {
      token = (start ? "##" : "") + chars.slice(start, end).join("");
      if (ids.has(token)) break;
    }
    if (end === start) return unknown;
    found.push({ t: token, i: ids.get(token) });
  }
  return found;
}

/** What there is to see, in two sentences. */
export function reading(text, rows) {
  const n = Array.from(text).length;
  if (!n) return "Type a text, or choose an example.";
  const counts = rows
    .filter(({ tokens }) => tokens)
    .map(({ name, tokens }) => [name, tokens.length]);
  const [least, most] = counts.reduce(
    ([low, high], row) => [row[1] < low[1] ? row : low, row[1] > high[1] ? row : high],
    [counts[0], counts[0]],
  );
  const lost = rows
    .filter(({ tokens }) => tokens?.some(({ of }) => of !== undefined))
    .map(({ name }) => name);
  const unknown = lost.length
    ? ` Not all of it is known to ${lost.join(", ").replace(/, ([^,]*)$/, " and $1")}.`
    : " No row has an unknown token.";
  return `${n} ${n === 1 ? "character" : "characters"}: from ${least[1]} ${least[1] === 1 ? "token" : "tokens"} (${least[0]}) to ${most[1]} (${most[0]}).${unknown}`;
}

/** A stored token; for what an unknown one stands is not stored. */
const marked = (token) => (token.t === "[UNK]" ? { ...token, of: "" } : token);

let loading = null; // the real vocabularies, once for all playgrounds of a page

/** Get the real vocabularies that tools.build laid beside the site. @returns {Promise<Record<string, Cut>>} */
function loadReal(root) {
  const get = async (name) => {
    const reply = await fetch(new URL(`vocab/${name}.txt`, root));
    if (!reply.ok)
      throw new Error("The vocabularies are not on this site: it was built without them.");
    return (await reply.text()).split("\n");
  };
  loading ??= Promise.all(REAL.map(get)).then(([smollm2, minilm]) => ({
    smollm2: bpeCutter(smollm2),
    minilm: wordPieceCutter(minilm),
  }));
  loading.catch(() => (loading = null));
  return loading;
}

const KEYS = "Type, and all rows follow. Rows of more than 300 tokens show the first 300.";

class View {
  static link = { text: fits.text(MAX_CHARACTERS), ids: fits.flag };

  constructor(model) {
    this.model = model;
    this.kernel = canAsk(model, "tokenize");
    this.asked = new Map(); // what the kernel answered, by text
    this.real = null;
    this.asTable = false;
    this.frame = frame({
      title: "How is this text cut?",
      restart: toolButton("⟲", "Back to the first example", () =>
        this.send(model.get("examples")[0].text),
      ),
      menu: [
        ["Show as table", () => this.toggleTable()],
        ["Download data (CSV)", () => this.data()],
      ],
      keys: KEYS,
    });
    this.learn();
    this.controls();
    this.stop = watch(model, ["text", "ids"], () => this.show());
    this.show();
  }

  /** The cutters that work here, from the stored vocabularies. */
  learn() {
    const { model } = this;
    const corpus = model.get("corpus_name");
    const merges = model.get("merges").split("\n");
    const pieces = model.get("pieces").split(" ");
    const words = model.get("words").split(" ");
    this.cutters = [
      {
        key: "words",
        name: "words",
        about: `the ${size(words.length - 1)} commonest of ${corpus}`,
        cut: wordCutter(words),
      },
      {
        key: "characters",
        name: "characters",
        about: `those of ${corpus}`,
        cut: characterCutter(["<unk>", ...model.get("characters")]),
      },
      { key: "bytes", name: "bytes", about: "256, of UTF-8", cut: cutBytes },
      {
        key: "bpe",
        name: "BPE",
        about: `${size(256 + new Set(merges.map((pair) => pair.replace(" ", ""))).size)}, from ${corpus}`,
        cut: bpeCutter([...byteTokens(), ...merges]),
      },
      {
        key: "wordpiece",
        name: "WordPiece",
        about: `${size(pieces.length)}, from ${corpus}`,
        cut: wordPieceCutter(pieces),
      },
      { key: "smollm2", name: "SmolLM2", about: `BPE, ${size(49152)}` },
      { key: "minilm", name: "MiniLM", about: `WordPiece, ${size(30522)}` },
    ];
  }

  controls() {
    const { model } = this;
    const id = freshId("lmkit-cut");
    const examples = model.get("examples").map(({ about, text }) => [text, about]);
    this.box = h("textarea", {
      id,
      class: "lmk-cut-box",
      rows: 2,
      spellcheck: false,
      maxLength: MAX_CHARACTERS,
      oninput: () => this.typed(),
      onchange: () => this.send(this.box.value),
    });
    this.examples = choice([["", "your own"], ...examples], "", (text) => text && this.send(text));
    this.ids = h("input", {
      type: "checkbox",
      onchange: () => update(model, { ids: this.ids.checked }),
    });
    this.frame.controls.append(
      h("label", { htmlFor: id, class: "lmk-cut-label" }, "Text"),
      this.box,
      labelled("Example", this.examples),
      labelled("Show ids", this.ids),
    );
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(this.box.value), 150);
  }

  send(text) {
    clearTimeout(this.timer);
    update(this.model, { text });
  }

  show() {
    const text = this.model.get("text").slice(0, MAX_CHARACTERS);
    if (text !== this.text) [this.text, this.error, this.asking] = [text, null, false];
    if (document.activeElement !== this.box) this.box.value = text;
    this.examples.value = this.model.get("examples").some((example) => example.text === text)
      ? text
      : "";
    this.ids.checked = this.model.get("ids");
    this.rows = this.cutters.map(({ cut, ...row }) => ({
      ...row,
      tokens: cut ? cut(text) : this.realTokens(row.key, text),
    }));
    this.frame.view.replaceChildren(this.asTable ? this.tableFace(text) : this.face(text));
    this.frame.say(this.error ?? reading(text, this.rows) + whenFull(text, MAX_CHARACTERS));
    this.showSource();
    if (this.kernel && !this.asking && this.rows.some(({ tokens }) => !tokens))
      this.askKernel(text);
  }

  /** What a real tokenizer makes of a text: as stored, as the kernel said, or by its vocabulary. */
  realTokens(key, text) {
    const stored =
      this.model.get("examples").find((example) => example.text === text) ?? this.asked.get(text);
    return stored?.[key]?.map(marked) ?? this.real?.[key](text) ?? null;
  }

  async askKernel(text) {
    this.asking = true;
    const reply = await ask(this.model, { kind: "tokenize", text }).catch((error) => error);
    if (!(reply instanceof Error)) this.asked.set(text, reply);
    else if (this.text === text) this.error = reply.message;
    if (this.text === text) this.show();
  }

  face(text) {
    const n = Array.from(text).length;
    return h("div", { class: "lmk-cuts" }, ...this.rows.map((row) => this.line(row, n)));
  }

  line({ name, about, tokens }, n) {
    const many = tokens?.length ?? 0;
    const count = tokens
      ? `${many} ${many === 1 ? "token" : "tokens"}${many ? `, ${number(n / many, 2)} characters each` : ""}`
      : "";
    const head = h(
      "p",
      { class: "lmk-cut-name" },
      h("strong", {}, name),
      ` ${about}`,
      h("span", { class: "lmk-cut-count" }, count),
    );
    const chips = tokens ? this.chips(tokens) : [h("span", { class: "lmk-hint" }, this.missing())];
    return h(
      "section",
      { class: "lmk-cut", "aria-label": name },
      head,
      h("p", { class: "lmk-cut-chips" }, ...chips),
    );
  }

  /** Why a real tokenizer's row is empty. */
  missing() {
    if (!this.kernel) return "stored for the examples only";
    return this.error ? "no answer" : "asking the kernel …";
  }

  chips(tokens) {
    const withIds = this.model.get("ids");
    const one = (token, k) => {
      const kind = token.of === undefined ? (k % 2 ? "lmk-odd" : "lmk-even") : "lmk-unknown";
      const title =
        token.of === undefined
          ? `token ${token.i}`
          : `${token.t}, token ${token.i}${token.of && `: stands for “${token.of}”`}`;
      const node = chip(token, "span", { class: `lmk-chip ${kind}`, title });
      if (withIds) node.append(h("sub", { class: "lmk-cut-id" }, String(token.i)));
      return node;
    };
    const shown = tokens.slice(0, MAX_CHIPS).map(one);
    return tokens.length > MAX_CHIPS
      ? [...shown, h("span", { class: "lmk-hint" }, ` and ${tokens.length - MAX_CHIPS} more`)]
      : shown;
  }

  /** Where the two real rows come from, and on a page how to get them for any text. */
  showSource() {
    const here = "The first five are computed here";
    const { page } = this.model;
    const line = this.frame.source;
    if (this.kernel) return line.replaceChildren(`${here}; SmolLM2 and MiniLM by the kernel.`);
    if (this.real)
      return line.replaceChildren(`${here}; SmolLM2 and MiniLM too, by their own vocabularies.`);
    const stored = `${here}; SmolLM2 and MiniLM are stored for the examples`;
    if (!page?.spec) return line.replaceChildren(`${stored}.`);
    if (page.root.protocol === "file:")
      return line.replaceChildren(`${stored}: on a page opened from a disk no more can be loaded.`);
    const load = h(
      "button",
      { type: "button", class: "lmk-link", onclick: () => this.load(load) },
      "Load their vocabularies, 0.7 MB",
    );
    line.replaceChildren(`${stored} · `, load);
  }

  async load(button) {
    button.disabled = true;
    button.textContent = "Loading …";
    try {
      this.real = await loadReal(this.model.page.root);
      this.error = null;
    } catch (error) {
      this.error =
        error instanceof TypeError
          ? "The vocabularies could not be loaded: see whether the site can be reached."
          : error.message;
    }
    this.show();
  }

  table(text) {
    const n = Array.from(text).length;
    return this.rows
      .filter(({ tokens }) => tokens)
      .map(({ name, tokens }) => [
        name,
        String(tokens.length),
        tokens.length ? number(n / tokens.length, 2) : "–",
        String(tokens.filter(({ of }) => of !== undefined).length),
        tokens
          .slice(0, MAX_CHIPS)
          .map(({ t }) => visible(t))
          .join(" "),
      ]);
  }

  tableFace(text) {
    return h(
      "div",
      { class: "lmk-scroll", tabIndex: 0, role: "group", "aria-label": "Table of tokenizers" },
      table(
        "How each tokenizer cuts the text",
        ["tokenizer", "tokens", "characters each", "unknown", "pieces"],
        this.table(text),
      ),
    );
  }

  toggleTable() {
    this.asTable = !this.asTable;
    this.show();
  }

  data() {
    const lines = this.rows.flatMap(({ name, tokens }) =>
      (tokens ?? []).map(({ t, i }, k) => [name, k, t, i]),
    );
    download("tokens.csv", csv([["tokenizer", "place", "token", "id"], ...lines]), "text/csv");
  }

  close() {
    clearTimeout(this.timer);
    this.stop();
  }
}

const render = (host) => present(View, host);

export default { render };

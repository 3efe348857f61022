// EmbeddingArithmetic: which word is nearest to a ± b ± c? (chapter 3)
import { checkbox, labelled } from "../../kit/controls.mjs";
import { freshId, h } from "../../kit/dom.mjs";
import { AskingFigure, present, STORED } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { ask, canAsk, update } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number } from "../../kit/numbers.mjs";
import { once } from "../../kit/once.mjs";
import { vectorTable } from "../../kit/word_vectors.mjs";
import { arrows } from "./arrows.mjs";

/**
 * An answer holds the inputs `words` and `signs`, all words `ranked` by cosine with none left out,
 * and `gram`: the dot products of the inputs, the sum and the nearest word that is no input. Those
 * that are stored have a group, and a note on what there is to see.
 * @typedef {[word: string, cosine: number]} Ranked
 * @typedef {{words: string[], signs: number[]}} Sum
 * @typedef {Sum & {ranked: Ranked[], gram: number[][]}} Solution
 * @typedef {Solution & {text: string, group?: string, note?: string}} Answer
 * @typedef {import("../../kit/host.mjs").Model} Model
 */

export const SHOWN = 8;
const MOST = 6;

/**
 * Take a sum apart. A hyphen within a word that is known belongs to the word; any other is a minus.
 * @param {string} text
 * @param {(word: string) => boolean} [known]
 * @returns {Sum}
 */
export function parse(text, known = () => false) {
  /** @type {Sum} */
  const { words, signs } = { words: [], signs: [] };
  let sign = 1; // of the next word; 0 where a sign must come first
  for (const part of parts(text, known)) {
    if (part === "+" || part === "-") {
      if (sign && words.length) refuse("Two signs stand side by side: put a word between them.");
      sign = part === "+" ? 1 : -1;
    } else {
      if (!sign) refuse(`Put + or - before “${part}”.`);
      words.push(part);
      signs.push(sign);
      sign = 0;
    }
  }
  if (sign) refuse("Write a sum of words, such as king - man + woman.");
  if (words.length > MOST) refuse(`The sum has ${words.length} words; here it may have ${MOST}.`);
  return { words, signs };
}

/** Words and signs. @param {string} text @param {(word: string) => boolean} known */
function parts(text, known) {
  const spaced = text.toLowerCase().replaceAll("−", " - ").replaceAll("+", " + ");
  /** @param {string} part */
  const pieces = (part) => (part[0] !== "-" && known(part) ? [part] : part.split(/(-)/));
  return spaced.split(/\s+/).flatMap(pieces).filter(Boolean);
}

/** @param {string} sentence @returns {never} */
function refuse(sentence) {
  throw new Error(sentence);
}

/**
 * The answer to a sum; as `solve` in Python gives it.
 * @param {ReturnType<typeof vectorTable>} vectors
 * @param {string} text
 * @returns {Solution}
 */
export function solve(vectors, text) {
  const { words, signs } = parse(text, vectors.has);
  const rows = words.map((word) => vectors.unit(vectors.id(word)));
  const target = scaled(
    rows[0].map((_, k) => rows.reduce((sum, row, i) => sum + signs[i] * row[k], 0)),
  );
  const ranked = vectors.nearest(target, SHOWN + new Set(words).size);
  const [best] = ranking({ words, ranked }, true)[0];
  const points = [...rows, target, vectors.unit(vectors.id(best))];
  return { words, signs, ranked, gram: points.map((a) => points.map((b) => dot(a, b))) };
}

/** @param {number[]} a @param {number[]} b */
const dot = (a, b) => a.reduce((sum, x, k) => sum + x * b[k], 0);

/** @param {number[]} a */
function scaled(a) {
  const length = Math.sqrt(dot(a, a));
  if (length < 1e-6) refuse("All that was added is taken away again: no word is near to nothing.");
  return a.map((x) => x / length);
}

/**
 * The ranking under the rule: without the inputs, or with all words.
 * @param {{ranked: Ranked[], words: string[]}} answer
 * @param {boolean} exclude
 */
export const ranking = ({ ranked, words }, exclude) =>
  ranked.filter(([word]) => !exclude || !words.includes(word)).slice(0, SHOWN);

/** What there is to see, in a sentence. @param {Solution} answer @param {boolean} exclude */
export function reading(answer, exclude) {
  const [[out, a]] = ranking(answer, true);
  const [[all, b]] = ranking(answer, false);
  if (all === out)
    return `“${out}” is nearest of all words, with cosine ${number(a)}: leaving the inputs out changes nothing.`;
  if (exclude)
    return `“${out}” is nearest, with cosine ${number(a)}, once ${are(answer.words)} left out. With them allowed it would be “${all}”.`;
  return `“${all}” is nearest, with cosine ${number(b)}: an input comes back. With the inputs left out it would be “${out}”.`;
}

/** "king, man and woman are" @param {string[]} words */
function are(words) {
  const inputs = [...new Set(words)];
  const last = inputs.pop();
  return inputs.length ? `${inputs.join(", ")} and ${last} are` : `${last} is`;
}

/**
 * Words that complete the last one of a text, the most frequent first, as whole texts.
 * @param {string[]} words
 * @param {string} text
 */
export function completions(words, text, most = 8) {
  const [, before, last] = text.match(/^(.*?)([^\s+−-]*)$/s) ?? [];
  if (!last) return [];
  const start = last.toLowerCase();
  const found = words.filter((word) => word.startsWith(start) && word !== last);
  return found.slice(0, most).map((word) => before + word);
}

/** @type {Record<string, string>} */
const GROUPS = { works: "it works", fails: "it fails", discuss: "to discuss" };
const KEYS =
  "Type a sum of words with + and -, then press Enter. Tab goes through the controls, up and down arrows through the examples.";

/** @extends {AskingFigure<Answer>} */
class View extends AskingFigure {
  static kind = "vectors";
  /** @type {import("../../kit/links.mjs").Link} */
  static link = {
    text: (text, model) =>
      storedIn(model, text) !== undefined ||
      (fits.text(200)(text) && canAsk(model, View.kind) && Boolean(parse(text))),
    exclude: fits.flag,
  };

  /** @type {Answer | undefined} the last that could be shown */
  answer;
  /** @type {string[]} all words, once they are there */
  words = [];
  list = h("datalist", { id: freshId() });
  bars = h("ol", { class: "lmk-bars" });
  plot = h("div", { class: "lmk-arrows" });

  /** @param {Model} model */
  constructor(model) {
    super(model, {
      title: "Which word is nearest to the sum?",
      menu: [["Download data (CSV)", () => this.data()]],
      keys: KEYS,
      rows: () => [this.answer?.text ?? "", ["word", "cosine", ""], this.rows()],
    });
    this.vectors = once(() => this.fetched());
    this.pick = this.examples();
    this.rule = checkbox((exclude) => update(model, { exclude }));
    this.input = this.live ? this.field() : null;
    this.frame.controls.append(
      labelled("Examples", this.pick),
      labelled("Leave the inputs out", this.rule),
    );
    this.frame.view.append(h("div", { class: "lmk-answer" }, this.bars, this.plot));
    this.watch(["text", "exclude"], () => this.refresh());
    this.refresh();
  }

  /** All words and their vectors. */
  async fetched() {
    const all = vectorTable(await ask(this.model, this.request()));
    this.words = all.words;
    return all;
  }

  /** The stored sums, by what they show. */
  examples() {
    const answers = storedAnswers(this.model);
    const groups = [...new Set(answers.map(({ group }) => group ?? ""))];
    /** @param {string} key */
    const group = (key) =>
      h(
        "optgroup",
        { label: GROUPS[key] ?? key },
        ...answers.filter((one) => one.group === key).map(({ text }) => option(text, text)),
      );
    const pick = h("select", {}, option("", "your own"), ...groups.map(group));
    pick.addEventListener("change", () => {
      if (pick.value) update(this.model, { text: pick.value });
    });
    return pick;
  }

  /** Where the reader types a sum; the words are fetched when it is first entered. */
  field() {
    const input = h("input", {
      type: "text",
      maxLength: 200,
      spellcheck: false,
      autocomplete: "off",
      autocapitalize: "none",
      list: this.list.id,
      onchange: () => this.send(input.value),
      oninput: () => this.complete(input.value),
    });
    input.addEventListener("keydown", ({ key }) => {
      if (key === "Enter") this.send(input.value);
    });
    input.addEventListener("focus", () => this.vectors().catch(() => {}), { once: true });
    const field = labelled("Sum", input, this.list);
    field.classList.add("lmk-wide");
    this.frame.controls.append(field);
    return input;
  }

  /** @param {string} text */
  send(text) {
    if (text.trim() && text !== this.model.get("text")) update(this.model, { text });
  }

  /** @param {string} text */
  complete(text) {
    if (this.words.length)
      this.list.replaceChildren(...completions(this.words, text).map((value) => option(value)));
  }

  provenance() {
    /** @param {string} from */
    const tell = (from) => {
      this.frame.source.textContent = `${this.model.get("model_name")} · ${from}${this.more(from)}`;
    };
    return { tell, close: () => {} };
  }

  /** How to get other sums. @param {string} from */
  more(from) {
    if (!this.live) return " · serve the site, or run the notebook, to type your own";
    return from === STORED ? " · type any sum: the words, 1.2 MB, are loaded then" : "";
  }

  stored() {
    return storedIn(this.model, this.model.get("text"));
  }

  missing() {
    return "This sum is not stored with the chapter: choose another.";
  }

  async asked() {
    parse(this.model.get("text")); // what is no sum needs no words
    return super.asked();
  }

  async compute() {
    const text = this.model.get("text");
    return { text, ...solve(await this.vectors(), text) };
  }

  /** @param {Error} error */
  fail(error) {
    if (this.answer) this.paint(this.answer); // under the rule that is chosen now
    super.fail(error);
  }

  /** @param {Answer} answer @param {boolean} isStored */
  show(answer, isStored) {
    this.answer = answer;
    if (this.input && document.activeElement !== this.input) this.input.value = answer.text;
    this.pick.value = isStored ? answer.text : "";
    this.rule.checked = this.model.get("exclude");
    this.paint(answer);
  }

  /** @param {Answer} answer */
  paint(answer) {
    const exclude = this.model.get("exclude");
    const { note, words } = answer;
    this.bars.replaceChildren(...ranking(answer, exclude).map((one) => bar(one, words)));
    this.plot.replaceChildren(arrows(answer, exclude));
    this.frame.say(`${note ? `${note} ` : ""}${reading(answer, exclude)}`);
  }

  ranking() {
    return this.answer ? ranking(this.answer, this.model.get("exclude")) : [];
  }

  rows() {
    const inputs = this.answer?.words ?? [];
    return this.ranking().map(([word, score]) => [
      word,
      number(score),
      inputs.includes(word) ? "input" : "",
    ]);
  }

  data() {
    const rows = this.ranking().map(([word, score]) => [this.answer?.text ?? "", word, score]);
    download("arithmetic.csv", csv([["sum", "word", "cosine"], ...rows]), "text/csv");
  }
}

/** @param {Model} model @returns {Answer[]} */
const storedAnswers = (model) => model.get("answers");

/** @param {Model} model @param {string} text */
const storedIn = (model, text) => storedAnswers(model).find((one) => one.text === text);

/** @param {string} value @param {string} [text] */
const option = (value, text = "") => h("option", { value }, text);

/** A word and its cosine; inputs are marked. @param {Ranked} one @param {string[]} inputs */
function bar([word, score], inputs) {
  const isInput = inputs.includes(word);
  const face = {
    class: isInput ? "lmk-word lmk-chosen" : "lmk-word",
    title: isInput ? "one of the inputs" : "",
  };
  return h(
    "li",
    { class: "lmk-row" },
    h("span", face, word),
    h("span", { class: "lmk-bar", style: `--share:${Math.max(0, score)}` }),
    h("span", { class: "lmk-share" }, number(score)),
  );
}

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

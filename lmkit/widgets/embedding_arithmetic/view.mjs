// EmbeddingArithmetic: which word is nearest to a ± b ± c? (chapter 3)
//
// An answer holds the inputs `words` and `signs`, all words `ranked` by cosine with none left out,
// and `gram`: the dot products of the inputs, the sum and the nearest word that is no input.
import { labelled } from "../../kit/controls.mjs";
import { freshId, h, svg } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { frame } from "../../kit/frame.mjs";
import { ask, canAsk, update, watch } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number } from "../../kit/numbers.mjs";
import { table } from "../../kit/table.mjs";
import { onPlane, vectorTable } from "../../kit/word_vectors.mjs";

export const SHOWN = 8;
const MOST = 6;

/**
 * Take a sum apart. A hyphen within a word that is known belongs to the word; any other is a minus.
 * @param {(word: string) => boolean} [known]
 * @returns {{words: string[], signs: number[]}}
 */
export function parse(text, known = () => false) {
  const [words, signs] = [[], []];
  let [sign, expecting] = [1, true];
  const pieces = (part) =>
    part[0] !== "-" && known(part) ? [part] : part.split(/(-)/).filter(Boolean);
  const parts = text
    .toLowerCase()
    .replaceAll("−", " - ")
    .replaceAll("+", " + ")
    .split(/\s+/)
    .filter(Boolean);
  for (const part of parts.flatMap(pieces)) {
    if (part === "+" || part === "-") {
      if (expecting && words.length)
        throw new Error("Two signs stand side by side: put a word between them.");
      [sign, expecting] = [part === "+" ? 1 : -1, true];
    } else if (expecting) {
      words.push(part);
      signs.push(sign);
      expecting = false;
    } else throw new Error(`Put + or - before “${part}”.`);
  }
  if (!words.length || expecting)
    throw new Error("Write a sum of words, such as king - man + woman.");
  if (words.length > MOST)
    throw new Error(`The sum has ${words.length} words; here it may have ${MOST}.`);
  return { words, signs };
}

/** The answer to a sum; as `solve` in Python gives it. */
export function solve(vectors, text) {
  const { words, signs } = parse(text, vectors.has);
  const rows = words.map((word) => vectors.unit(vectors.id(word)));
  const target = scaled(
    rows[0].map((_, k) => rows.reduce((sum, row, i) => sum + signs[i] * row[k], 0)),
  );
  const ranked = vectors.nearest(target, SHOWN + new Set(words).size);
  const best = ranked.find(([word]) => !words.includes(word))[0];
  const points = [...rows, target, vectors.unit(vectors.id(best))];
  return { words, signs, ranked, gram: points.map((a) => points.map((b) => dot(a, b))) };
}

const dot = (a, b) => a.reduce((sum, x, k) => sum + x * b[k], 0);

function scaled(a) {
  const length = Math.sqrt(dot(a, a));
  if (length < 1e-6)
    throw new Error("All that was added is taken away again: no word is near to nothing.");
  return a.map((x) => x / length);
}

/** The ranking under the rule: without the inputs, or with all words. */
export const ranking = ({ ranked, words }, exclude) =>
  ranked.filter(([word]) => !exclude || !words.includes(word)).slice(0, SHOWN);

/** What there is to see, in a sentence. */
export function reading(answer, exclude) {
  const [[out, a]] = ranking(answer, true);
  const [[all, b]] = ranking(answer, false);
  const inputs = [...new Set(answer.words)];
  const list =
    inputs.length > 1 ? `${inputs.slice(0, -1).join(", ")} and ${inputs.at(-1)}` : inputs[0];
  if (all === out)
    return `“${out}” is nearest of all words, with cosine ${number(a)}: leaving the inputs out changes nothing.`;
  if (exclude)
    return `“${out}” is nearest, with cosine ${number(a)}, once ${list} ${inputs.length > 1 ? "are" : "is"} left out. With them allowed it would be “${all}”.`;
  return `“${all}” is nearest, with cosine ${number(b)}: an input comes back. With the inputs left out it would be “${out}”.`;
}

/** Words that complete the last one of a text, the most frequent first, as whole texts. */
export function completions(words, text, most = 8) {
  const [, before, last] = text.match(/^(.*?)([^\s+−-]*)$/s);
  if (!last) return [];
  const found = [];
  for (const word of words) {
    if (word.startsWith(last.toLowerCase()) && word !== last && found.push(before + word) === most)
      break;
  }
  return found;
}

const GROUPS = { works: "it works", fails: "it fails", discuss: "to discuss" };
const KEYS =
  "Type a sum of words with + and -, then press Enter. Tab goes through the controls, up and down arrows through the examples.";

class View {
  static kind = "vectors";
  static link = {
    text: (text, model) =>
      model.get("answers").some((one) => one.text === text) ||
      (fits.text(200)(text) && canAsk(model, View.kind) && Boolean(parse(text))),
    exclude: fits.flag,
  };

  constructor(model) {
    this.model = model;
    this.live = canAsk(model, View.kind);
    this.frame = frame({
      title: "Which word is nearest to the sum?",
      menu: [
        ["Show as table", () => this.toggleTable()],
        ["Download data (CSV)", () => this.data()],
      ],
      keys: KEYS,
    });
    this.controls();
    this.bars = h("ol", { class: "lmk-bars" });
    this.plot = h("div", { class: "lmk-arrows" });
    this.frame.view.append(h("div", { class: "lmk-answer" }, this.bars, this.plot));
    this.stop = watch(model, ["text", "exclude"], () => this.refresh());
    this.refresh();
  }

  controls() {
    const { model } = this;
    const answers = model.get("answers");
    const pick = h("select", { onchange: () => pick.value && update(model, { text: pick.value }) });
    const group = (key) =>
      h(
        "optgroup",
        { label: GROUPS[key] ?? key },
        ...answers
          .filter((one) => one.group === key)
          .map(({ text }) => h("option", { value: text }, text)),
      );
    pick.append(
      h("option", { value: "" }, "your own"),
      ...[...new Set(answers.map((one) => one.group))].map(group),
    );
    this.pick = pick;
    this.rule = h("input", {
      type: "checkbox",
      onchange: () => update(model, { exclude: this.rule.checked }),
    });
    if (this.live) this.frame.controls.append(this.field());
    this.frame.controls.append(
      labelled("Examples", pick),
      labelled("Leave the inputs out", this.rule),
    );
  }

  field() {
    this.list = h("datalist", { id: freshId() });
    const send = () =>
      this.input.value.trim() &&
      this.input.value !== this.model.get("text") &&
      update(this.model, { text: this.input.value });
    this.input = h("input", {
      type: "text",
      maxLength: 200,
      spellcheck: false,
      autocomplete: "off",
      autocapitalize: "none",
      list: this.list.id,
      onchange: send,
      onkeydown: (event) => event.key === "Enter" && send(),
      oninput: () => this.complete(),
    });
    this.input.addEventListener(
      "focus",
      () =>
        this.vectors().then(
          () => {},
          () => {},
        ),
      { once: true },
    );
    const field = labelled("Sum", this.input, this.list);
    field.classList.add("lmk-wide");
    return field;
  }

  complete() {
    if (!this.known) return;
    const options = completions(this.known.words, this.input.value);
    this.list.replaceChildren(...options.map((value) => h("option", { value })));
  }

  /** All words; fetched when first asked for. */
  async vectors() {
    this.asked ??= ask(this.model, { kind: "vectors" }).then(
      (packed) => (this.known = vectorTable(packed)),
    );
    this.asked.catch(() => (this.asked = null)); // so that a later try asks again
    return this.asked;
  }

  async refresh() {
    const text = this.model.get("text");
    const turn = (this.turn = (this.turn ?? 0) + 1);
    try {
      const stored = this.model.get("answers").find((one) => one.text === text);
      const answer = stored ?? (await this.computed(text));
      if (turn === this.turn) this.show(answer, stored);
    } catch (error) {
      if (turn === this.turn) this.fail(error);
    }
  }

  async computed(text) {
    parse(text); // what is no sum needs no words
    if (!this.live) throw new Error("This sum is not stored with the chapter: choose another.");
    this.frame.box.setAttribute("aria-busy", "true");
    return solve(await this.vectors(), text);
  }

  fail(error) {
    this.frame.box.removeAttribute("aria-busy");
    if (this.answer) this.paint(); // under the rule that is chosen now
    this.frame.say(error.message);
  }

  show(answer, stored) {
    this.answer = answer;
    this.frame.box.removeAttribute("aria-busy");
    const text = this.model.get("text");
    if (this.input && document.activeElement !== this.input) this.input.value = text;
    this.pick.value = stored ? text : "";
    this.rule.checked = this.model.get("exclude");
    const from = stored ? "stored with the chapter" : "computed now";
    const more = this.live
      ? stored
        ? " · type any sum: the words, 1.2 MB, are loaded then"
        : ""
      : " · serve the site, or run the notebook, to type your own";
    this.frame.source.textContent = `${this.model.get("model_name")} · ${from}${more}`;
    this.paint(stored?.note);
  }

  paint(note) {
    const exclude = this.model.get("exclude");
    const rows = ranking(this.answer, exclude);
    this.bars.replaceChildren(
      ...(this.asTable ? [this.tableFace(rows)] : rows.map((row) => this.row(row))),
    );
    this.plot.replaceChildren(arrows(this.answer, exclude));
    this.frame.say(`${note ? `${note} ` : ""}${reading(this.answer, exclude)}`);
  }

  row([word, score]) {
    const input = this.answer.words.includes(word);
    const name = h(
      "span",
      {
        class: input ? "lmk-word lmk-chosen" : "lmk-word",
        title: input ? "one of the inputs" : "",
      },
      word,
    );
    return h(
      "li",
      { class: "lmk-row" },
      name,
      h("span", { class: "lmk-bar", style: `--share:${Math.max(0, score)}` }),
      h("span", { class: "lmk-share" }, number(score)),
    );
  }

  tableFace(rows) {
    const lines = rows.map(([word, score]) => [
      word,
      number(score),
      this.answer.words.includes(word) ? "input" : "",
    ]);
    return h("li", {}, table(this.model.get("text"), ["word", "cosine", ""], lines));
  }

  toggleTable() {
    this.asTable = !this.asTable;
    if (this.answer) this.paint();
  }

  data() {
    const rows = ranking(this.answer, this.model.get("exclude")).map(([word, score]) => [
      this.model.get("text"),
      word,
      score,
    ]);
    download("arithmetic.csv", csv([["sum", "word", "cosine"], ...rows]), "text/csv");
  }

  close() {
    this.stop();
  }
}

/** Inputs, sum and answer as arrows in the plane in which they lie most nearly. */
function arrows({ words, signs, gram, ranked }, exclude) {
  const best = ranked.find(([word]) => !words.includes(word))[0];
  const winner = exclude ? best : ranked[0][0];
  const places = onPlane(gram);
  const names = [
    ...words.map((word, i) => `${signs[i] < 0 ? "−" : i ? "+" : ""} ${word}`.trim()),
    "the sum",
    best,
  ];
  const kinds = [
    ...words.map((word) => (word === winner ? "lmk-win" : "lmk-input")),
    "lmk-total",
    best === winner ? "lmk-win" : "lmk-other",
  ];
  const extent = (k) =>
    Math.max(0, ...places.map((place) => place[k])) -
    Math.min(0, ...places.map((place) => place[k]));
  const scale = Math.min(110 / Math.max(extent(0), 0.1), 150 / Math.max(extent(1), 0.1));
  const tips = places.map(([x, y]) => [scale * x, -scale * y]);
  const texts = captions(tips, names);
  const drawing = svg("svg", {
    viewBox: around(tips, texts),
    class: "lmk-plane",
    role: "img",
    "aria-label": `The words as arrows: ${names.join(", ")}`,
  });
  drawing.append(svg("circle", { r: 1.8, class: "lmk-origin" }));
  tips.forEach(([x, y], i) =>
    drawing.append(svg("line", { x2: x, y2: y, class: kinds[i] }), head([x, y], kinds[i])),
  );
  texts.forEach(({ left, right, y }, i) => {
    const toLeft = tips[i][0] < 0;
    drawing.append(
      svg(
        "text",
        { x: toLeft ? right : left, y, class: kinds[i], "text-anchor": toLeft ? "end" : "start" },
        names[i],
      ),
    );
  });
  return h(
    "figure",
    {},
    drawing,
    h(
      "figcaption",
      {},
      "Arrows of length 1, seen in the plane nearest to them all; − marks a word that is taken away.",
    ),
  );
}

/**
 * Where the names of arrows from [0, 0] stand: beyond their tips, from top to bottom in their order,
 * none on another. `y` is the line that the letters stand on.
 * @param {number[][]} tips
 * @param {string[]} names
 * @returns {{left: number, right: number, y: number}[]}
 */
export function captions(tips, names) {
  const placed = [];
  for (const i of [...tips.keys()].sort((i, j) => tips[i][1] - tips[j][1])) {
    const beyond = 1 + 6 / Math.max(Math.hypot(...tips[i]), 1);
    const [x, width] = [tips[i][0] * beyond, 5 * names[i].length];
    const [left, right] = x < 0 ? [x - width, x] : [x, x + width];
    const blocks = (other) =>
      left < other.right && right > other.left && Math.abs(y - other.y) < LINE - 1e-6; // less what rounding adds
    let y = tips[i][1] * beyond + 2.5;
    for (let other; (other = Object.values(placed).find(blocks)); ) y = other.y + LINE;
    placed[i] = { left, right, y };
  }
  return placed;
}

const LINE = 9; // from one line of text to the next

/** The part of the plane that holds it all, at least 200 wide: so the letters keep their size. */
function around(tips, texts) {
  const xs = [0, ...texts.flatMap(({ left, right }) => [left, right]), ...tips.map(([x]) => x)];
  const ys = [0, ...texts.flatMap(({ y }) => [y - 8, y + 3]), ...tips.map(([, y]) => y)];
  const [left, right, top, bottom] = [
    Math.min(...xs) - 2,
    Math.max(...xs) + 2,
    Math.min(...ys) - 2,
    Math.max(...ys) + 2,
  ];
  const width = Math.max(200, right - left);
  return [(left + right - width) / 2, top, width, bottom - top].join(" ");
}

function head([x, y], kind) {
  const angle = (Math.atan2(y, x) * 180) / Math.PI;
  return svg("path", {
    d: "M0 0 L-6 2.6 L-6 -2.6 Z",
    transform: `translate(${x} ${y}) rotate(${angle})`,
    class: kind,
  });
}

const render = (host) => present(View, host);

export default { render };

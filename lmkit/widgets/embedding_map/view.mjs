// EmbeddingMap: where do words lie when fifty dimensions become two? (chapter 3)
import { checkbox, labelled } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { AskingFigure, COMPUTED, present, STORED } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { toolButton } from "../../kit/frame.mjs";
import { ask, canAsk, update } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number, percent } from "../../kit/numbers.mjs";
import { once } from "../../kit/once.mjs";
import { eigen, facing, vectorTable } from "../../kit/word_vectors.mjs";
import { closest, colour, KEYS, nearest, SHAPES, WordMap } from "./map.mjs";

/**
 * @typedef {import("./map.mjs").Point} Point
 * @typedef {{name: string, table: ReturnType<typeof vectorTable>, k: number}} Group
 * @typedef {{around: string, shown: string[], word: string}} State
 * @typedef {import("../../kit/host.mjs").Model} Model
 */

/** @param {number[]} a @param {number[]} b */
const dot = (a, b) => a.reduce((sum, x, k) => sum + x * b[k], 0);

/**
 * Places on the two axes along which the rows vary most, and the share of the variance kept.
 * @param {number[][]} rows
 * @returns {{places: number[][], kept: number}}
 */
export function principal(rows) {
  const centred = minusMean(rows);
  const { values, vectors } = eigen(spread(centred));
  const total = values.reduce((sum, x) => sum + x, 0);
  const places = centred.map((row) => [dot(row, vectors[0]), dot(row, vectors[1])]);
  return { places: facing(places), kept: (values[0] + values[1]) / total };
}

/** @param {number[][]} rows */
function minusMean(rows) {
  const mean = rows[0].map((_, k) => rows.reduce((sum, row) => sum + row[k], 0) / rows.length);
  return rows.map((row) => row.map((x, k) => x - mean[k]));
}

/** The sums of products of each two columns. @param {number[][]} rows */
function spread(rows) {
  const d = rows[0].length;
  const sums = Array.from({ length: d }, () => /** @type {number[]} */ (Array(d).fill(0)));
  for (const row of rows)
    for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) sums[i][j] += row[i] * row[j];
  return sums;
}

/** @extends {AskingFigure<Point[]>} */
class View extends AskingFigure {
  static kind = "vectors";
  /** @type {import("../../kit/links.mjs").Link} */
  static link = {
    shown: (names, model) =>
      Array.isArray(names) && names.length > 0 && names.every(fits.oneOf(namesOf(model))),
    around: (word, model) => fits.text(100)(word) && canAsk(model, View.kind),
    word: fits.text(100),
  };

  /** @type {State | undefined} the last that could be shown */
  good;
  /** @type {Point[]} */
  points = [];
  /** @type {number[][]} on the axes */
  places = [];
  kept = 0; // of the variance

  /** @param {Model} model */
  constructor(model) {
    super(model, {
      title: "Which words lie together?",
      tools: [
        toolButton("+", "Zoom in", () => this.map.scale(1.5)),
        toolButton("−", "Zoom out", () => this.map.scale(1 / 1.5)),
        toolButton("0", "Show all", () => this.map.home()),
      ],
      menu: [["Download data (CSV)", () => this.data()]],
      keys: KEYS,
      rows: () => ["Places on the two axes", ["word", "group", "first", "second"], this.rows()],
    });
    this.vectors = once(async () => vectorTable(await ask(model, this.request())));
    this.groups = groupsOf(model);
    this.map = this.wordMap();
    this.boxes = new Map(this.groups.map(({ name }) => [name, this.box(name)]));
    this.frame.controls.append(...this.groups.map((group) => this.legend(group)), this.finder());
    this.frame.view.append(this.map.node);
    this.watch(["shown", "around", "word"], () => this.refresh());
    this.refresh();
  }

  wordMap() {
    const map = new WordMap(
      (i) => update(this.model, { word: this.points[i]?.word ?? "" }),
      (i) => this.say(i < 0 ? map.at : i),
    );
    this.atClose(() => map.close());
    return map;
  }

  /** @param {string} name */
  box(name) {
    return checkbox((on) => this.choose(name, on));
  }

  /** @param {Group} group */
  legend({ name, k }) {
    return h(
      "label",
      { class: "lmk-group", style: colour(k) },
      this.boxes.get(name),
      h("i", { "aria-hidden": "true" }, SHAPES[k]),
      name,
    );
  }

  finder() {
    const { model } = this;
    const word = () => input.value.trim().toLowerCase();
    const seek = () => this.search(word());
    const input = h("input", {
      type: "text",
      value: model.get("word"),
      spellcheck: false,
      autocomplete: "off",
      autocapitalize: "none",
      onchange: seek,
    });
    input.addEventListener("keydown", ({ key }) => {
      if (key === "Enter") seek();
    });
    const surround = () => this.surround(word() || model.get("word"));
    const near = h("button", { type: "button", onclick: surround }, "Neighbours");
    const field = labelled("Find a word", input, this.live ? near : null);
    field.classList.add("lmk-wide");
    return field;
  }

  /** @returns {State} */
  state() {
    const { model } = this;
    return { around: model.get("around"), shown: model.get("shown"), word: model.get("word") };
  }

  /** @param {string} name @param {boolean} on */
  choose(name, on) {
    const { around, shown } = this.state();
    const others = around ? [] : shown.filter((other) => other !== name);
    if (!on && !others.length) {
      this.tick();
      this.frame.say("Choose at least one group.");
      return;
    }
    this.map.reset();
    update(this.model, { shown: on ? [...others, name] : others, around: "", word: "" });
  }

  /** A word of the map is pointed out; of any other the neighbours are shown. @param {string} word */
  search(word) {
    if (!word) return;
    const home = this.groups.find(({ table }) => table.words.includes(word));
    if (this.points.some((point) => point.word === word)) update(this.model, { word });
    else if (home) this.bring(home.name, word);
    else this.surround(word);
  }

  /** A word with its group. @param {string} name @param {string} word */
  bring(name, word) {
    const shown = [...new Set([...this.state().shown, name])];
    update(this.model, { shown, around: "", word });
  }

  /** The neighbours of any word, also of one that is on the map. @param {string} word */
  surround(word) {
    if (!word) {
      this.frame.say("Choose a word on the map, or write one.");
      return;
    }
    this.map.reset();
    update(this.model, { around: word, word });
  }

  provenance() {
    const more = this.live ? " · other words are loaded when you ask, 1.2 MB" : "";
    const tell = () => {
      const from = this.model.get("around") ? COMPUTED : STORED;
      this.frame.source.textContent = `${this.model.get("model_name")} · ${from}${more}`;
    };
    return { tell, close: () => {} };
  }

  /** The points that are there, where only the chosen word has changed; else those of the groups. */
  stored() {
    const { around, shown } = this.state();
    if (this.good && isSame([around, shown], [this.good.around, this.good.shown]))
      return this.points;
    return around ? undefined : pointsOf(this.groups.filter(({ name }) => shown.includes(name)));
  }

  missing() {
    return `“${this.model.get("around")}” is not among the words stored with the chapter.`;
  }

  /** The neighbours of a word. */
  async compute() {
    const { around } = this.state();
    const all = await this.vectors();
    /** @param {string} word */
    const unit = (word) => all.unit(all.id(word));
    const near = all.nearest(unit(around), 60).map(([word]) => word);
    const name = `near ${around}`;
    return near.map((word) => ({ word, unit: unit(word), k: word === around ? 1 : 0, name }));
  }

  /** The map stays what it was, and so does its state. @param {Error} error */
  fail(error) {
    if (this.good) update(this.model, this.good);
    super.fail(error);
  }

  /** @param {Point[]} points */
  show(points) {
    if (points !== this.points) this.paint(points);
    this.good = this.state();
    this.tick();
    const { word } = this.good;
    this.map.mark(points.findIndex((point) => point.word === word));
    this.say();
  }

  /** @param {Point[]} points */
  paint(points) {
    const { places, kept } = principal(points.map(({ unit }) => unit));
    Object.assign(this, { points, places, kept });
    this.map.paint(points, places);
  }

  /** Say which groups are on the map. */
  tick() {
    const { around, shown } = this.state();
    for (const [name, box] of this.boxes) box.checked = !around && shown.includes(name);
  }

  /** What lies near a word, or without one what the plane keeps. */
  say(at = this.map.at) {
    this.frame.say(at < 0 ? this.overview() : this.neighbourhood(at));
  }

  overview() {
    const { around, shown } = this.good ?? this.state();
    const names = around ? `the neighbours of ${around}` : shown.join(", ");
    return `${this.points.length} words (${names}). The plane keeps ${percent(this.kept)} of their variance; the rest of the 50 dimensions is not seen. Point at a mark to read its word.`;
  }

  /** What lies near a word on the map, and in all dimensions. @param {number} at */
  neighbourhood(at) {
    const { word, unit } = this.points[at];
    /** @param {number[]} found */
    const names = (found) => found.map((i) => this.points[i].word).join(", ");
    const inAll = closest(this.points.length, at, (i) => -dot(this.points[i].unit, unit));
    return `“${word}”: nearest on the map ${names(nearest(this.places, at))}; nearest in all 50 dimensions ${names(inAll)}.`;
  }

  /** Each word with its group and its places on the axes. */
  rows() {
    return this.points.map(({ word, name }, i) => [
      word,
      name,
      ...this.places[i].map((x) => number(x)),
    ]);
  }

  data() {
    const rows = this.points.map(({ word, name }, i) => [word, name, ...this.places[i]]);
    download("map.csv", csv([["word", "group", "first axis", "second axis"], ...rows]), "text/csv");
  }
}

/** @param {Model} model @returns {{name: string, words: string, vectors: string}[]} */
const storedGroups = (model) => model.get("groups");

/** @param {Model} model */
const namesOf = (model) => storedGroups(model).map(({ name }) => name);

/** @param {Model} model @returns {Group[]} */
const groupsOf = (model) =>
  storedGroups(model).map((group, k) => ({
    name: group.name,
    table: vectorTable(group),
    k: k % SHAPES.length,
  }));

/** @param {Group[]} groups @returns {Point[]} */
const pointsOf = (groups) =>
  groups.flatMap(({ name, table, k }) =>
    table.words.map((word, i) => ({ word, unit: table.unit(i), k, name })),
  );

/** @param {any} a @param {any} b */
const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

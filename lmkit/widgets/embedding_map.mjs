// EmbeddingMap: where do words lie when fifty dimensions become two? (chapter 3)
import { h, ask, canAsk, csv, download, frame, labelled, number, percent, present, table, toolButton, update, watch } from "./kit.mjs";
import { eigen, facing, vectorTable } from "./word_vectors.mjs";

/**
 * Places on the two axes along which the rows vary most, and the share of the variance kept.
 * @param {number[][]} rows
 * @returns {{places: number[][], kept: number}}
 */
export function principal(rows) {
  const d = rows[0].length;
  const mean = Array.from({ length: d }, (_, k) => rows.reduce((sum, row) => sum + row[k], 0) / rows.length);
  const centred = rows.map((row) => row.map((x, k) => x - mean[k]));
  const spread = mean.map((_, i) => mean.map((_, j) => centred.reduce((sum, row) => sum + row[i] * row[j], 0)));
  const { values, vectors } = eigen(spread);
  const total = values.reduce((sum, x) => sum + x, 0);
  const places = centred.map((row) => [0, 1].map((k) => row.reduce((sum, x, i) => sum + x * vectors[k][i], 0)));
  return { places: facing(places), kept: (values[0] + values[1]) / total };
}

/** The next point in a direction, [1, 0] being right and [0, 1] up; or the same where there is none. */
export function next(places, at, [dx, dy]) {
  let [best, least] = [at, Infinity];
  places.forEach(([x, y], i) => {
    const [ax, ay] = [x - places[at][0], y - places[at][1]];
    const along = ax * dx + ay * dy;
    const aside = Math.abs(ax * dy) + Math.abs(ay * dx);
    const cost = along + 2 * aside;
    if (i !== at && along > aside && cost < least) [best, least] = [i, cost];
  });
  return best;
}

const KEYS = "Tab reaches the map; arrow keys go from word to word in that direction; + and − zoom, 0 shows all; Escape lets go.";
const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const SHAPES = ["●", "◆", "▲", "■", "✚", "★"];

class View {
  static kind = "vectors";

  constructor(model) {
    this.model = model;
    this.live = canAsk(model, View.kind);
    this.groups = model.get("groups").map((group, k) => ({ name: group.name, table: vectorTable(group), k: k % 6 }));
    this.zoom = 1;
    this.frame = frame({
      title: "Which words lie together?",
      tools: [toolButton("+", "Zoom in", () => this.scale(1.5)), toolButton("−", "Zoom out", () => this.scale(1 / 1.5)), toolButton("⟲", "Show all", () => this.home())],
      menu: [["Show as table", () => this.toggleTable()], ["Download data (CSV)", () => this.data()]],
      keys: KEYS,
    });
    this.controls();
    this.map = h("div", { class: "lmk-places", tabindex: 0, role: "application", "aria-label": "Map of words", "aria-description": KEYS, onkeydown: (event) => this.key(event), onwheel: (event) => this.wheel(event), onpointerdown: (event) => this.grab(event) });
    this.frame.view.append(this.map);
    this.stop = watch(model, ["shown", "around", "word"], (_, __) => this.refresh());
    this.refresh();
  }

  controls() {
    const { model } = this;
    const boxes = this.groups.map(({ name, k }) => {
      const box = h("input", { type: "checkbox", onchange: () => this.choose(name, box.checked) });
      box.dataset.group = name;
      return labelled(`${SHAPES[k]} ${name}`, box);
    });
    this.boxes = boxes.map((field) => field.querySelector("input"));
    const seek = () => this.search(this.find.value.trim().toLowerCase());
    this.find = h("input", { type: "text", spellcheck: false, autocomplete: "off", autocapitalize: "none", onchange: seek, onkeydown: (event) => event.key === "Enter" && seek() });
    const label = this.live ? "Find a word, or see the neighbours of any" : "Find a word";
    this.frame.controls.append(...boxes, labelled(label, this.find));
    if (model.get("word")) this.find.value = model.get("word");
  }

  choose(name, on) {
    const shown = this.model.get("shown").filter((other) => other !== name);
    const next = on ? [...shown, name] : shown;
    if (!next.length) return this.fail(new Error("Choose at least one group.")), (this.boxes.find((b) => b.dataset.group === name).checked = true);
    this.home(false);
    update(this.model, { shown: next, around: "", word: "" });
  }

  /** A word of the map is pointed out; of any other the neighbours are shown. */
  search(word) {
    if (!word) return;
    if (this.points?.some((point) => point.word === word)) return update(this.model, { word });
    const home = this.groups.find(({ table }) => table.words.includes(word));
    if (home) return update(this.model, { shown: [...new Set([...this.model.get("shown"), home.name])], around: "", word });
    this.home(false);
    update(this.model, { around: word, word });
  }

  async refresh() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    try {
      const points = this.model.get("around") ? await this.neighbours(this.model.get("around")) : this.chosen();
      if (turn !== this.turn) return;
      this.points = points;
      Object.assign(this, principal(points.map(({ unit }) => unit)));
      this.paint();
    } catch (error) {
      if (turn === this.turn) this.fail(error);
    }
  }

  chosen() {
    const shown = this.model.get("shown");
    return this.groups.filter(({ name }) => shown.includes(name)).flatMap(({ name, table, k }) => table.words.map((word, i) => ({ word, unit: table.unit(i), k, name })));
  }

  async neighbours(word) {
    if (!this.live) throw new Error(`“${word}” is not among the words stored with the chapter.`);
    this.frame.box.setAttribute("aria-busy", "true");
    this.asked ??= ask(this.model, { kind: "vectors" }).then(vectorTable);
    this.asked.catch(() => (this.asked = null));
    const all = await this.asked;
    const target = all.unit(all.id(word));
    return all.nearest(target, 60).map(([near]) => ({ word: near, unit: all.unit(all.id(near)), k: near === word ? 1 : 0, name: `near ${word}` }));
  }

  fail(error) {
    this.frame.box.removeAttribute("aria-busy");
    this.frame.say(error.message);
  }

  paint() {
    const { model } = this;
    this.frame.box.removeAttribute("aria-busy");
    const around = model.get("around");
    for (const box of this.boxes) box.checked = !around && model.get("shown").includes(box.dataset.group);
    this.frame.source.textContent = `${model.get("model_name")} · ${around ? "computed now" : "stored with the chapter"}${this.live ? " · other words are loaded when you ask, 1.2 MB" : ""}`;
    this.at = this.points.findIndex(({ word }) => word === model.get("word"));
    if (this.asTable) return this.map.replaceChildren(this.tableFace()), this.say();
    const flat = this.places.flat();
    this.reach = 1.12 * Math.max(...flat.map(Math.abs), 1e-6);
    const dots = this.places.map((place, i) => this.dot(place, i));
    this.map.replaceChildren(h("div", { class: "lmk-sheet" }, ...dots));
    this.shift();
    this.point(this.at);
  }

  dot([x, y], i) {
    const { word, k } = this.points[i];
    const style = `left:${50 + (50 * x) / this.reach}%;top:${50 - (50 * y) / this.reach}%;--cat:var(--lm-cat-${k + 1})`;
    return h("span", { class: "lmk-place", style, onclick: () => update(this.model, { word }), onpointerenter: () => this.say(i) }, h("i", { "aria-hidden": "true" }, SHAPES[k]), word);
  }

  point(at) {
    this.at = at;
    this.map.querySelectorAll(".lmk-place").forEach((node, i) => node.classList.toggle("lmk-here", i === at));
    this.say(at);
  }

  /** What lies near a word, on the map and in all dimensions; without one, what the plane keeps. */
  say(at = this.at) {
    if (at < 0) {
      const names = this.model.get("around") ? `the neighbours of ${this.model.get("around")}` : this.model.get("shown").join(", ");
      return this.frame.say(`${this.points.length} words (${names}). The plane keeps ${percent(this.kept)} of their variance; the rest of the 50 dimensions is not seen. Point at a word.`);
    }
    const nearest = (distance) => this.points.map((_, i) => i).filter((i) => i !== at).sort((i, j) => distance(i) - distance(j)).slice(0, 3).map((i) => this.points[i].word).join(", ");
    const onMap = nearest((i) => Math.hypot(this.places[i][0] - this.places[at][0], this.places[i][1] - this.places[at][1]));
    const inAll = nearest((i) => -this.points[i].unit.reduce((sum, x, k) => sum + x * this.points[at].unit[k], 0));
    this.frame.say(`“${this.points[at].word}”: nearest on the map ${onMap}; nearest in all 50 dimensions ${inAll}.`);
  }

  key(event) {
    const { key } = event;
    if (this.asTable) return;
    if (STEPS[key]) update(this.model, { word: this.points[this.at < 0 ? 0 : next(this.places, this.at, STEPS[key])].word });
    else if (key === "+" || key === "=") this.scale(1.5);
    else if (key === "-") this.scale(1 / 1.5);
    else if (key === "0") this.home();
    else if (key === "Escape") update(this.model, { word: "" });
    else return;
    if (STEPS[key]) this.follow();
    event.preventDefault();
  }

  scale(factor) {
    this.zoom = Math.min(8, Math.max(1, this.zoom * factor));
    this.follow();
  }

  home(paint = true) {
    Object.assign(this, { zoom: 1, pan: [0, 0] });
    if (paint) this.shift();
  }

  /** Keep the chosen word in the middle while zoomed in. */
  follow() {
    const [x, y] = this.at >= 0 ? this.places[this.at] : [0, 0];
    this.pan = this.zoom > 1 ? [(-50 * x) / this.reach, (50 * y) / this.reach] : [0, 0];
    this.shift();
  }

  shift() {
    const sheet = this.map.querySelector(".lmk-sheet");
    if (!sheet) return;
    const [x, y] = this.pan ?? [0, 0];
    sheet.style.setProperty("inset", `${50 - 50 * this.zoom + y * this.zoom}% auto auto ${50 - 50 * this.zoom + x * this.zoom}%`);
    sheet.style.width = sheet.style.height = `${100 * this.zoom}%`;
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return; // else the page could not be scrolled
    event.preventDefault();
    this.scale(event.deltaY < 0 ? 1.2 : 1 / 1.2);
  }

  grab(event) {
    if (this.zoom === 1 || this.asTable) return;
    const { width, height } = this.map.getBoundingClientRect();
    const [from, pan] = [[event.clientX, event.clientY], this.pan ?? [0, 0]];
    const move = (e) => {
      this.pan = [pan[0] + (100 * (e.clientX - from[0])) / width / this.zoom, pan[1] + (100 * (e.clientY - from[1])) / height / this.zoom];
      this.shift();
    };
    const end = () => (this.map.removeEventListener("pointermove", move), this.map.removeEventListener("pointerup", end), this.map.removeEventListener("pointerleave", end));
    this.map.addEventListener("pointermove", move);
    this.map.addEventListener("pointerup", end);
    this.map.addEventListener("pointerleave", end);
  }

  tableFace() {
    const lines = this.points.map(({ word, name }, i) => [word, name, ...this.places[i].map((x) => number(x))]);
    return h("div", { class: "lmk-scroll lmk-list" }, table("Places on the two axes", ["word", "group", "first", "second"], lines));
  }

  toggleTable() {
    this.asTable = !this.asTable;
    if (this.points) this.paint();
  }

  data() {
    const rows = this.points.map(({ word, name }, i) => [word, name, ...this.places[i]]);
    download("map.csv", csv([["word", "group", "first axis", "second axis"], ...rows]), "text/csv");
  }

  close() {
    this.stop();
  }
}

const render = (host) => present(View, host);

export default { render };

// EmbeddingMap: where do words lie when fifty dimensions become two? (chapter 3)
import { labelled } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { frame, toolButton } from "../../kit/frame.mjs";
import { ask, canAsk, update, watch } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number, percent } from "../../kit/numbers.mjs";
import { table } from "../../kit/table.mjs";
import { eigen, facing, labels, vectorTable, within } from "../../kit/word_vectors.mjs";

/**
 * Places on the two axes along which the rows vary most, and the share of the variance kept.
 * @param {number[][]} rows
 * @returns {{places: number[][], kept: number}}
 */
export function principal(rows) {
  const d = rows[0].length;
  const mean = Array.from(
    { length: d },
    (_, k) => rows.reduce((sum, row) => sum + row[k], 0) / rows.length,
  );
  const centred = rows.map((row) => row.map((x, k) => x - mean[k]));
  const spread = mean.map(() => Array(d).fill(0));
  for (const row of centred)
    for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) spread[i][j] += row[i] * row[j];
  const { values, vectors } = eigen(spread);
  const total = values.reduce((sum, x) => sum + x, 0);
  const places = centred.map((row) =>
    [0, 1].map((k) => row.reduce((sum, x, i) => sum + x * vectors[k][i], 0)),
  );
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

const KEYS =
  "Tab reaches the map; arrow keys go from word to word in that direction; + and − zoom, 0 shows all; Escape lets go. Zoomed in, drag to move.";
const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const SHAPES = ["●", "◆", "▲", "■", "✚", "★"];

class View {
  static kind = "vectors";
  static link = {
    shown: (names, model) =>
      Array.isArray(names) &&
      names.length > 0 &&
      names.every(fits.oneOf(model.get("groups").map(({ name }) => name))),
    around: (word, model) => fits.text(100)(word) && canAsk(model, View.kind),
    word: fits.text(100),
  };

  constructor(model) {
    this.model = model;
    this.live = canAsk(model, View.kind);
    this.groups = model
      .get("groups")
      .map((group, k) => ({ name: group.name, table: vectorTable(group), k: k % 6 }));
    this.zoom = 1;
    this.frame = frame({
      title: "Which words lie together?",
      tools: [
        toolButton("+", "Zoom in", () => this.scale(1.5)),
        toolButton("−", "Zoom out", () => this.scale(1 / 1.5)),
        toolButton("0", "Show all", () => this.home()),
      ],
      menu: [
        ["Show as table", () => this.toggleTable()],
        ["Download data (CSV)", () => this.data()],
      ],
      keys: KEYS,
    });
    this.controls();
    this.map = h("div", {
      class: "lmk-places",
      tabindex: 0,
      role: "application",
      "aria-label": "Map of words",
      "aria-description": KEYS,
      onkeydown: (event) => this.key(event),
      onwheel: (event) => this.wheel(event),
      onpointerdown: (event) => this.grab(event),
      onpointermove: (event) => this.hover(this.under(event)),
      onpointerleave: () => this.hover(-1),
      onclick: (event) => this.pick(event),
    });
    this.frame.view.append(this.map);
    this.sizes = new ResizeObserver(() => this.arrange());
    this.sizes.observe(this.map);
    this.stop = watch(model, ["shown", "around", "word"], (_, __) => this.refresh());
    this.refresh();
  }

  controls() {
    const { model } = this;
    this.boxes = this.groups.map(({ name }) => {
      const box = h("input", { type: "checkbox", onchange: () => this.choose(name, box.checked) });
      box.dataset.group = name;
      return box;
    });
    const boxes = this.groups.map(({ name, k }, i) =>
      h(
        "label",
        { class: "lmk-group", style: `--cat:var(--lm-cat-${k + 1})` },
        this.boxes[i],
        h("i", { "aria-hidden": "true" }, SHAPES[k]),
        name,
      ),
    );
    const seek = () => this.search(this.find.value.trim().toLowerCase());
    this.find = h("input", {
      type: "text",
      spellcheck: false,
      autocomplete: "off",
      autocapitalize: "none",
      onchange: seek,
      onkeydown: (event) => event.key === "Enter" && seek(),
    });
    const near = h(
      "button",
      {
        type: "button",
        onclick: () => this.surround(this.find.value.trim().toLowerCase() || model.get("word")),
      },
      "Neighbours",
    );
    const field = labelled("Find a word", this.find, this.live && near);
    field.classList.add("lmk-wide");
    this.frame.controls.append(...boxes, field);
    if (model.get("word")) this.find.value = model.get("word");
  }

  choose(name, on) {
    const shown = this.model.get("around")
      ? []
      : this.model.get("shown").filter((other) => other !== name);
    const next = on ? [...shown, name] : shown;
    if (!next.length)
      return (
        this.fail(new Error("Choose at least one group.")),
        (this.boxes.find((b) => b.dataset.group === name).checked = true)
      );
    this.home(false);
    update(this.model, { shown: next, around: "", word: "" });
  }

  /** A word of the map is pointed out; of any other the neighbours are shown. */
  search(word) {
    if (!word) return;
    if (this.points?.some((point) => point.word === word)) return update(this.model, { word });
    const home = this.groups.find(({ table }) => table.words.includes(word));
    if (home)
      return update(this.model, {
        shown: [...new Set([...this.model.get("shown"), home.name])],
        around: "",
        word,
      });
    this.surround(word);
  }

  /** The neighbours of any word, also of one that is on the map. */
  surround(word) {
    if (!word) return this.frame.say("Choose a word on the map, or write one.");
    this.home(false);
    update(this.model, { around: word, word });
  }

  async refresh() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const [around, shown] = ["around", "shown"].map((name) => this.model.get(name));
    const from = JSON.stringify([around, shown]);
    if (this.points && from === this.from) return this.point();
    try {
      const points = around ? await this.neighbours(around) : this.chosen();
      if (turn !== this.turn) return;
      Object.assign(this, { points, from, good: { around, shown, word: this.model.get("word") } });
      Object.assign(this, principal(points.map(({ unit }) => unit)));
      this.paint();
    } catch (error) {
      if (turn === this.turn) this.fail(error);
    }
  }

  chosen() {
    const shown = this.model.get("shown");
    return this.groups
      .filter(({ name }) => shown.includes(name))
      .flatMap(({ name, table, k }) =>
        table.words.map((word, i) => ({ word, unit: table.unit(i), k, name })),
      );
  }

  async neighbours(word) {
    if (!this.live) throw new Error(`“${word}” is not among the words stored with the chapter.`);
    this.frame.box.setAttribute("aria-busy", "true");
    this.asked ??= ask(this.model, { kind: "vectors" }).then(vectorTable);
    this.asked.catch(() => (this.asked = null));
    const all = await this.asked;
    const target = all.unit(all.id(word));
    return all
      .nearest(target, 60)
      .map(([near]) => ({
        word: near,
        unit: all.unit(all.id(near)),
        k: near === word ? 1 : 0,
        name: `near ${word}`,
      }));
  }

  /** The map stays what it was, and so does its state. */
  fail(error) {
    this.frame.box.removeAttribute("aria-busy");
    if (this.good) update(this.model, this.good);
    this.frame.say(error.message);
  }

  paint() {
    const { model } = this;
    this.frame.box.removeAttribute("aria-busy");
    const around = model.get("around");
    for (const box of this.boxes)
      box.checked = !around && model.get("shown").includes(box.dataset.group);
    this.frame.source.textContent = `${model.get("model_name")} · ${around ? "computed now" : "stored with the chapter"}${this.live ? " · other words are loaded when you ask, 1.2 MB" : ""}`;
    this.at = this.points.findIndex(({ word }) => word === model.get("word"));
    if (this.asTable) return (this.map.replaceChildren(this.tableFace()), this.say());
    this.bounds = [0, 1].map((k) => [
      Math.min(...this.places.map((place) => place[k])),
      Math.max(...this.places.map((place) => place[k])),
    ]);
    this.nodes = this.points.map(({ word, k }) =>
      h(
        "span",
        { class: "lmk-place", style: `--cat:var(--lm-cat-${k + 1})` },
        h("i", { "aria-hidden": "true" }, SHAPES[k]),
        h("span", { class: "lmk-name" }, word),
      ),
    );
    this.map.replaceChildren(...this.nodes);
    this.extents = null;
    this.hovered = -1;
    this.arrange();
    this.say();
  }

  /** Mark the chosen word; the others stay where they are. */
  point() {
    this.frame.box.removeAttribute("aria-busy");
    this.at = this.points.findIndex(({ word }) => word === this.model.get("word"));
    this.arrange();
    this.say();
  }

  /** Marks and names to their places in the frame as it is now; names without room wait to be pointed at. */
  arrange() {
    const room = [this.map.clientWidth, this.map.clientHeight];
    if (!this.points || this.asTable || !room[0]) return;
    this.extents ??= this.nodes.map(({ lastChild }) => [
      lastChild.offsetWidth,
      lastChild.offsetHeight,
    ]);
    // the same scale on both axes, so that what is near in the plane is near to the eye
    const fit = Math.min(
      ...this.bounds.map(([least, most], k) => (0.9 * room[k]) / Math.max(most - least, 1e-6)),
    );
    this.scaleNow = this.zoom * fit;
    const [cx, cy] = this.centre ?? this.bounds.map(([least, most]) => (least + most) / 2);
    this.spots = this.places.map(([x, y]) => [
      room[0] / 2 + this.scaleNow * (x - cx),
      room[1] / 2 - this.scaleNow * (y - cy),
    ]);
    this.map.style.touchAction = this.zoom > 1 ? "none" : ""; // a finger pans the map, or scrolls the page
    const placed = labels(this.spots, this.extents, room, this.order(), this.at);
    this.nodes.forEach((node, i) => {
      const [x, y] = this.spots[i];
      const [left, top] = placed[i] ?? within(this.spots[i], this.extents[i], room);
      node.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
      node.lastChild.style.transform = `translate(${(left - x).toFixed(1)}px, ${(top - y).toFixed(1)}px)`;
      node.classList.toggle("lmk-bare", !placed[i]);
      node.classList.toggle("lmk-here", i === this.at);
    });
  }

  /** Who gets a name first: the chosen word, those nearest to it, then the groups in turn. */
  order() {
    const turn = new Map();
    const rank = this.points.map(
      ({ name }) => (turn.set(name, (turn.get(name) ?? 0) + 1), turn.get(name)),
    );
    const all = this.points.map((_, i) => i).sort((i, j) => rank[i] - rank[j]);
    if (this.at < 0) return all;
    const first = [this.at, ...this.nearest(this.at)];
    return [...first, ...all.filter((i) => !first.includes(i))];
  }

  /** The point at a pointer: the one whose name or mark it touches, else the nearest within reach. */
  under({ target, clientX, clientY }) {
    if (!this.spots || this.asTable) return -1;
    const touched = this.nodes.indexOf(target.closest?.(".lmk-place"));
    if (touched >= 0) return touched;
    const { left, top } = this.map.getBoundingClientRect();
    const one = this.pixel();
    const far = this.spots.map(([x, y]) =>
      Math.hypot((clientX - left) / one - x, (clientY - top) / one - y),
    );
    const nearest = far.indexOf(Math.min(...far));
    return far[nearest] <= 16 ? nearest : -1;
  }

  /** How many of the window's pixels one of the map's is: full screen is drawn larger. */
  pixel() {
    return this.map.getBoundingClientRect().width / this.map.offsetWidth;
  }

  hover(i) {
    if (this.asTable || !this.nodes || i === this.hovered) return;
    this.nodes[this.hovered]?.classList.remove("lmk-hover");
    this.nodes[i]?.classList.add("lmk-hover");
    this.hovered = i;
    this.say(i < 0 ? this.at : i);
  }

  pick(event) {
    const i = this.under(event);
    if (i >= 0 && !this.dragged) update(this.model, { word: this.points[i].word });
  }

  /** What lies near a word, on the map and in all dimensions; without one, what the plane keeps. */
  say(at = this.at) {
    if (at < 0) {
      const names = this.model.get("around")
        ? `the neighbours of ${this.model.get("around")}`
        : this.model.get("shown").join(", ");
      return this.frame.say(
        `${this.points.length} words (${names}). The plane keeps ${percent(this.kept)} of their variance; the rest of the 50 dimensions is not seen. Point at a mark to read its word.`,
      );
    }
    const names = (found) => found.map((i) => this.points[i].word).join(", ");
    const inAll = this.closest(
      at,
      (i) => -this.points[i].unit.reduce((sum, x, k) => sum + x * this.points[at].unit[k], 0),
    );
    this.frame.say(
      `“${this.points[at].word}”: nearest on the map ${names(this.nearest(at))}; nearest in all 50 dimensions ${names(inAll)}.`,
    );
  }

  /** The three points at the least distance from one. */
  closest(at, distance) {
    const far = this.points.map((_, i) => (i === at ? Infinity : distance(i)));
    return [...far.keys()].sort((i, j) => far[i] - far[j]).slice(0, Math.min(3, far.length - 1));
  }

  nearest(at) {
    const [x, y] = this.places[at];
    return this.closest(at, (i) => Math.hypot(this.places[i][0] - x, this.places[i][1] - y));
  }

  key(event) {
    const { key } = event;
    if (this.asTable) return;
    if (STEPS[key])
      update(this.model, {
        word: this.points[this.at < 0 ? 0 : next(this.places, this.at, STEPS[key])].word,
      });
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
    Object.assign(this, { zoom: 1, centre: null });
    if (paint) this.arrange();
  }

  /** Bring the chosen word to the middle while zoomed in. */
  follow() {
    if (this.zoom === 1) this.centre = null;
    else if (this.at >= 0) this.centre = this.places[this.at];
    this.arrange();
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return; // else the page could not be scrolled
    event.preventDefault();
    this.scale(event.deltaY < 0 ? 1.2 : 1 / 1.2);
  }

  grab(event) {
    this.dragged = false;
    if (this.zoom === 1 || this.asTable) return;
    const from = [event.clientX, event.clientY];
    const [cx, cy] = this.centre ?? this.bounds.map(([least, most]) => (least + most) / 2);
    const scale = this.scaleNow * this.pixel();
    const move = (e) => {
      this.dragged ||= Math.hypot(e.clientX - from[0], e.clientY - from[1]) > 4;
      this.centre = [cx - (e.clientX - from[0]) / scale, cy + (e.clientY - from[1]) / scale];
      this.arrange();
    };
    const end = () => (
      this.map.removeEventListener("pointermove", move),
      this.map.removeEventListener("pointerup", end),
      this.map.removeEventListener("pointerleave", end)
    );
    this.map.addEventListener("pointermove", move);
    this.map.addEventListener("pointerup", end);
    this.map.addEventListener("pointerleave", end);
  }

  tableFace() {
    const lines = this.points.map(({ word, name }, i) => [
      word,
      name,
      ...this.places[i].map((x) => number(x)),
    ]);
    return h(
      "div",
      { class: "lmk-scroll lmk-list" },
      table("Places on the two axes", ["word", "group", "first", "second"], lines),
    );
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
    this.sizes.disconnect();
    this.stop();
  }
}

const render = (host) => present(View, host);

export default { render };

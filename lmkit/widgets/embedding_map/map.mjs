// Words on a plane: marks and names that can be pointed at, and a plane that zooms and moves.
import { h } from "../../kit/dom.mjs";
import { labels, within } from "../../kit/word_vectors.mjs";

/**
 * @typedef {import("../../kit/word_vectors.mjs").Point} Spot
 * @typedef {import("../../kit/word_vectors.mjs").Size} Size
 */

/**
 * A word of the map: its vector, of length 1, its group's name, and the group's number `k`, which
 * gives the mark and its colour.
 * @typedef {{word: string, unit: number[], k: number, name: string}} Point
 */

export const KEYS =
  "Tab reaches the map; arrow keys go from word to word in that direction; + and − zoom, 0 shows all; Escape lets go. Zoomed in, drag to move.";
export const SHAPES = ["●", "◆", "▲", "■", "✚", "★"];
/** @type {Record<string, number[]>} */
const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const REACH = 16; // pixels from a mark to a pointer that means it

/**
 * The next point in a direction, [1, 0] being right and [0, 1] up; or the same where there is none.
 * @param {number[][]} places
 * @param {number} at
 * @param {number[]} direction
 */
export function next(places, at, [dx, dy]) {
  let [best, least] = [at, Infinity];
  for (const [i, [x, y]] of places.entries()) {
    const [ax, ay] = [x - places[at][0], y - places[at][1]];
    const along = ax * dx + ay * dy;
    const aside = Math.abs(ax * dy) + Math.abs(ay * dx);
    const cost = along + 2 * aside;
    if (i !== at && along > aside && cost < least) [best, least] = [i, cost];
  }
  return best;
}

/**
 * The three of n points at the least distance from one.
 * @param {number} n
 * @param {number} at
 * @param {(i: number) => number} distance
 */
export function closest(n, at, distance) {
  const far = Array.from({ length: n }, (_, i) => (i === at ? Infinity : distance(i)));
  return [...far.keys()].sort((i, j) => far[i] - far[j]).slice(0, Math.min(3, n - 1));
}

/** The three points nearest to one on the map. @param {number[][]} places @param {number} at */
export function nearest(places, at) {
  const [x, y] = places[at];
  return closest(places.length, at, (i) => Math.hypot(places[i][0] - x, places[i][1] - y));
}

/**
 * Who gets a name first: the chosen word, those nearest to it, then the groups in turn.
 * @param {Point[]} points
 * @param {number[][]} places
 * @param {number} at
 */
function order(points, places, at) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  const rank = points.map(({ name }) => {
    const turn = (seen.get(name) ?? 0) + 1;
    seen.set(name, turn);
    return turn;
  });
  const all = [...rank.keys()].sort((i, j) => rank[i] - rank[j]);
  if (at < 0) return all;
  const first = [at, ...nearest(places, at)];
  return [...first, ...all.filter((i) => !first.includes(i))];
}

export class WordMap {
  /** @type {Point[]} */
  points = [];
  /** @type {number[][]} on the axes */
  places = [];
  /** @type {number[][]} least and most on each axis */
  bounds = [];
  /** @type {Spot[]} in the frame, in pixels */
  spots = [];
  /** @type {HTMLElement[]} */
  nodes = [];
  /** @type {Size[] | null} width and height of the names, once they can be measured */
  extents = null;
  /** The chosen point, and the one under the pointer; −1 for none. */
  at = -1;
  hovered = -1;
  dragged = false;
  zoom = 1;
  /** How many of the frame's pixels one is on the axes. */
  unit = 1;
  /** @type {number[] | null} the place in the middle, when it is not the map's own */
  centre = null;

  /**
   * @param {(i: number) => void} choose called with the point that the reader chooses, or −1
   * @param {(i: number) => void} point called with the one that the pointer is at, or −1
   */
  constructor(choose, point) {
    this.choose = choose;
    this.point = point;
    this.node = this.plane();
    this.sizes = new ResizeObserver(() => this.arrange());
    this.sizes.observe(this.node);
  }

  close() {
    this.sizes.disconnect();
  }

  /** @param {Point[]} points @param {number[][]} places */
  paint(points, places) {
    this.points = points;
    this.places = places;
    this.extents = null;
    this.hovered = -1;
    this.bounds = [0, 1].map((k) => extent(places.map((place) => place[k])));
    this.nodes = points.map(mark);
    this.node.replaceChildren(...this.nodes);
  }

  /** Mark a point as chosen. @param {number} at */
  mark(at) {
    this.at = at;
    this.arrange();
  }

  plane() {
    return h("div", {
      class: "lmk-places",
      tabindex: 0,
      role: "application",
      "aria-label": "Map of words",
      "aria-description": KEYS,
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
      onwheel: (/** @type {WheelEvent} */ event) => this.wheel(event),
      onpointerdown: (/** @type {PointerEvent} */ event) => this.grab(event),
      onpointermove: (/** @type {PointerEvent} */ event) => this.hover(this.under(event)),
      onpointerleave: () => this.hover(-1),
      onclick: (/** @type {PointerEvent} */ event) => this.pick(event),
    });
  }

  /** Marks and names to their places in the frame as it is now; names without room wait to be pointed at. */
  arrange() {
    /** @type {Size} */
    const room = [this.node.clientWidth, this.node.clientHeight];
    if (!this.nodes.length || !room[0]) return;
    this.extents ??= this.nodes.map((node) => sizeOf(nameOf(node)));
    this.project(room);
    this.node.style.touchAction = this.zoom > 1 ? "none" : ""; // a finger pans the map, or scrolls the page
    const turns = order(this.points, this.places, this.at);
    const placed = labels(this.spots, this.extents, room, turns, this.at);
    for (const [i, node] of this.nodes.entries()) {
      put(node, this.spots[i], placed[i] ?? within(this.spots[i], this.extents[i], room));
      node.classList.toggle("lmk-bare", !placed[i]);
      node.classList.toggle("lmk-here", i === this.at);
    }
  }

  /** From the axes to the frame's pixels. @param {number[]} room width and height of the frame */
  project(room) {
    const { bounds, places } = this;
    // the same scale on both axes, so that what is near in the plane is near to the eye
    const sides = bounds.map(([least, most], k) => (0.9 * room[k]) / Math.max(most - least, 1e-6));
    this.unit = this.zoom * Math.min(...sides);
    const [cx, cy] = this.middle();
    this.spots = places.map(([x, y]) => [
      room[0] / 2 + this.unit * (x - cx),
      room[1] / 2 - this.unit * (y - cy),
    ]);
  }

  middle() {
    return this.centre ?? this.bounds.map(([least, most]) => (least + most) / 2);
  }

  /**
   * The point at a pointer: the one whose name or mark it touches, else the nearest within reach.
   * @param {PointerEvent} event
   */
  under({ target, clientX, clientY }) {
    const place = /** @type {Element} */ (target).closest(".lmk-place");
    const touched = this.nodes.indexOf(/** @type {HTMLElement} */ (place));
    if (touched >= 0) return touched;
    const { left, top } = this.node.getBoundingClientRect();
    const one = this.pixel();
    const [px, py] = [(clientX - left) / one, (clientY - top) / one];
    const far = this.spots.map(([x, y]) => Math.hypot(px - x, py - y));
    const nearest = far.indexOf(Math.min(...far));
    return far[nearest] <= REACH ? nearest : -1;
  }

  /** How many of the window's pixels one of the map's is: full screen is drawn larger. */
  pixel() {
    return this.node.getBoundingClientRect().width / this.node.offsetWidth;
  }

  /** @param {number} i */
  hover(i) {
    if (i === this.hovered) return;
    this.nodes[this.hovered]?.classList.remove("lmk-hover");
    this.nodes[i]?.classList.add("lmk-hover");
    this.hovered = i;
    this.point(i);
  }

  /** @param {PointerEvent} event */
  pick(event) {
    const i = this.under(event);
    if (i >= 0 && !this.dragged) this.choose(i);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { key } = event;
    if (STEPS[key]) this.step(STEPS[key]);
    else if (key === "+" || key === "=") this.scale(1.5);
    else if (key === "-") this.scale(1 / 1.5);
    else if (key === "0") this.home();
    else if (key === "Escape") this.choose(-1);
    else return;
    event.preventDefault();
  }

  /** Go to the next word. @param {number[]} direction */
  step(direction) {
    this.choose(this.at < 0 ? 0 : next(this.places, this.at, direction));
    this.follow();
  }

  /** @param {number} factor */
  scale(factor) {
    this.zoom = Math.min(8, Math.max(1, this.zoom * factor));
    this.follow();
  }

  home() {
    this.reset();
    this.arrange();
  }

  /** See all of what is painted next. */
  reset() {
    this.zoom = 1;
    this.centre = null;
  }

  /** Bring the chosen word to the middle while zoomed in. */
  follow() {
    if (this.zoom === 1) this.centre = null;
    else if (this.at >= 0) this.centre = this.places[this.at];
    this.arrange();
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return; // else the page could not be scrolled
    event.preventDefault();
    this.scale(event.deltaY < 0 ? 1.2 : 1 / 1.2);
  }

  /** Zoomed in, the map goes with the pointer until that lets go. @param {PointerEvent} event */
  grab({ clientX, clientY }) {
    this.dragged = false;
    if (this.zoom === 1) return;
    const [cx, cy] = this.middle();
    const scale = this.unit * this.pixel();
    const { signal, end } = ending();
    /** @param {PointerEvent} event */
    const move = (event) => {
      const [dx, dy] = [event.clientX - clientX, event.clientY - clientY];
      this.dragged ||= Math.hypot(dx, dy) > 4;
      this.centre = [cx - dx / scale, cy + dy / scale];
      this.arrange();
    };
    this.node.addEventListener("pointermove", move, { signal });
    this.node.addEventListener("pointerup", end, { signal });
    this.node.addEventListener("pointerleave", end, { signal });
  }
}

/** @param {number[]} xs */
const extent = (xs) => [Math.min(...xs), Math.max(...xs)];

/** The colour of a group. @param {number} k */
export const colour = (k) => `--cat:var(--lm-cat-${k + 1})`;

/** A point's mark, and behind it its name. @param {Point} point */
const mark = ({ word, k }) =>
  h(
    "span",
    { class: "lmk-place", style: colour(k) },
    h("i", { "aria-hidden": "true" }, SHAPES[k]),
    h("span", { class: "lmk-name" }, word),
  );

/** @param {HTMLElement} node of a mark */
const nameOf = (node) => /** @type {HTMLElement} */ (node.lastChild);

/** @param {HTMLElement} node @returns {Size} */
const sizeOf = (node) => [node.offsetWidth, node.offsetHeight];

/**
 * Put a mark to its place, and its name to another.
 * @param {HTMLElement} node
 * @param {number[]} spot
 * @param {number[]} corner
 */
function put(node, [x, y], [left, top]) {
  node.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
  nameOf(node).style.transform = `translate(${(left - x).toFixed(1)}px, ${(top - y).toFixed(1)}px)`;
}

/** A signal for listeners, and what ends them all. */
function ending() {
  const controller = new AbortController();
  return { signal: controller.signal, end: () => controller.abort() };
}

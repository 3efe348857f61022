// Words as arrows in the plane in which they lie most nearly.
import { h, svg } from "../../kit/dom.mjs";
import { onPlane } from "../../kit/word_vectors.mjs";

/**
 * An arrow from [0, 0]: where it ends, its name, and the class that gives its colour.
 * @typedef {{tip: number[], name: string, kind: string}} Arrow
 * @typedef {{left: number, right: number, y: number}} Caption `y` is the line that the letters stand on
 */

const LINE = 9; // from one line of text to the next
const ROOM = [110, 150]; // for the arrows, across and upright
const CAPTION =
  "Arrows of length 1, seen in the plane nearest to them all; − marks a word that is taken away.";

/**
 * Inputs, sum and answer as arrows.
 * @param {import("./view.mjs").Solution} answer
 * @param {boolean} exclude
 */
export function arrows(answer, exclude) {
  const all = arrowsOf(answer, exclude);
  const names = all.map(({ name }) => name);
  const tips = all.map(({ tip }) => tip);
  const texts = captions(tips, names);
  const drawing = svg(
    "svg",
    {
      viewBox: around(tips, texts),
      class: "lmk-plane",
      role: "img",
      "aria-label": `The words as arrows: ${names.join(", ")}`,
    },
    svg("circle", { r: 1.8, class: "lmk-origin" }),
    ...all.flatMap(shaft),
    ...all.map((arrow, i) => label(arrow, texts[i])),
  );
  return h("figure", {}, drawing, h("figcaption", {}, CAPTION));
}

/**
 * @param {import("./view.mjs").Solution} answer
 * @param {boolean} exclude
 * @returns {Arrow[]}
 */
function arrowsOf({ words, signs, gram, ranked }, exclude) {
  const best = ranked.find(([word]) => !words.includes(word))?.[0] ?? "";
  const winner = exclude ? best : ranked[0][0];
  const tips = fitted(onPlane(gram));
  const inputs = words.map((word, i) => ({
    tip: tips[i],
    name: `${signs[i] < 0 ? "−" : i ? "+" : ""} ${word}`.trim(),
    kind: word === winner ? "lmk-win" : "lmk-input",
  }));
  const [total, answer] = tips.slice(words.length);
  return [
    ...inputs,
    { tip: total, name: "the sum", kind: "lmk-total" },
    { tip: answer, name: best, kind: best === winner ? "lmk-win" : "lmk-other" },
  ];
}

/** Places as large as there is room for, upright as the screen counts. @param {number[][]} places */
function fitted(places) {
  const scales = ROOM.map((room, k) => {
    const along = [0, ...places.map((place) => place[k])];
    return room / Math.max(Math.max(...along) - Math.min(...along), 0.1);
  });
  const scale = Math.min(...scales);
  return places.map(([x, y]) => [scale * x, -scale * y]);
}

/** @param {Arrow} arrow */
function shaft({ tip: [x, y], kind }) {
  const angle = (Math.atan2(y, x) * 180) / Math.PI;
  const head = svg("path", {
    d: "M0 0 L-6 2.6 L-6 -2.6 Z",
    transform: `translate(${x} ${y}) rotate(${angle})`,
    class: kind,
  });
  return [svg("line", { x2: x, y2: y, class: kind }), head];
}

/** @param {Arrow} arrow @param {Caption} caption */
function label({ tip, name, kind }, { left, right, y }) {
  const side =
    tip[0] < 0 ? { x: right, "text-anchor": "end" } : { x: left, "text-anchor": "start" };
  return svg("text", { ...side, y, class: kind }, name);
}

/**
 * Where the names of arrows from [0, 0] stand: beyond their tips, from top to bottom in their order,
 * none on another.
 * @param {number[][]} tips
 * @param {string[]} names
 * @returns {Caption[]}
 */
export function captions(tips, names) {
  /** @type {Caption[]} */
  const above = [];
  /** @type {Caption[]} */
  const placed = [];
  for (const i of [...tips.keys()].sort((i, j) => tips[i][1] - tips[j][1])) {
    placed[i] = lowered(beyond(tips[i], names[i]), above);
    above.push(placed[i]);
  }
  return placed;
}

/** A name beyond the tip of its arrow. @param {number[]} tip @param {string} name @returns {Caption} */
function beyond([tipX, tipY], name) {
  const further = 1 + 6 / Math.max(Math.hypot(tipX, tipY), 1);
  const [x, width] = [tipX * further, 5 * name.length];
  const [left, right] = x < 0 ? [x - width, x] : [x, x + width];
  return { left, right, y: tipY * further + 2.5 };
}

/** A caption as far down as others leave room. @param {Caption} caption @param {Caption[]} above */
function lowered({ left, right, y }, above) {
  /** @param {Caption} other */
  const blocks = (other) =>
    left < other.right && right > other.left && Math.abs(y - other.y) < LINE - 1e-6; // less what rounding adds
  let other = above.find(blocks);
  while (other) {
    y = other.y + LINE;
    other = above.find(blocks);
  }
  return { left, right, y };
}

/**
 * The part of the plane that holds it all, at least 200 wide: so the letters keep their size.
 * @param {number[][]} tips
 * @param {Caption[]} texts
 */
function around(tips, texts) {
  const xs = [0, ...texts.flatMap(({ left, right }) => [left, right]), ...tips.map(([x]) => x)];
  const ys = [0, ...texts.flatMap(({ y }) => [y - 8, y + 3]), ...tips.map(([, y]) => y)];
  const [left, right] = [Math.min(...xs) - 2, Math.max(...xs) + 2];
  const [top, bottom] = [Math.min(...ys) - 2, Math.max(...ys) + 2];
  const width = Math.max(200, right - left);
  return [(left + right - width) / 2, top, width, bottom - top].join(" ");
}

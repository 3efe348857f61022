// Lines in a plane for the widgets that need them: axes, marks, a picture that leaves the page.
import { h, svg } from "./dom.mjs";
import { number, scientific } from "./numbers.mjs";

/**
 * A box that is drawn as wide as it is, and anew when its width changes.
 * @param {string} label what a screen reader says of it
 * @param {(width: number) => Node} draw
 */
export function fitted(label, draw) {
  const box = h("div", { class: "lmk-chart", role: "img", "aria-label": label });
  let width = 0;
  const paint = () => box.replaceChildren(draw(width || 560));
  const observer = new ResizeObserver(([{ contentRect }]) => {
    const now = Math.round(contentRect.width);
    if (!now || now === width) return;
    width = now;
    paint();
  });
  observer.observe(box);
  return { box, paint, close: () => observer.disconnect() };
}

// -------------------------------------------------------------------- colours

/**
 * Call `fn` whenever the theme changes: a canvas keeps the colours that it was given.
 * @param {() => void} fn
 */
export function onTheme(fn) {
  const observer = new MutationObserver(fn);
  for (const node of [document.documentElement, document.body])
    observer.observe(node, { attributeFilter: ["data-theme", "data-jp-theme-light"] });
  return () => observer.disconnect();
}

/**
 * Paint a pixel for each signed number: blue above 0, orange below, nothing at 0.
 * @param {HTMLCanvasElement} canvas
 * @param {ArrayLike<number>[]} columns
 * @param {number} [most] the number that is full ink
 */
export function inkSigned(canvas, columns, most = 1) {
  const [positive, negative] = [rgb(canvas, "--lm-pos"), rgb(canvas, "--lm-neg")];
  const image = new ImageData(canvas.width, canvas.height);
  for (const [x, column] of columns.entries()) {
    for (let y = 0; y < column.length; y++) {
      const ink = Math.round((255 * Math.abs(column[y])) / most);
      const colour = column[y] < 0 ? negative : positive;
      image.data.set([...colour, ink], 4 * (y * canvas.width + x));
    }
  }
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

/** Red, green and blue of a colour of the theme, written #rrggbb. @param {Element} element @param {string} name */
function rgb(element, name) {
  const pairs = getComputedStyle(element).getPropertyValue(name).match(/\w\w/g);
  return pairs?.map((pair) => parseInt(pair, 16)) ?? [0, 0, 0];
}

/**
 * An SVG of the page as text that stands alone: the theme's colours as they are now.
 * @param {SVGSVGElement} node
 */
export function alone(node) {
  const style = getComputedStyle(node);
  const copy = /** @type {SVGSVGElement} */ (node.cloneNode(true));
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("font-family", "system-ui, sans-serif");
  copy.prepend(svg("rect", { width: "100%", height: "100%", fill: "var(--lm-paper)" }));
  /** @param {string} _ @param {string} name */
  const value = (_, name) => style.getPropertyValue(name).trim();
  return `${copy.outerHTML.replace(/var\((--lm-[\w-]+)\)/g, value)}\n`;
}

// ----------------------------------------------------------------------- axes

/**
 * Some four round numbers between two others.
 * @param {number} from
 * @param {number} to
 */
export function ticks(from, to, most = 4) {
  const rough = (to - from) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((k) => k * power >= rough * 0.999) ?? 10);
  const first = Math.ceil(from / step - 1e-9);
  const count = Math.floor(to / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, k) => (first + k) * step);
}

/** Some four powers of ten between two numbers. @param {number} from @param {number} to */
function decades(from, to) {
  const [low, high] = [Math.ceil(Math.log10(from) - 1e-9), Math.floor(Math.log10(to) + 1e-9)];
  const step = Math.max(1, Math.ceil((high - low) / 4));
  const first = Math.ceil(low / step) * step; // so that 1 is among them where it lies on the axis
  const count = Math.floor((high - first) / step) + 1;
  return Array.from({ length: count }, (_, k) => 10 ** (first + k * step));
}

/**
 * A function from a number on an axis to its place between two pixels; beyond the axis, its end.
 * @param {Axis} axis
 * @param {number} low where the axis begins
 * @param {number} high where it ends
 */
function along({ from, to, log }, low, high) {
  const f = log ? Math.log10 : (/** @type {number} */ z) => z;
  const scale = (high - low) / (f(to) - f(from));
  return (/** @type {number} */ v) => low + (f(Math.min(to, Math.max(from, v))) - f(from)) * scale;
}

/** The numbers that an axis names, and how. @param {Axis} axis @returns {[number, string][]} */
function marks({ from, to, log }) {
  return log
    ? decades(from, to).map((v) => [v, scientific(v, 1).replace("1 × ", "")])
    : ticks(from, to).map((v) => [v, number(v, 2)]);
}

// ---------------------------------------------------------------------- chart

/**
 * @typedef {[x: number, y: number]} Point
 * @typedef {{label: string, from: number, to: number, log?: boolean}} Axis
 * @typedef {{name: string, points: Point[]}} Line points outside the y axis are clipped
 * @typedef {{left: number, right: number, top: number, bottom: number}} Area where lines are drawn
 */

const INK = { fill: "var(--lm-ink-2)", "font-size": 12 };
const LEGEND = 18; // pixels above the lines
const DASHES = ["none", "7 4", "2 3", "9 3 2 3"];

/**
 * A chart of lines, each with a colour, a dash and its name.
 * @param {object} spec
 * @param {number} spec.width
 * @param {number} [spec.height]
 * @param {Axis} spec.x
 * @param {Axis} spec.y
 * @param {Line[]} spec.lines
 * @param {number} [spec.at] the place on the x axis that is marked
 */
export function chart({ width, height = 250, x, y, lines, at }) {
  const top = 12 + (lines.length > 1 ? LEGEND : 0);
  const area = { left: 56, right: width - 12, top, bottom: height - 40 };
  const px = along(x, area.left, area.right);
  const py = along(y, area.bottom, area.top);
  return svg(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}` },
    ...yAxis(y, py, area),
    ...xAxis(x, px, area),
    ...(at === undefined ? [] : [upright(px(at), area)]),
    ...lines.map(({ points }, k) =>
      curve(
        points.map(([a, b]) => [px(a), py(b)]),
        k,
      ),
    ),
    ...(lines.length > 1 ? legend(lines, area) : []),
  );
}

/** @param {Axis} axis @param {(v: number) => number} py @param {Area} area */
function yAxis(axis, py, { left, right, top, bottom }) {
  const middle = (top + bottom) / 2;
  const turned = { "text-anchor": "middle", transform: `rotate(-90 12 ${middle})`, ...INK };
  return [
    ...marks(axis).flatMap(([v, said]) => [
      level(py(v), left, right, "var(--lm-line)"),
      svg("text", { x: left - 6, y: py(v) + 4, "text-anchor": "end", ...INK }, said),
    ]),
    svg("text", { x: 12, y: middle, ...turned }, axis.label),
  ];
}

/** @param {Axis} axis @param {(v: number) => number} px @param {Area} area */
function xAxis(axis, px, { left, right, bottom }) {
  /** @param {number} x @param {number} y @param {string} text */
  const centred = (x, y, text) => svg("text", { x, y, "text-anchor": "middle", ...INK }, text);
  return [
    ...marks(axis).map(([v, said]) => centred(px(v), bottom + 16, said)),
    level(bottom, left, right, "var(--lm-ink-2)"),
    centred((left + right) / 2, bottom + 34, axis.label),
  ];
}

/** @param {number} y @param {number} x1 @param {number} x2 @param {string} stroke */
const level = (y, x1, x2, stroke) => svg("line", { x1, x2, y1: y, y2: y, stroke });

/** @param {number} x @param {Area} area */
const upright = (x, { top, bottom }) =>
  svg("line", { x1: x, x2: x, y1: top, y2: bottom, stroke: "var(--lm-accent)" });

/** How the k-th line is drawn. @param {number} k */
const pen = (k) => ({
  stroke: `var(--lm-cat-${(k % 6) + 1})`,
  "stroke-width": 2,
  "stroke-dasharray": DASHES[k % 4],
  fill: "none",
});

/** @param {Point[]} points in pixels @param {number} k */
function curve(points, k) {
  const places = points.map((point) => point.map((z) => z.toFixed(1)).join(","));
  return svg("polyline", { points: places.join(" "), ...pen(k) });
}

/** What each line is called, above them. @param {Line[]} lines @param {Area} area */
function legend(lines, { left, right }) {
  return lines.flatMap(({ name }, k) => {
    const x = left + (k * (right - left)) / lines.length;
    return [
      svg("line", { x1: x, x2: x + 26, y1: 10, y2: 10, ...pen(k) }),
      svg("text", { x: x + 32, y: 14, fill: "var(--lm-ink)", "font-size": 12 }, name),
    ];
  });
}

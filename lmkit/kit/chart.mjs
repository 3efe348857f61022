// Lines in a plane for the widgets that need them: axes, marks, a picture that leaves the page.
import { h, svg } from "./dom.mjs";
import { number, scientific } from "./numbers.mjs";

/**
 * A box that is drawn as wide as it is, and anew when its width changes.
 * @param {(width: number) => Node} draw
 */
export function fitted(label, draw) {
  const box = h("div", { class: "lmk-chart", role: "img", "aria-label": label });
  let width = 0;
  const paint = () => box.replaceChildren(draw(width || 560));
  const observer = new ResizeObserver(([{ contentRect }]) => {
    const now = Math.round(contentRect.width);
    if (now && now !== width) paint((width = now));
  });
  observer.observe(box);
  return { box, paint, close: () => observer.disconnect() };
}

/** Call `fn` whenever the theme changes: a canvas keeps the colours that it was given. */
export function onTheme(fn) {
  const observer = new MutationObserver(fn);
  for (const node of [document.documentElement, document.body])
    observer.observe(node, { attributeFilter: ["data-theme", "data-jp-theme-light"] });
  return () => observer.disconnect();
}

/** Paint a pixel for each signed number: blue above 0, orange below, nothing at 0; `most` is full ink. */
export function inkSigned(canvas, columns, most = 1) {
  const style = getComputedStyle(canvas);
  const [pos, neg] = ["pos", "neg"].map(
    (name) =>
      style
        .getPropertyValue(`--lm-${name}`)
        .trim()
        .match(/\w\w/g)
        ?.map((x) => parseInt(x, 16)) ?? [0, 0, 0],
  );
  const image = new ImageData(canvas.width, canvas.height);
  columns.forEach((column, x) =>
    column.forEach((z, y) =>
      image.data.set(
        [...(z < 0 ? neg : pos), Math.round((255 * Math.abs(z)) / most)],
        4 * (y * canvas.width + x),
      ),
    ),
  );
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** An SVG of the page as text that stands alone: the theme's colours as they are now. */
export function alone(node) {
  const style = getComputedStyle(node);
  const copy = node.cloneNode(true);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("font-family", "system-ui, sans-serif");
  copy.prepend(svg("rect", { width: "100%", height: "100%", fill: "var(--lm-paper)" }));
  return (
    copy.outerHTML.replace(/var\((--lm-[\w-]+)\)/g, (_, name) =>
      style.getPropertyValue(name).trim(),
    ) + "\n"
  );
}

/** Some four round numbers between two others. */
export function ticks(from, to, most = 4) {
  const rough = (to - from) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= rough * 0.999);
  const first = Math.ceil(from / step - 1e-9);
  return Array.from(
    { length: Math.floor(to / step + 1e-9) - first + 1 },
    (_, k) => (first + k) * step,
  );
}

const decades = (from, to) => {
  const [low, high] = [Math.ceil(Math.log10(from) - 1e-9), Math.floor(Math.log10(to) + 1e-9)];
  const step = Math.max(1, Math.ceil((high - low) / 4));
  const first = Math.ceil(low / step) * step; // so that 1 is among them where it lies on the axis
  return Array.from(
    { length: Math.floor((high - first) / step) + 1 },
    (_, k) => 10 ** (first + k * step),
  );
};

const DASHES = ["none", "7 4", "2 3", "9 3 2 3"];

/**
 * A chart of lines, each with a colour, a dash and its name.
 * @param {{width: number, height?: number, x: Axis, y: Axis, lines: Line[], at?: number}} spec
 * @typedef {{label: string, from: number, to: number, log?: boolean}} Axis
 * @typedef {{name: string, points: [number, number][]}} Line points outside the y axis are clipped
 */
export function chart({ width, height = 250, x, y, lines, at }) {
  const [left, right, top, bottom] = [56, width - 12, 12 + 18 * (lines.length > 1), height - 40];
  const along =
    ({ from, to, log }, low, high) =>
    (v) => {
      const f = log ? Math.log10 : (z) => z;
      return (
        low + ((f(Math.min(to, Math.max(from, v))) - f(from)) / (f(to) - f(from))) * (high - low)
      );
    };
  const [px, py] = [along(x, left, right), along(y, bottom, top)];
  const marks = (axis) => (axis.log ? decades(axis.from, axis.to) : ticks(axis.from, axis.to));
  const said = (axis, v) => (axis.log ? scientific(v, 1).replace("1 × ", "") : number(v, 2));
  const ink = { fill: "var(--lm-ink-2)", "font-size": 12 };
  const all = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  for (const v of marks(y)) {
    all.append(
      svg("line", { x1: left, x2: right, y1: py(v), y2: py(v), stroke: "var(--lm-line)" }),
    );
    all.append(
      svg("text", { x: left - 6, y: py(v) + 4, "text-anchor": "end", ...ink }, said(y, v)),
    );
  }
  for (const v of marks(x))
    all.append(
      svg("text", { x: px(v), y: bottom + 16, "text-anchor": "middle", ...ink }, said(x, v)),
    );
  all.append(
    svg("line", { x1: left, x2: right, y1: bottom, y2: bottom, stroke: "var(--lm-ink-2)" }),
  );
  all.append(
    svg("text", { x: (left + right) / 2, y: height - 6, "text-anchor": "middle", ...ink }, x.label),
  );
  all.append(
    svg(
      "text",
      {
        x: 12,
        y: (top + bottom) / 2,
        "text-anchor": "middle",
        transform: `rotate(-90 12 ${(top + bottom) / 2})`,
        ...ink,
      },
      y.label,
    ),
  );
  if (at !== undefined)
    all.append(
      svg("line", { x1: px(at), x2: px(at), y1: top, y2: bottom, stroke: "var(--lm-accent)" }),
    );
  lines.forEach(({ name, points }, k) =>
    all.append(
      ...curve(
        name,
        points.map(([a, b]) => [px(a), py(b)]),
        k,
        lines.length > 1 && left + (k * (right - left)) / lines.length,
      ),
    ),
  );
  return all;
}

function curve(name, points, k, legend) {
  const line = {
    stroke: `var(--lm-cat-${(k % 6) + 1})`,
    "stroke-width": 2,
    "stroke-dasharray": DASHES[k % 4],
    fill: "none",
  };
  const path = svg("polyline", {
    points: points.map((point) => point.map((z) => z.toFixed(1)).join(",")).join(" "),
    ...line,
  });
  if (legend === false) return [path];
  const key = svg("line", { x1: legend, x2: legend + 26, y1: 10, y2: 10, ...line });
  return [
    path,
    key,
    svg("text", { x: legend + 32, y: 14, fill: "var(--lm-ink)", "font-size": 12 }, name),
  ];
}

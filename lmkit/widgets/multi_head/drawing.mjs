// The drawing: rows of tokens, a panel per head, slices, W^O, lengths.
import { svg } from "../../kit/dom.mjs";
import { number } from "../../kit/numbers.mjs";
import { lengths } from "./heads.mjs";

/**
 * @typedef {import("./heads.mjs").Head} Head
 * @typedef {import("./heads.mjs").Lengths} Lengths
 * @typedef {[from: number, to: number]} Span
 *
 * Where the stages below the tokens begin: slices, their mixing, the three bars, the end.
 * @typedef {{slices: number, mixed: number, bars: number, end: number}} Stages
 *
 * A head's panel: its number, where it stands, where its piece of the bar stands.
 * @typedef {{k: number, x: number, width: number, piece: Span}} Panel
 */

const ROW = 30;
const STAGES = { gap: 10, slice: 28, mix: 64, bar: 24 };
const THICK = 26; // the most pixels that all of a head's attention is wide
const NUMBERS = 44; // pixels for the number beside the longest bar

/**
 * The whole figure.
 * @param {{tokens: unknown[], all: Head[], at: number, total: number, width: number}} state
 *   `at` is the token that takes, `total` the length of what all heads add
 */
export function picture({ tokens, all, at, total, width }) {
  const place = stages(tokens.length);
  const node = svg("svg", { width, height: place.end, viewBox: `0 0 ${width} ${place.end}` });
  const sums = lengths(all, total);
  const scale = (width - NUMBERS) / sums.end;
  node.append(
    ...tokenRows(at, width),
    ...panels(all, width, scale).map((panel) => onePanel(all[panel.k], panel, place)),
    ...bars(sums, scale, place.bars),
  );
  return node;
}

/** @param {number} T tokens @returns {Stages} */
function stages(T) {
  const slices = T * ROW + STAGES.gap;
  const mixed = slices + STAGES.slice;
  const bars = mixed + STAGES.mix;
  return { slices, mixed, bars, end: bars + 3 * STAGES.bar };
}

/**
 * A line for each token that is seen; that which takes is shaded.
 * @param {number} at
 * @param {number} width
 */
function tokenRows(at, width) {
  const y = at * ROW + 1;
  const shade = svg("rect", { x: 0, y, width, height: ROW - 2, fill: "var(--lm-paper-2)" });
  const lines = Array.from({ length: at + 1 }, (_, k) => {
    const middle = (k + 0.5) * ROW;
    return svg("line", { x1: 0, x2: width, y1: middle, y2: middle, stroke: "var(--lm-line)" });
  });
  return [shade, ...lines];
}

/**
 * @param {Head[]} all
 * @param {number} width
 * @param {number} scale pixels per length
 * @returns {Panel[]}
 */
function panels(all, width, scale) {
  const panel = width / all.length;
  let from = 0;
  return all.map(({ size }, k) => {
    const to = from + size * scale;
    /** @type {Span} */
    const piece = [from, to];
    from = to;
    return { k, x: k * panel, width: panel, piece };
  });
}

/** @param {Head} head @param {Panel} panel @param {Stages} place */
function onePanel({ shares, most }, panel, place) {
  const { k, x, width, piece } = panel;
  return svg(
    "g",
    { "data-head": k },
    svg("rect", { x, y: 0, width, height: place.mixed, fill: "transparent" }),
    ...streams(shares, x, width, place.slices)
      .filter(({ share }) => share >= 0.005)
      .map(stroke),
    ...(width > 60 ? [shareText(x + 0.08 * width, most, shares[most])] : []),
    ...slice(panel, place.slices),
    ...added([x + 1, x + width - 1], piece, place),
  );
}

/**
 * The streams of one head in a panel from x to x + width: each comes in at its token's row, as
 * wide as its share, turns down, and stands beside the others, the earliest token outermost.
 * @param {number[]} shares
 * @param {number} x
 * @param {number} width
 * @param {number} bottom
 * @returns {{at: number, share: number, wide: number, path: string}[]}
 */
export function streams(shares, x, width, bottom) {
  const all = Math.min(THICK, 0.62 * width);
  const pad = Math.min(8, 0.08 * width);
  let right = x + width - pad;
  return shares.map((share, at) => {
    const wide = share * all;
    const middle = right - wide / 2;
    right -= wide;
    const [y, r] = [(at + 0.5) * ROW, wide / 2 + 3];
    const turn = `q${fixed(r)} 0 ${fixed(r)} ${fixed(r)}`;
    const path = `M${fixed(x + pad)} ${y}H${fixed(middle - r)}${turn}V${bottom}`;
    return { at, share, wide, path };
  });
}

/** @param {number} x */
const fixed = (x) => x.toFixed(1);

/** A stream; between two wide ones there is a gap. @param {{wide: number, path: string}} stream */
function stroke({ wide, path }) {
  const width = Math.max(0.75, wide > 3 ? wide - 1 : wide).toFixed(2);
  return svg("path", { d: path, fill: "none", stroke: "var(--lm-accent)", "stroke-width": width });
}

/**
 * A head's greatest share in words: in its stream where that is wide, else beside it.
 * @param {number} x
 * @param {number} at
 * @param {number} share
 */
function shareText(x, at, share) {
  const [y, wide] = [(at + 0.5) * ROW, share * THICK];
  const beside = at ? y - wide / 2 - 4 : y + wide / 2 + 13;
  const [place, ink] =
    wide > 14 ? [{ x: x + 6, y: y + 4 }, "accent-ink"] : [{ x, y: beside }, "ink"];
  const text = `${Math.round(100 * share)} %`;
  return svg("text", { ...place, "font-size": 12, fill: `var(--lm-${ink})` }, text);
}

/** The slice that a head's mean is, and its number. @param {Panel} panel @param {number} y */
function slice({ k, x, width }, y) {
  const size = { width: width - 1, height: STAGES.slice };
  const look = { fill: "var(--lm-wash)", stroke: "var(--lm-accent)" };
  const ink = { "text-anchor": "middle", "font-size": 13, fill: "var(--lm-ink)" };
  return [
    svg("rect", { x: x + 0.5, y, ...size, ...look }),
    svg("text", { x: x + width / 2, y: y + 19, ...ink }, String(k)),
  ];
}

/**
 * What W^O makes of a slice: a band to its piece of the bar.
 * @param {Span} from
 * @param {Span} piece
 * @param {Stages} place
 */
function added(from, piece, place) {
  const accent = { fill: "var(--lm-accent)" };
  const width = Math.max(0.5, piece[1] - piece[0] - 1);
  return [
    svg("path", { d: band(from, piece, place.mixed, place.bars), ...accent, opacity: 0.22 }),
    svg("rect", { x: piece[0], y: place.bars, width, height: 16, ...accent }),
  ];
}

/**
 * From a slice to its piece of the bar: a band whose width goes from one to the other.
 * @param {Span} above
 * @param {Span} below
 * @param {number} top
 * @param {number} bottom
 */
function band([a, b], [c, d], top, bottom) {
  const middle = (top + bottom) / 2;
  /** @param {number} from @param {number} to @param {number} y */
  const curve = (from, to, y) =>
    `C${fixed(from)} ${middle} ${fixed(to)} ${middle} ${fixed(to)} ${y}`;
  return `M${fixed(a)} ${top}${curve(a, c, bottom)}H${fixed(d)}${curve(d, b, top)}Z`;
}

/**
 * The lengths end to end have their pieces already; here come the two to compare them with.
 * @param {Lengths} sums
 * @param {number} scale
 * @param {number} y
 */
function bars({ end, right, total }, scale, y) {
  const ink = { "font-size": 13, fill: "var(--lm-ink)" };
  /** @param {number} row */
  const top = (row) => y + row * STAGES.bar;
  /** @param {number} value @param {number} row */
  const said = (value, row) =>
    svg("text", { x: value * scale + 6, y: top(row) + 13, ...ink }, number(value));
  /** @param {number} value @param {number} row @param {Record<string, string>} look */
  const box = (value, row, look) =>
    svg("rect", { x: 0.5, y: top(row) + 0.5, width: value * scale, height: 15, ...look });
  return [
    said(end, 0),
    box(right, 1, { fill: "none", stroke: "var(--lm-ink-2)", "stroke-dasharray": "3 2" }),
    said(right, 1),
    box(total, 2, { fill: "var(--lm-accent)" }),
    said(total, 2),
  ];
}

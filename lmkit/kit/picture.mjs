// Pictures that leave the page: bars as SVG, and any figure as it stands.
import { h } from "./dom.mjs";
import { download } from "./files.mjs";

/** @type {Record<string, string>} */
const XML = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** What XML forbids becomes a mark. @param {string} text */
const legal = (text) => text.replace(/[^\t\n\r -\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "�");

/** @param {string} text */
const xml = (text) => legal(text.replace(/[&<>"]/g, (c) => XML[c]));

// ------------------------------------------------------------------- drawn anew

/**
 * @typedef {{label: string, share: number, text: string}} Bar
 * @typedef {{paper: string, ink: string, accent: string}} Colours
 */

/**
 * A picture of labelled bars as SVG: what "download picture" gives.
 * @param {string} title
 * @param {Bar[]} rows
 * @param {Colours} colours
 */
export function barsSvg(title, rows, { paper, ink, accent }) {
  const height = 64 + 28 * rows.length;
  const size = `viewBox="0 0 720 ${height}" width="720" height="${height}"`;
  const font = `font-family="system-ui, sans-serif" font-size="14" fill="${ink}"`;
  const bars = rows.map((row, i) => bar(row, 48 + 28 * i, accent)).join("");
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${font}>` +
    `<rect width="720" height="${height}" fill="${paper}"/>` +
    `<text x="16" y="28" font-size="16">${xml(title)}</text>${bars}</svg>\n`
  );
}

/** @param {Bar} row @param {number} y @param {string} colour */
function bar({ label, share, text }, y, colour) {
  const width = 420 * share;
  return (
    `<text x="150" y="${y + 15}" text-anchor="end">${xml(label)}</text>` +
    `<rect x="160" y="${y}" width="${width.toFixed(1)}" height="20" fill="${colour}"/>` +
    `<text x="${(168 + width).toFixed(1)}" y="${y + 15}">${xml(text)}</text>`
  );
}

/**
 * The theme's colours as they are now, for a picture that leaves the page.
 * @param {Element} element
 * @returns {Colours}
 */
export function colours(element) {
  const style = getComputedStyle(element);
  /** @param {string} name */
  const get = (name) => style.getPropertyValue(`--lm-${name}`).trim();
  return { paper: get("paper"), ink: get("ink"), accent: get("accent") };
}

// ------------------------------------------------------------- a figure as it stands

const SHARPNESS = 2; // pixels of a picture for each of the page's
const MARGIN = 16;
// what a still picture does not need: second names of the same, and motion
const IDLE = /-origin|inline|block|transition|animation/;

/**
 * Offer a widget as it is now, without its tools and buttons, as a PNG.
 * @param {HTMLElement} box
 * @param {string} title
 * @param {(sentence: string) => void} say
 */
export async function picture(box, title, say) {
  const name = (title.toLowerCase().match(/\w+/g) ?? ["figure"]).join("-");
  const drawn = portrait(box);
  try {
    download(`${name}.png`, await png(drawn), "image/png");
  } catch {
    download(`${name}.svg`, drawn.text, "image/svg+xml");
    say(
      "This browser lets no page draw a PNG of itself: the picture is an SVG, which browsers show.",
    );
  }
}

/**
 * @param {{text: string, width: number, height: number}} drawn an SVG and its size
 * @returns {Promise<Blob>} rejects where the browser draws none
 */
async function png({ text, width, height }) {
  const image = h("img", { src: `data:image/svg+xml,${encodeURIComponent(text)}` });
  await image.decode();
  const canvas = h("canvas", { width, height });
  canvas.getContext("2d")?.drawImage(image, 0, 0);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture")))),
  );
}

/**
 * A widget as an SVG that needs no style sheet and no other file: HTML in it, styled as here.
 * @param {HTMLElement} box
 */
function portrait(box) {
  box.classList.add("lmk-still");
  const [width, height] = [box.scrollWidth + 2 * MARGIN, box.scrollHeight + 2 * MARGIN]; // all that scrolls on the page
  const style = getComputedStyle(box);
  const plain = new Plain([...style].filter((name) => !IDLE.test(name)));
  const copy = legal(new XMLSerializer().serializeToString(still(box, plain, {})));
  const text = foreign(copy, width, height, style.backgroundColor);
  plain.close();
  box.classList.remove("lmk-still");
  return { text, width: SHARPNESS * width, height: SHARPNESS * height };
}

/**
 * HTML in an SVG, with a margin around it.
 * @param {string} html
 * @param {number} width
 * @param {number} height
 * @param {string} paper
 */
function foreign(html, width, height, paper) {
  const room = `viewBox="${-MARGIN} ${-MARGIN} ${width} ${height}"`;
  const size = `width="${SHARPNESS * width}" height="${SHARPNESS * height}"`;
  const style = `style="background:${paper}"`;
  const body = `<foreignObject width="100%" height="100%">${html}</foreignObject>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${room} ${size} ${style}>${body}</svg>`;
}

/** @typedef {Record<string, string>} Styles computed values by their properties' names */

/**
 * A copy of an element that brings along what the browser computed for the original.
 * @param {Element} node
 * @param {Plain} plain
 * @param {Styles} around those of the element around it, which it may inherit
 */
function still(node, plain, around) {
  const now = plain.values(node);
  if (/^table(?!-cell)/.test(now.display)) delete now.height; // a table's comes of its cells, and holds its caption
  const copy = standIn(node);
  const bare = plain.of(copy);
  const odd = Object.keys(now).filter(
    (name) => now[name] !== bare[name] || now[name] !== (around[name] ?? now[name]),
  );
  copy.setAttribute("style", odd.map((name) => `${name}:${now[name]}`).join(";"));
  if (copy.tagName === node.tagName) copy.append(...stillChildren(node, plain, now));
  return copy;
}

/**
 * Copies of the texts and elements in an element, but of those that are not shown.
 * @param {Element} parent
 * @param {Plain} plain
 * @param {Styles} around
 */
function stillChildren(parent, plain, around) {
  return [...parent.childNodes].flatMap((node) => {
    if (node instanceof Text) return [node.cloneNode()];
    const isShown = node instanceof Element && getComputedStyle(node).display !== "none";
    return isShown ? [still(node, plain, around)] : [];
  });
}

/**
 * An element's copy without its children; what it shows by itself is in it as text or as a picture.
 * @param {Element} node
 * @returns {Element}
 */
function standIn(node) {
  if (node instanceof HTMLCanvasElement) return h("img", { src: node.toDataURL(), alt: "" });
  if (node instanceof HTMLSelectElement) return h("span", {}, node.selectedOptions[0]?.text ?? "");
  if (node instanceof HTMLTextAreaElement) return h("div", {}, node.value);
  const copy = /** @type {Element} */ (node.cloneNode());
  if (!(node instanceof HTMLInputElement)) return copy;
  copy.setAttribute("value", node.value);
  copy.toggleAttribute("checked", node.checked);
  return copy;
}

/** What elements look like without any style sheet; each kind is looked at once. */
class Plain {
  /** @param {string[]} names of properties */
  constructor(names) {
    this.names = names;
    this.host = h("div", { style: "all:initial;display:none" });
    this.root = this.host.attachShadow({ mode: "open" });
    document.body.append(this.host);
    /** @type {Record<string, Styles>} */
    this.seen = {};
  }

  /** What the browser computed for an element of the page. @param {Element} node @returns {Styles} */
  values(node) {
    const style = getComputedStyle(node);
    return Object.fromEntries(this.names.map((name) => [name, style.getPropertyValue(name)]));
  }

  /** What it would without style sheets. @param {Element} node */
  of(node) {
    const kind = `${node.localName} ${node.getAttribute("type")}`;
    this.seen[kind] ??= this.look(node);
    return this.seen[kind];
  }

  /** @param {Element} node */
  look(node) {
    const bare = bareCopy(node);
    this.root.append(bare);
    return this.values(bare);
  }

  close() {
    this.host.remove();
  }
}

/** An element of the same kind and no more. @param {Element} node */
function bareCopy(node) {
  const copy = document.createElementNS(node.namespaceURI, node.localName);
  if (copy instanceof HTMLInputElement) copy.type = node.getAttribute("type") ?? "";
  return copy;
}

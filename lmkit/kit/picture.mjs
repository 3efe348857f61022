// Pictures that leave the page: bars as SVG, and any figure as it stands.
import { h } from "./dom.mjs";
import { download } from "./files.mjs";

const XML = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const legal = (text) => text.replace(/[^\t\n\r -\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "�");
const xml = (text) => legal(text.replace(/[&<>"]/g, (c) => XML[c]));

/**
 * A picture of labelled bars as SVG: what "download picture" gives.
 * @param {string} title
 * @param {{label: string, share: number, text: string}[]} rows
 * @param {{paper: string, ink: string, accent: string}} colours
 */
export function barsSvg(title, rows, { paper, ink, accent }) {
  const height = 64 + 28 * rows.length;
  const bar = ({ label, share, text }, i) => {
    const y = 48 + 28 * i;
    const width = (420 * share).toFixed(1);
    return (
      `<text x="150" y="${y + 15}" text-anchor="end">${xml(label)}</text>` +
      `<rect x="160" y="${y}" width="${width}" height="20" fill="${accent}"/>` +
      `<text x="${(168 + 420 * share).toFixed(1)}" y="${y + 15}">${xml(text)}</text>`
    );
  };
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 ${height}" width="720" height="${height}" ` +
    `font-family="system-ui, sans-serif" font-size="14" fill="${ink}">` +
    `<rect width="720" height="${height}" fill="${paper}"/>` +
    `<text x="16" y="28" font-size="16">${xml(title)}</text>${rows.map(bar).join("")}</svg>\n`
  );
}

/** The theme's colours as they are now, for a picture that leaves the page. */
export function colours(element) {
  const style = getComputedStyle(element);
  const get = (name) => style.getPropertyValue(`--lm-${name}`).trim();
  return { paper: get("paper"), ink: get("ink"), accent: get("accent") };
}

const SHARPNESS = 2; // pixels of a picture for each of the page's
const MARGIN = 16;
// what a still picture does not need: second names of the same, and motion
const IDLE = /-origin|inline|block|transition|animation/;

/** Offer a widget as it is now, without its tools and buttons, as a PNG. */
export async function picture(box, title, say) {
  const name = (title.toLowerCase().match(/\w+/g) ?? ["figure"]).join("-");
  const { text, width, height } = portrait(box);
  try {
    const image = h("img", { src: `data:image/svg+xml,${encodeURIComponent(text)}` });
    await image.decode();
    const canvas = h("canvas", { width, height });
    canvas.getContext("2d").drawImage(image, 0, 0);
    download(`${name}.png`, await new Promise((resolve) => canvas.toBlob(resolve)), "image/png");
  } catch {
    download(`${name}.svg`, text, "image/svg+xml");
    say(
      "This browser lets no page draw a PNG of itself: the picture is an SVG, which browsers show.",
    );
  }
}

/** A widget as an SVG that needs no style sheet and no other file: HTML in it, styled as here. */
function portrait(box) {
  box.classList.add("lmk-still");
  const [width, height] = [box.scrollWidth + 2 * MARGIN, box.scrollHeight + 2 * MARGIN]; // all that scrolls on the page
  const style = getComputedStyle(box);
  const plain = bareStyles([...style].filter((name) => !IDLE.test(name)));
  const copy = legal(new XMLSerializer().serializeToString(still(box, plain)));
  const [wide, high] = [width, height].map((size) => SHARPNESS * size);
  const text = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${-MARGIN} ${-MARGIN} ${width} ${height}" width="${wide}" height="${high}" style="background:${style.backgroundColor}"><foreignObject width="100%" height="100%">${copy}</foreignObject></svg>`;
  plain.close();
  box.classList.remove("lmk-still");
  return { text, width: wide, height: high };
}

/** A copy of an element that brings along what the browser computed for the original. */
function still(node, plain, around = {}) {
  if (node.nodeType === Node.TEXT_NODE) return node.cloneNode();
  const now = node.nodeType === Node.ELEMENT_NODE && plain.values(node);
  if (!now || now.display === "none") return "";
  if (/^table(?!-cell)/.test(now.display)) delete now.height; // a table's comes of its cells, and holds its caption
  const copy = standIn(node);
  const bare = plain.of(copy);
  const odd = Object.keys(now).filter(
    (name) => now[name] !== bare[name] || now[name] !== (around[name] ?? now[name]),
  );
  copy.setAttribute("style", odd.map((name) => `${name}:${now[name]}`).join(";"));
  if (copy.tagName === node.tagName)
    copy.append(...[...node.childNodes].map((child) => still(child, plain, now)));
  return copy;
}

/** An element's copy without its children; what it shows by itself is in it as text or as a picture. */
function standIn(node) {
  if (node.tagName === "CANVAS") return h("img", { src: node.toDataURL(), alt: "" });
  if (node.tagName === "SELECT") return h("span", {}, node.selectedOptions[0]?.text ?? "");
  if (node.tagName === "TEXTAREA") return h("div", {}, node.value);
  const copy = node.cloneNode();
  if (node.tagName !== "INPUT") return copy;
  copy.setAttribute("value", node.value);
  copy.toggleAttribute("checked", node.checked);
  return copy;
}

/** What elements look like without any style sheet; each kind is looked at once. */
function bareStyles(names) {
  const host = h("div", { style: "all:initial;display:none" });
  const root = host.attachShadow({ mode: "open" });
  const seen = {};
  document.body.append(host);
  const values = (node) => {
    const style = getComputedStyle(node);
    return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(name)]));
  };
  const look = ({ namespaceURI, localName, type }) => {
    const node = document.createElementNS(namespaceURI, localName);
    if (localName === "input") node.type = type;
    root.append(node);
    return values(node);
  };
  const of = (node) => (seen[`${node.localName} ${node.type}`] ??= look(node));
  return { values, of, close: () => host.remove() };
}

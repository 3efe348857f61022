// The elements that figures are made of; strings become text, never HTML.

/** @typedef {string | Node | null | undefined | false} Child */

/**
 * Make an element. `on…` are listeners, `class` and whatever is no property become attributes.
 * Children that are strings become text, never HTML.
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...Child} children
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === false || value === null) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && !["list", "role", "class"].includes(key)) node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child || child === ""));
  return node;
}

/** Make an SVG element; children that are strings become text. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

let lastId = 0;
// In JupyterLab each widget brings a kit of its own, and their ids meet in one document.
const kitId = Math.random().toString(36).slice(2, 7);

/** An id that no other element of the page has, to tie a label to its control. */
export const freshId = (stem = "lmkit") => `${stem}-${kitId}-${(lastId += 1)}`;

// The elements that figures are made of; strings become text, never HTML.

/** @typedef {string | Node | null | undefined | false} Child */

/**
 * Make an element. `on…` are listeners, `class` and whatever is no property become attributes.
 * Children that are strings become text, never HTML.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value !== undefined && value !== false && value !== null) give(node, key, value);
  }
  node.append(...children.filter(isThere));
  return node;
}

/** @param {Record<string, any> & HTMLElement} node @param {string} key @param {any} value */
function give(node, key, value) {
  if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
  else if (key in node && !["list", "role", "class"].includes(key)) node[key] = value;
  else node.setAttribute(key, value === true ? "" : value);
}

/** @param {Child} child @returns {child is string | Node} */
const isThere = (child) => Boolean(child) || child === "";

/**
 * Make an SVG element; children that are strings become text.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(string | Node)} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.append(...children);
  return node;
}

let lastId = 0;
// In JupyterLab each widget brings a kit of its own, and their ids meet in one document.
const kitId = Math.random().toString(36).slice(2, 7);

/** An id that no other element of the page has, to tie a label to its control. */
export function freshId(stem = "lmkit") {
  lastId += 1;
  return `${stem}-${kitId}-${lastId}`;
}

/**
 * A part of the view that scrolls sideways, by keyboard too.
 * @param {string} name what a screen reader calls it
 * @param {Record<string, any>} [props]
 * @param {...Child} children
 */
export const scroller = (name, props = {}, ...children) =>
  h(
    "div",
    {
      tabindex: 0,
      role: "region",
      "aria-label": name,
      ...props,
      class: `lmk-scroll ${props.class ?? ""}`,
    },
    ...children,
  );

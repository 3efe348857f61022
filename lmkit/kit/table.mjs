// The one table of text.
import { h } from "./dom.mjs";

/** @typedef {[caption: string, head: string[], rows: string[][]]} TableSpec */

/**
 * A table of text: `head` is its first row, the first cell of each row is that row's header.
 * @param {string} caption
 * @param {string[]} head
 * @param {string[][]} rows
 */
export function table(caption, head, rows) {
  const top = h("tr", {}, ...head.map((text) => h("th", { scope: "col" }, text)));
  return h(
    "table",
    { class: "lmk-table" },
    h("caption", {}, caption),
    h("thead", {}, top),
    h("tbody", {}, ...rows.map(line)),
  );
}

/** @param {string[]} row */
const line = ([name, ...cells]) =>
  h("tr", {}, h("th", { scope: "row" }, name), ...cells.map((text) => h("td", {}, text)));

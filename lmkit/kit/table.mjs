// The one table of text.
import { h } from "./dom.mjs";

/** A table of text: `head` is its first row, the first cell of each row is that row's header. */
export function table(caption, head, rows) {
  const cells = (row) =>
    row.map((text, i) => (i ? h("td", {}, text) : h("th", { scope: "row" }, text)));
  const body = rows.map((row) => h("tr", {}, ...cells(row)));
  const top = h("tr", {}, ...head.map((text) => h("th", { scope: "col" }, text)));
  return h(
    "table",
    { class: "lmk-table" },
    h("caption", {}, caption),
    h("thead", {}, top),
    h("tbody", {}, ...body),
  );
}

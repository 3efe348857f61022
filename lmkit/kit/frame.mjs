// The frame that every figure has: its question, controls, view, reading line, source line and menu.
import { freshId, h, scroller } from "./dom.mjs";
import { picture } from "./picture.mjs";
import { table } from "./table.mjs";

/**
 * @typedef {[name: string, action: () => void]} Item of the menu
 *
 * @typedef {object} Spec
 * @property {string} title the question that the figure answers
 * @property {Item[]} [menu]
 * @property {Node[]} [tools] a figure's own buttons, before the kit's
 * @property {HTMLElement} [restart] the way back, where the kit's own does not do (see `present`)
 * @property {string} [keys] what the keyboard does
 * @property {() => import("./table.mjs").TableSpec} [rows] a table that the menu can show below the view
 *
 * @typedef {object} Frame
 * @property {HTMLElement} box
 * @property {HTMLOutputElement} reading what you see, in a sentence
 * @property {HTMLElement} source where the numbers came from
 * @property {HTMLElement} controls
 * @property {HTMLElement} view
 * @property {(name: string, action: () => void) => void} offer one more item of the menu
 * @property {(text: string) => void} say write the reading line, and the table with it
 * @property {(again: Node | null, full: Node) => void} equip put the kit's buttons into the head
 */

const TABLE = "Show as table";
const DATA = "Download data (CSV)";

/**
 * The frame that every widget has.
 * @param {Spec} spec
 * @returns {Frame}
 */
export function frame({ title, tools = [], restart, menu = [], keys = "", rows }) {
  const parts = pieces(title);
  const { box, reading, source, controls, view, heading } = parts;
  const below = rows ? tableBelow(rows) : null;
  /** @param {string} text */
  const say = (text) => {
    tell(reading, text);
    below?.paint();
  };
  const items = itemsOf(menu, below, keys, say, () => picture(box, title, say));
  const { button, offer } = menuButton(items);
  const bar = h("div", { class: "lmk-tools" }, ...tools, button);
  const head = h("div", { class: "lmk-head" }, heading, bar);
  box.append(head, controls, view, ...(below ? [below.region] : []), reading, source);
  /** @type {Frame["equip"]} */
  const equip = (again, full) => fill(bar, button, restart ?? again, full);
  return { box, reading, source, controls, view, offer, say, equip };
}

/** @param {string} title */
function pieces(title) {
  const heading = h("p", { class: "lmk-title", id: freshId("lmkit-title") }, title);
  const box = h("div", { class: "lmk-widget", role: "group", "aria-labelledby": heading.id });
  box.dataset.lmSuppressShortcuts = "true"; // JupyterLab: a key pressed in here is meant for us
  return {
    heading,
    box,
    reading: h("output", { class: "lmk-reading", "aria-live": "polite" }),
    source: h("p", { class: "lmk-source" }),
    controls: h("div", { class: "lmk-controls" }),
    view: h("div", { class: "lmk-view" }),
  };
}

/**
 * The whole menu: the table first, a picture wherever there is data, the keyboard last.
 * @param {Item[]} menu
 * @param {{toggle: () => void} | null} below
 * @param {string} keys
 * @param {(text: string) => void} say
 * @param {() => void} paint
 * @returns {Item[]}
 */
function itemsOf(menu, below, keys, say, paint) {
  const at = menu.findIndex(([name]) => name === DATA);
  /** @type {Item[]} */
  const drawn = at < 0 ? [] : [["Download picture (PNG)", paint]];
  return [
    .../** @type {Item[]} */ (below ? [[TABLE, below.toggle]] : []),
    ...menu.toSpliced(at, 0, ...drawn),
    .../** @type {Item[]} */ (keys ? [["Keyboard help", () => say(keys)]] : []),
  ];
}

/**
 * Put what every figure has between a widget's own tools and its menu.
 * @param {HTMLElement} bar
 * @param {Node | null} menu
 * @param {Node | null} again
 * @param {Node} full
 */
function fill(bar, menu, again, full) {
  bar.append(...(again ? [again] : []), full, ...(menu ? [menu] : []));
}

/**
 * A table of what there is to see; it follows the reading line.
 * @param {() => import("./table.mjs").TableSpec} rows
 */
function tableBelow(rows) {
  const region = scroller("The figure as a table", { hidden: true });
  const paint = () => {
    if (!region.hidden) region.replaceChildren(table(...rows()));
  };
  const toggle = () => {
    region.hidden = !region.hidden;
    paint();
  };
  return { region, paint, toggle };
}

/**
 * Write the reading line only when it changes, so that nothing is read out twice.
 * @param {HTMLElement} reading
 * @param {string} text
 */
function tell(reading, text) {
  if (reading.textContent !== text) reading.textContent = text;
}

/**
 * A button with a symbol for the eye and a name for everyone.
 * @param {string | Node} symbol
 * @param {string} name
 * @param {() => void} onclick
 */
export function toolButton(symbol, name, onclick) {
  const sign = h("span", { "aria-hidden": "true" }, symbol);
  const names = { title: name, "aria-label": name };
  return h("button", { type: "button", class: "lmk-tool", ...names, onclick }, sign);
}

/** @param {Item[]} items */
function menuButton(items) {
  const list = h("div", { class: "lmk-menu-list" });
  const summary = h("summary", { class: "lmk-tool", title: "More", "aria-label": "More" }, "⋯");
  const menu = h("details", { class: "lmk-menu" }, summary, list);
  const back = closing(menu, summary);
  /** @param {string} name @param {() => void} action */
  const item = (name, action) =>
    menuItem(name, () => {
      back();
      action();
    });
  list.append(...items.map(([name, action]) => item(name, action)));
  /** @type {Frame["offer"]} */
  const offer = (name, action) => {
    const downloads = [...list.children].find((node) => node.textContent?.startsWith("Download"));
    list.insertBefore(item(name, action), downloads ?? null);
  };
  return { button: items.length ? menu : null, offer };
}

/**
 * Close a menu with Escape or when the focus leaves it; returns what closes it and gives the focus back.
 * @param {HTMLDetailsElement} menu
 * @param {HTMLElement} summary
 */
function closing(menu, summary) {
  const back = () => {
    menu.open = false;
    summary.focus();
  };
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    event.preventDefault();
    back();
  });
  menu.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !menu.contains(/** @type {Node} */ (relatedTarget))) menu.open = false;
  });
  return back;
}

/**
 * An item of the menu; that which shows a table says whether it does.
 * @param {string} name
 * @param {() => void} action
 */
function menuItem(name, action) {
  const isTable = name === TABLE;
  const button = h("button", { type: "button" }, name);
  button.addEventListener("click", () => {
    if (isTable) button.ariaPressed = String(button.ariaPressed !== "true");
    action();
  });
  if (isTable) button.ariaPressed = "false";
  return button;
}

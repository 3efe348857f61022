// The frame that every figure has: its question, controls, view, reading line, source line and menu.
import { freshId, h } from "./dom.mjs";
import { picture } from "./picture.mjs";
import { table } from "./table.mjs";

/**
 * The frame that every widget has: the question it answers, its controls, the view, the reading
 * line (what you see, in a sentence), the source line (where the numbers came from), a menu.
 * `rows` gives a table that the menu can show below the view, as [caption, head, rows of text].
 * `restart` is the button back to the beginning, where the kit's own does not do (see `present`).
 * @param {{title: string, menu?: [string, () => void][], tools?: Node[], restart?: Node, keys?: string, rows?: () => any[]}} spec
 */
export function frame({ title, tools = [], restart, menu = [], keys = "", rows }) {
  const reading = h("output", { class: "lmk-reading", "aria-live": "polite" });
  const source = h("p", { class: "lmk-source" });
  const controls = h("div", { class: "lmk-controls" });
  const view = h("div", { class: "lmk-view" });
  const heading = h("p", { class: "lmk-title", id: freshId("lmkit-title") }, title);
  const box = h("div", { class: "lmk-widget", role: "group", "aria-labelledby": heading.id });
  const below = rows ? tableBelow(rows) : null;
  const tell = (text) => (say(reading, text), below?.paint());
  const items = [
    ...(rows ? [[TABLE, below.toggle]] : []),
    ...menu,
    ...(keys ? [["Keyboard help", () => tell(keys)]] : []),
  ];
  const at = items.findIndex(([name]) => name === DATA);
  if (at >= 0) items.splice(at, 0, ["Download picture (PNG)", () => picture(box, title, tell)]);
  const { button, offer } = menuButton(items);
  const bar = h("div", { class: "lmk-tools" }, ...tools, button);
  box.dataset.lmSuppressShortcuts = "true"; // JupyterLab: a key pressed in here is meant for us
  box.append(
    h("div", { class: "lmk-head" }, heading, bar),
    controls,
    view,
    ...(rows ? [below.region] : []),
    reading,
    source,
  );
  return {
    box,
    reading,
    source,
    controls,
    view,
    offer,
    say: tell,
    equip: (again, full) => equip(bar, restart ?? again, full),
  };
}

const TABLE = "Show as table";
const DATA = "Download data (CSV)";

/** Put what every figure has between a widget's own tools and its menu. */
function equip(bar, again, full) {
  const menu = bar.querySelector("details");
  bar.append(...(again ? [again] : []), full, ...(menu ? [menu] : []));
}

/** A table of what there is to see; it follows the reading line. */
function tableBelow(rows) {
  const region = h("div", {
    class: "lmk-scroll",
    tabindex: 0,
    role: "region",
    "aria-label": "The figure as a table",
    hidden: true,
  });
  const paint = () => region.hidden || region.replaceChildren(table(...rows()));
  return { region, paint, toggle: () => ((region.hidden = !region.hidden), paint()) };
}

/** Write the reading line only when it changes, so that nothing is read out twice. */
function say(reading, text) {
  if (reading.textContent !== text) reading.textContent = text;
}

/** A button with a symbol for the eye and a name for everyone. */
export function toolButton(symbol, name, onclick) {
  const sign = h("span", { "aria-hidden": "true" }, symbol);
  return h(
    "button",
    { type: "button", class: "lmk-tool", title: name, "aria-label": name, onclick },
    sign,
  );
}

function menuButton(items) {
  const list = h("div", { class: "lmk-menu-list" });
  const menu = h("details", { class: "lmk-menu" });
  const close = (focus) => {
    menu.open = false;
    if (focus) menu.querySelector("summary").focus();
  };
  const item = (name, action) => menuItem(name, () => (close(true), action()));
  const downloads = () =>
    [...list.children].find(({ textContent }) => textContent.startsWith("Download"));
  const offer = (name, action) => list.insertBefore(item(name, action), downloads() ?? null);
  list.append(...items.map(([name, action]) => item(name, action)));
  menu.append(h("summary", { class: "lmk-tool", title: "More", "aria-label": "More" }, "⋯"), list);
  menu.addEventListener(
    "keydown",
    (event) => event.key === "Escape" && menu.open && (event.preventDefault(), close(true)),
  );
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) close(false);
  });
  return { button: items.length ? menu : null, offer };
}

/** An item of the menu; that which shows a table says whether it does. */
function menuItem(name, action) {
  const press = () =>
    name === TABLE && (button.ariaPressed = String(button.ariaPressed !== "true"));
  const button = h("button", { type: "button", onclick: () => (press(), action()) }, name);
  if (name === TABLE) button.ariaPressed = "false";
  return button;
}

// Live: one text for all the figures of a page. Type once, and each of them reads along.
//
// On a page without a kernel the other widgets are the model's siblings, and the text and settings
// stand in the address, so that a link shows what its sender saw. With a kernel Python links them.
import { labelled } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { Figure, present } from "../../kit/figure.mjs";
import { update, watch } from "../../kit/host.mjs";
import { provenance } from "../../kit/provenance.mjs";
import { TEMPERATURES, TOP_PS } from "../../kit/sampling.mjs";

/**
 * @typedef {import("../../kit/host.mjs").Model} Model
 * @typedef {{about: string, text: string, stored: boolean}} Example `stored` in all the figures
 * @typedef {Record<string, string | number>} Values the text and settings that a link carries
 */

const MAX_CHARACTERS = 2000;
const MAX_SHOWN = 48; // characters of an example in its menu
const REST = 400; // milliseconds without a key before a text is taken

/**
 * What a link may carry beside the text: the trait, and what values it may have.
 * @type {Record<string, number[]>}
 */
const SETTINGS = {
  temperature: TEMPERATURES,
  top_k: [0, 1, 2, 3, 5, 8],
  top_p: TOP_PS,
  layer: Array.from({ length: 30 }, (_, k) => k),
  head: Array.from({ length: 10 }, (_, k) => k - 1),
};

/**
 * Read an address's fragment; what is not known, or out of range, is left out.
 * @param {string} fragment
 * @returns {{text?: string, [setting: string]: any}}
 */
export function parseLink(fragment) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const text = given.get("text");
  const known = Object.entries(SETTINGS).filter(
    ([name, values]) => given.has(name) && values.includes(Number(given.get(name))),
  );
  const settings = Object.fromEntries(known.map(([name]) => [name, Number(given.get(name))]));
  return text === null || text.length > MAX_CHARACTERS ? settings : { text, ...settings };
}

/** The fragment that `parseLink` reads back. @param {Values} values */
export function link(values) {
  const texts = Object.entries(values).map(([name, value]) => [name, String(value)]);
  return `#${new URLSearchParams(texts)}`;
}

class View extends Figure {
  static kind = "next-token";

  timer = 0;

  /** @param {Model} model */
  constructor(model) {
    super(model, {
      title: "Type anything. The model reads along.",
      menu: model.siblings ? [["Copy link to this state", () => this.copyLink()]] : [],
      keys: "Type, and all figures follow when you rest for a moment or press Enter.",
    });
    const origin = provenance(this.frame.source, model);
    origin.tell("");
    this.atClose(origin.close);
    this.frame.source.classList.toggle("lmk-invites", !this.live);
    this.box = this.field();
    this.frame.controls.append(this.box, labelled("Examples", this.menu()));
    this.follow();
    this.show();
  }

  field() {
    const box = h("textarea", {
      rows: 2,
      spellcheck: false,
      maxLength: MAX_CHARACTERS,
      oninput: () => this.typed(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.enter(event),
    });
    const title = this.frame.box.getAttribute("aria-labelledby") ?? "";
    box.setAttribute("aria-labelledby", title);
    return box;
  }

  menu() {
    const menu = h("select", {
      onchange: () => {
        if (menu.value) this.send(menu.value);
      },
    });
    menu.append(h("option", { value: "" }, "choose one"), ...this.groups());
    return menu;
  }

  groups() {
    const stored = this.examples().filter((example) => example.stored);
    const others = this.examples().filter((example) => !example.stored);
    return [
      h("optgroup", { label: "stored with this page" }, ...stored.map(option)),
      h("optgroup", { label: "with the live model", disabled: !this.live }, ...others.map(option)),
    ];
  }

  /** @returns {Example[]} */
  examples() {
    return this.model.get("examples");
  }

  /** The page's other figures; with a kernel nobody, for Python knows them. */
  others() {
    return this.model.siblings?.() ?? [];
  }

  follow() {
    this.watch(["text"], () => {
      this.show();
      this.write();
    });
    for (const other of this.others())
      this.atClose(watch(other, Object.keys(SETTINGS), () => this.write()));
    this.atClose(() => clearTimeout(this.timer));
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.send(this.box.value), REST);
  }

  /** @param {KeyboardEvent} event */
  enter(event) {
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    this.send(this.box.value);
  }

  /** @param {string} text */
  send(text) {
    clearTimeout(this.timer);
    update(this.model, { text });
  }

  /** Give the text to all figures of the page; with a kernel, Python does. */
  show() {
    const text = this.model.get("text");
    const isTyping = document.activeElement === this.box && this.timer;
    if (this.box.value !== text && !isTyping) this.box.value = text;
    for (const other of this.others()) {
      if (other.get("linked") && other.get("text") !== text)
        update(other, other.get("path") ? { path: [], text } : { text });
    }
    this.frame.say(this.sentence(text));
  }

  /** @param {string} text */
  sentence(text) {
    const isStored = this.examples().some((example) => example.stored && example.text === text);
    if (isStored || this.live)
      return `${[...text].length} characters. Every figure on this page reads them.`;
    return "This text is not stored with the page. Load the model to see it, or choose an example.";
  }

  /** Keep the address in step with the reader, so that a reload or a link shows the same. */
  write() {
    if (this.model.siblings) history.replaceState(null, "", link(this.values()));
  }

  values() {
    /** @type {Values} */
    const values = { text: this.model.get("text") };
    for (const other of this.others().filter((other) => other.get("linked"))) {
      const names = Object.keys(SETTINGS).filter((name) => other.get(name) !== undefined);
      for (const name of names) values[name] = other.get(name);
    }
    return values;
  }

  async copyLink() {
    this.write();
    try {
      await navigator.clipboard.writeText(location.href);
      this.frame.say("The link is copied. It carries the text and the settings.");
    } catch {
      this.frame.say("The browser does not let this page copy: the link is in its address bar.");
    }
  }
}

/** @param {Example} example */
function option({ text, about }) {
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text;
  return h("option", { value: text }, `${about}: ${shown}`);
}

/**
 * Apply what the address carries, and load a model that this browser keeps already.
 * @param {Model} model
 */
function begin(model) {
  const { text, ...settings } = parseLink(location.hash);
  for (const other of model.siblings?.() ?? []) {
    const own = Object.entries(settings).filter(([name]) => other.get(name) !== undefined);
    if (other.get("linked") && own.length) update(other, Object.fromEntries(own));
  }
  if (text !== undefined) model.set("text", text);
  loadIfKept(model.page);
}

/** @param {Model["page"]} page */
async function loadIfKept(page) {
  if (await page?.cached) page?.load().catch(() => {});
}

/** @param {import("../../kit/figure.mjs").Host} host */
function render({ model, el }) {
  if (model.siblings) begin(model);
  return present(View, { model, el });
}

export default { render };

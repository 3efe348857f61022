// Live: one text for all the figures of a page. Type once, and each of them reads along.
//
// On a page without a kernel the other widgets are the model's siblings, and the text and settings
// stand in the address, so that a link shows what its sender saw. With a kernel Python links them.
import { labelled } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { frame } from "../../kit/frame.mjs";
import { canAsk, update, watch } from "../../kit/host.mjs";
import { provenance } from "../../kit/provenance.mjs";

const MAX_CHARACTERS = 2000;
/** What a link may carry beside the text: the trait, and what values it may have. */
const SETTINGS = {
  temperature: [0, 0.3, 0.5, 0.7, 1, 1.3, 1.6, 2],
  top_k: [0, 1, 2, 3, 5, 8],
  top_p: [1, 0.95, 0.9, 0.8, 0.5],
  layer: Array.from({ length: 30 }, (_, k) => k),
  head: Array.from({ length: 10 }, (_, k) => k - 1),
};

/** Read an address's fragment; what is not known, or out of range, is left out. */
export function parseLink(fragment) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const text = given.get("text");
  const known = Object.entries(SETTINGS).filter(
    ([name, values]) => given.has(name) && values.includes(Number(given.get(name))),
  );
  const settings = Object.fromEntries(known.map(([name]) => [name, Number(given.get(name))]));
  return text === null || text.length > MAX_CHARACTERS ? settings : { text, ...settings };
}

/** The fragment that `parseLink` reads back. */
export function link(values) {
  return `#${new URLSearchParams(Object.entries(values).map(([name, value]) => [name, String(value)]))}`;
}

const KEYS = "Type, and all figures follow when you rest for a moment or press Enter.";

class View {
  static kind = "next-token";

  constructor(model) {
    this.model = model;
    this.live = canAsk(model, View.kind);
    this.frame = frame({
      title: "Type anything. The model reads along.",
      menu: model.siblings ? [["Copy link to this state", () => this.copyLink()]] : [],
      keys: KEYS,
    });
    this.origin = provenance(this.frame.source, model);
    this.origin.tell("");
    this.frame.source.classList.toggle("lmk-invites", !this.live);
    this.build();
    this.stop = watch(model, ["text"], () => (this.show(), this.write()));
    this.linked = (model.siblings?.() ?? []).map((other) =>
      watch(other, Object.keys(SETTINGS), () => this.write()),
    );
    this.show();
  }

  build() {
    this.frame.box.classList.add("lmk-live");
    this.box = h("textarea", {
      rows: 2,
      spellcheck: false,
      maxLength: MAX_CHARACTERS,
      oninput: () => this.typed(),
      onkeydown: (event) => this.enter(event),
    });
    this.box.setAttribute("aria-labelledby", this.frame.box.getAttribute("aria-labelledby"));
    const examples = h("select", { onchange: () => examples.value && this.send(examples.value) });
    examples.append(h("option", { value: "" }, "choose one"), ...this.groups());
    this.frame.controls.append(this.box, labelled("Examples", examples));
  }

  groups() {
    const all = this.model.get("examples");
    const option = ({ text, about }) =>
      h(
        "option",
        { value: text },
        `${about}: ${text.length > 48 ? `${text.slice(0, 47)}…` : text}`,
      );
    const stored = h(
      "optgroup",
      { label: "stored with this page" },
      ...all.filter((example) => example.stored).map(option),
    );
    const others = all.filter((example) => !example.stored).map(option);
    return [
      stored,
      h("optgroup", { label: "with the live model", disabled: !this.live }, ...others),
    ];
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(this.box.value), 400);
  }

  enter(event) {
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    this.send(this.box.value);
  }

  send(text) {
    clearTimeout(this.timer);
    update(this.model, { text });
  }

  /** Give the text to all figures of the page; with a kernel, Python does. */
  show() {
    const text = this.model.get("text");
    if (this.box.value !== text && (document.activeElement !== this.box || !this.timer))
      this.box.value = text;
    for (const other of this.model.siblings?.() ?? []) {
      if (other.get("linked") && other.get("text") !== text)
        update(other, other.get("path") ? { path: [], text } : { text });
    }
    this.frame.say(this.sentence(text));
  }

  sentence(text) {
    const stored = this.model
      .get("examples")
      .some((example) => example.stored && example.text === text);
    if (stored || this.live)
      return `${[...text].length} characters. Every figure on this page reads them.`;
    return "This text is not stored with the page. Load the model to see it, or choose an example.";
  }

  /** Keep the address in step with what the reader does, so that a reload or a link shows the same. */
  write() {
    if (this.model.siblings) history.replaceState(null, "", link(this.values()));
  }

  values() {
    const values = { text: this.model.get("text") };
    for (const other of this.model.siblings()) {
      for (const name of Object.keys(SETTINGS)) {
        if (other.get("linked") && other.get(name) !== undefined) values[name] = other.get(name);
      }
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

  close() {
    clearTimeout(this.timer);
    this.stop();
    this.linked.forEach((stop) => stop());
    this.origin.close();
  }
}

/** Apply what the address carries, and load a model that this browser keeps already. */
function begin(model) {
  const { text, ...settings } = parseLink(location.hash);
  for (const other of model.siblings()) {
    const own = Object.entries(settings).filter(([name]) => other.get(name) !== undefined);
    if (other.get("linked") && own.length) update(other, Object.fromEntries(own));
  }
  if (text !== undefined) model.set("text", text);
  Promise.resolve(model.page?.cached).then((kept) => kept && model.page.load().catch(() => {}));
}

function render({ model, el }) {
  if (model.siblings) begin(model);
  return present(View, { model, el });
}

export default { render };

// SynthesisQuestion: a question to answer in one's own words, saved as one types.
//
// The view keeps three things apart: what is in the box, what it last knew to be stored (`seen`),
// and what it was told is stored now (`record`). It never throws text away: see answers.mjs.
import { checkbox } from "../../kit/controls.mjs";
import { freshId, h } from "../../kit/dom.mjs";
import { Figure, present } from "../../kit/figure.mjs";
import { download } from "../../kit/files.mjs";
import { ask } from "../../kit/host.mjs";

/**
 * An answer as it is stored: its text, the points of the rubric that are ticked, earlier texts.
 * @typedef {{text: string, ticks: number[], kept: string[]}} Answer
 */

/**
 * Words as a reader counts them; a script without spaces counts by its word segments.
 * @param {string} text
 */
export function countWords(text, segmenter = wordSegmenter()) {
  if (!segmenter) return text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
  return [...segmenter.segment(text)].filter(({ isWordLike }) => isWordLike).length;
}

const wordSegmenter = () =>
  globalThis.Intl?.Segmenter ? new Intl.Segmenter("en", { granularity: "word" }) : null;

/** "1 word", "12 words" @param {number} n */
export const words = (n) => `${n} ${n === 1 ? "word" : "words"}`;

/** @type {Answer} */
const NOTHING = { text: "", ticks: [], kept: [] };
const WAIT = 250; // milliseconds of rest before a save
const LARGEST = 5_000_000; // bytes of a file of answers

class View extends Figure {
  seen = "";
  /** @type {number[]} */
  ticks = [];
  /** @type {string[]} */
  kept = [];
  hints = 0; // that are shown
  unsaved = false;
  timer = 0;
  box = h("textarea", { rows: 6, spellcheck: true, oninput: () => this.typed() });
  hintButton = h("button", { type: "button", onclick: () => this.hint() });
  coverButton = h(
    "button",
    { type: "button", onclick: () => this.cover() },
    "Show what a good answer covers",
  );
  file = h("input", {
    type: "file",
    accept: ".json,application/json",
    hidden: true,
    tabindex: -1,
    "aria-label": "A file of answers",
    onchange: () => this.importFile(),
  });
  hintList = h("ol", { class: "lmk-hints" });
  covered = h("div", { class: "lmk-covered" });
  older = h("details", { class: "lmk-older", hidden: true });
  /** @type {HTMLDetailsElement | undefined} one good answer, once the reader has asked for it */
  sample;

  /** @param {import("../../kit/host.mjs").Model} model */
  constructor(model) {
    super(model, {
      title: model.get("question"),
      menu: [
        ["Download all my answers", () => this.exportAll()],
        ["Load answers from a file", () => this.file.click()],
      ],
      keys: "Tab goes from the answer to the buttons. What you type is saved by itself.",
    });
    this.build();
    this.watch(["record"], () => this.receive(model.get("record")));
    this.guard();
    this.start();
  }

  build() {
    const { view, reading, source, box } = this.frame;
    reading.id = freshId("lmkit-status");
    this.box.setAttribute("aria-labelledby", box.getAttribute("aria-labelledby") ?? "");
    this.box.setAttribute("aria-describedby", reading.id);
    const buttons = h("div", { class: "lmk-controls" }, this.hintButton, this.coverButton);
    view.append(this.box, buttons, this.hintList, this.covered, this.older, this.file);
    source.textContent =
      this.model.get("keeper") || "Kept in this browser only; ⋯ downloads all your answers.";
  }

  /** Nothing that was typed is lost when the page goes, or the figure. */
  guard() {
    const flush = () => {
      if (this.timer) this.save();
    };
    const leave = (/** @type {Event} */ event) => {
      if (this.unsaved) event.preventDefault();
    };
    addEventListener("beforeunload", leave);
    addEventListener("pagehide", flush);
    this.atClose(() => {
      flush();
      removeEventListener("beforeunload", leave);
      removeEventListener("pagehide", flush);
    });
  }

  /** Ask whoever keeps the answers. @param {string} kind @param {object} [more] */
  ask(kind, more = {}) {
    return ask(this.model, { kind, id: this.model.get("name"), ...more });
  }

  /** Fetch what is stored; what was typed in the meantime wins, and the stored text is kept. */
  async start() {
    this.refresh();
    try {
      const { record } = await this.ask("answers.read");
      if (this.box.value) {
        this.save();
        return;
      }
      this.take(record ?? NOTHING);
      if (record?.text) this.status("Your answer, as you left it.");
    } catch (error) {
      this.fail(error);
    }
  }

  typed() {
    this.unsaved = true;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.save(), WAIT);
    this.refresh();
  }

  async save() {
    clearTimeout(this.timer);
    this.timer = 0;
    const { ticks, seen } = this;
    const text = this.box.value;
    try {
      const { record } = await this.ask("answers.save", { text, ticks, seen });
      this.saved(record, text);
    } catch (error) {
      this.fail(error);
    }
  }

  /** @param {Answer} record @param {string} text that was sent */
  saved(record, text) {
    const isOlderKept = record.kept.length > this.kept.length;
    this.unsaved = this.box.value !== text;
    this.seen = record.text;
    this.showKept(record.kept);
    this.status(isOlderKept ? "Saved. The earlier text is kept below." : "Saved.");
  }

  /**
   * Another tab or an import stored something: show it unless something unsaved is here.
   * @param {Partial<Answer> | undefined} record
   */
  receive(record) {
    if (record?.text === undefined) return;
    if (this.unsaved) return; // the next save finds the other text and keeps it
    const changed = record.text !== this.box.value;
    this.take({ ...NOTHING, ...record });
    if (changed) this.status("Changed elsewhere: this is the answer as it is stored now.");
  }

  /** @param {Answer} answer */
  take({ text, ticks, kept }) {
    this.seen = text;
    this.ticks = ticks;
    if (this.box.value !== text) this.box.value = text;
    this.showKept(kept);
    if (this.sample) this.cover();
    this.refresh();
  }

  /** @param {unknown} error */
  fail(error) {
    this.unsaved = this.box.value !== this.seen;
    this.status(/** @type {Error} */ (error).message);
  }

  /** @param {string} text */
  status(text) {
    const n = words(countWords(this.box.value));
    this.frame.say(text ? `${n}. ${text}` : n);
  }

  refresh() {
    const written = this.box.value.trim() !== "";
    const { length } = this.model.get("hints");
    this.coverButton.disabled = !written;
    this.coverButton.title = written
      ? ""
      : "Write something first: an answer of your own, however rough.";
    this.hintButton.hidden = this.hints >= length;
    this.hintButton.textContent = `Hint ${this.hints + 1} of ${length}`;
    this.status(written ? "" : "Write something to see what a good answer covers.");
  }

  hint() {
    this.hintList.append(h("li", {}, this.model.get("hints")[this.hints]));
    this.hints += 1;
    this.refresh();
  }

  /** The points, to tick for oneself, and one good answer. No mark: nothing here can judge. */
  cover() {
    /** @type {string[]} */
    const rubric = this.model.get("rubric");
    const legend = h("legend", {}, "What does your answer cover? Tick for yourself.");
    const points = h("fieldset", {}, legend, ...rubric.map((text, k) => this.point(text, k)));
    const summary = h("summary", {}, "One good answer");
    const open = this.sample?.open ?? false;
    this.sample = h("details", { open }, summary, h("p", {}, this.model.get("sample")));
    this.covered.replaceChildren(points, this.sample);
  }

  /** @param {string} text @param {number} k */
  point(text, k) {
    const tick = checkbox((checked) => this.tick(k, checked));
    tick.checked = this.ticks.includes(k);
    return h("label", { class: "lmk-point" }, tick, h("span", {}, text));
  }

  /** @param {number} k @param {boolean} on */
  tick(k, on) {
    const others = this.ticks.filter((other) => other !== k);
    this.ticks = on ? [...others, k].sort((a, b) => a - b) : others;
    this.save();
  }

  /** @param {string[]} kept */
  showKept(kept) {
    this.kept = kept;
    this.older.hidden = kept.length === 0;
    const one = kept.length === 1;
    const count = one ? "One earlier text, kept" : `${kept.length} earlier texts, kept`;
    const versions = kept.map((text) => this.version(text));
    this.older.replaceChildren(h("summary", {}, count), h("ol", {}, ...versions));
  }

  /** @param {string} text */
  version(text) {
    const button = { type: "button", onclick: () => this.restore(text) };
    return h(
      "li",
      {},
      h("blockquote", {}, text),
      h("button", button, "Put this back into the box"),
    );
  }

  /**
   * Swap: what is in the box goes below it, so that putting back loses nothing either.
   * @param {string} text
   */
  restore(text) {
    this.seen = "";
    this.box.value = text;
    this.typed();
    this.box.focus();
  }

  /** One file of all answers; what cannot be stored here goes into it all the same. */
  async exportAll() {
    if (this.timer || this.unsaved) await this.save();
    const all = await this.stored();
    const { ticks, kept } = this;
    if (this.unsaved) all.answers[this.model.get("name")] = { text: this.box.value, ticks, kept };
    download("answers.json", `${JSON.stringify(all, null, 1)}\n`, "application/json");
    this.status("All answers of the book are in answers.json.");
  }

  /** @returns {Promise<{schema: string, answers: Record<string, Answer>}>} */
  async stored() {
    try {
      return JSON.parse((await this.ask("answers.all")).text);
    } catch {
      return { schema: "lmkit-answers/1", answers: {} };
    }
  }

  async importFile() {
    const file = this.file.files?.[0];
    this.file.value = "";
    if (!file) return;
    try {
      if (file.size > LARGEST)
        throw new Error("This file is larger than 5 MB: it is not a file of answers.");
      if (this.timer) await this.save();
      const { said } = await this.ask("answers.merge", { text: await file.text() });
      this.status(said);
    } catch (error) {
      this.status(/** @type {Error} */ (error).message);
    }
  }
}

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

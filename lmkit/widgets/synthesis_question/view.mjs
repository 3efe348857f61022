// SynthesisQuestion: a question to answer in one's own words, saved as one types.
//
// The view keeps three things apart: what is in the box, what it last knew to be stored (`seen`),
// and what it was told is stored now (`record`). It never throws text away: see answers.mjs.
import { freshId, h } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { download } from "../../kit/files.mjs";
import { frame } from "../../kit/frame.mjs";
import { ask, watch } from "../../kit/host.mjs";

/** Words as a reader counts them; a script without spaces counts by its word segments. */
export function countWords(text, segmenter = wordSegmenter()) {
  if (!segmenter) return text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
  let n = 0;
  for (const { isWordLike } of segmenter.segment(text)) n += isWordLike ? 1 : 0;
  return n;
}

const wordSegmenter = () =>
  globalThis.Intl?.Segmenter ? new Intl.Segmenter("en", { granularity: "word" }) : null;

/** "1 word", "12 words" */
export const words = (n) => `${n} ${n === 1 ? "word" : "words"}`;

const NOTHING = { text: "", ticks: [], kept: [] };
const WAIT = 250; // milliseconds of rest before a save

class View {
  constructor(model) {
    this.model = model;
    this.seen = "";
    this.ticks = [];
    this.hints = 0;
    this.unsaved = false;
    this.frame = frame({
      title: model.get("question"),
      menu: [
        ["Download all my answers", () => this.exportAll()],
        ["Load answers from a file", () => this.file.click()],
      ],
      keys: "Tab goes from the answer to the buttons. What you type is saved by itself.",
    });
    this.frame.box.classList.add("lmk-asks");
    this.build();
    this.stop = watch(model, ["record"], () => this.receive(model.get("record")));
    this.leave = (event) => this.unsaved && event.preventDefault();
    this.hide = () => this.timer && this.save();
    addEventListener("beforeunload", this.leave);
    addEventListener("pagehide", this.hide);
    this.start();
  }

  build() {
    const { model, frame: box } = this;
    this.box = h("textarea", { rows: 6, spellcheck: true, oninput: () => this.typed() });
    this.box.setAttribute("aria-labelledby", box.box.getAttribute("aria-labelledby"));
    this.box.setAttribute("aria-describedby", (box.reading.id = freshId("lmkit-status")));
    this.hintButton = h("button", { type: "button", onclick: () => this.hint() });
    this.coverButton = h(
      "button",
      { type: "button", onclick: () => this.cover() },
      "Show what a good answer covers",
    );
    this.file = h("input", {
      type: "file",
      accept: ".json,application/json",
      hidden: true,
      tabindex: -1,
      "aria-label": "A file of answers",
      onchange: () => this.importFile(),
    });
    this.hintList = h("ol", { class: "lmk-hints" });
    this.covered = h("div", { class: "lmk-covered" });
    this.older = h("details", { class: "lmk-older", hidden: true });
    const buttons = h("div", { class: "lmk-controls" }, this.hintButton, this.coverButton);
    box.view.append(this.box, buttons, this.hintList, this.covered, this.older, this.file);
    box.source.textContent =
      model.get("keeper") || "Kept in this browser only; ⋯ downloads all your answers.";
  }

  /** Fetch what is stored; what was typed in the meantime wins, and the stored text is kept. */
  async start() {
    this.refresh();
    try {
      const { record } = await ask(this.model, {
        kind: "answers.read",
        id: this.model.get("name"),
      });
      if (this.box.value) return void this.save();
      this.take(record ?? NOTHING);
      if (record?.text) this.status("Your answer, as you left it.");
    } catch (error) {
      this.fail(error);
    }
  }

  typed() {
    this.unsaved = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), WAIT);
    this.refresh();
  }

  async save() {
    clearTimeout(this.timer);
    this.timer = null;
    const text = this.box.value;
    try {
      const { record } = await ask(this.model, {
        kind: "answers.save",
        id: this.model.get("name"),
        text,
        ticks: this.ticks,
        seen: this.seen,
      });
      const older = record.kept.length > (this.kept?.length ?? 0);
      this.unsaved = this.box.value !== text;
      this.seen = record.text;
      this.showKept(record.kept);
      this.status(older ? "Saved. The earlier text is kept below." : "Saved.");
    } catch (error) {
      this.fail(error);
    }
  }

  /** Another tab or an import stored something: show it unless something unsaved is here. */
  receive(record) {
    if (!record || record.text === undefined) return;
    if (this.unsaved) return; // the next save finds the other text and keeps it
    const changed = record.text !== this.box.value;
    this.take(record);
    if (changed) this.status("Changed elsewhere: this is the answer as it is stored now.");
  }

  take({ text, ticks, kept }) {
    this.seen = text;
    this.ticks = ticks;
    if (this.box.value !== text) this.box.value = text;
    this.showKept(kept);
    if (this.rubric) this.cover();
    this.refresh();
  }

  fail(error) {
    this.unsaved = this.box.value !== this.seen;
    this.status(error.message);
  }

  status(text) {
    const n = words(countWords(this.box.value));
    this.frame.say(text ? `${n}. ${text}` : n);
  }

  refresh() {
    const written = this.box.value.trim() !== "";
    const hints = this.model.get("hints");
    this.coverButton.disabled = !written;
    this.coverButton.title = written
      ? ""
      : "Write something first: an answer of your own, however rough.";
    this.hintButton.hidden = this.hints >= hints.length;
    this.hintButton.textContent = `Hint ${this.hints + 1} of ${hints.length}`;
    this.status(written ? "" : "Write something to see what a good answer covers.");
  }

  hint() {
    this.hintList.append(h("li", {}, this.model.get("hints")[this.hints]));
    this.hints += 1;
    this.refresh();
  }

  /** The points, to tick for oneself, and one good answer. No mark: nothing here can judge. */
  cover() {
    const points = this.model.get("rubric").map((point, k) => this.point(point, k));
    const sample = h(
      "details",
      {},
      h("summary", {}, "One good answer"),
      h("p", {}, this.model.get("sample")),
    );
    const legend = h("legend", {}, "What does your answer cover? Tick for yourself.");
    const open = this.rubric?.open;
    sample.open = Boolean(open);
    this.rubric = sample;
    this.covered.replaceChildren(h("fieldset", {}, legend, ...points), sample);
  }

  point(text, k) {
    const tick = h("input", {
      type: "checkbox",
      checked: this.ticks.includes(k),
      onchange: () => this.tick(k, tick.checked),
    });
    return h("label", { class: "lmk-point" }, tick, h("span", {}, text));
  }

  tick(k, on) {
    this.ticks = on
      ? [...this.ticks, k].sort((a, b) => a - b)
      : this.ticks.filter((other) => other !== k);
    this.save();
  }

  showKept(kept) {
    this.kept = kept;
    this.older.hidden = kept.length === 0;
    const versions = kept.map((text) =>
      h(
        "li",
        {},
        h("blockquote", {}, text),
        h(
          "button",
          { type: "button", onclick: () => this.restore(text) },
          "Put this back into the box",
        ),
      ),
    );
    const count =
      kept.length === 1 ? "One earlier text, kept" : `${kept.length} earlier texts, kept`;
    this.older.replaceChildren(h("summary", {}, count), h("ol", {}, ...versions));
  }

  /** Swap: what is in the box goes below it, so that putting back loses nothing either. */
  restore(text) {
    this.seen = "";
    this.box.value = text;
    this.typed();
    this.box.focus();
  }

  /** One file of all answers; what cannot be stored here goes into it all the same. */
  async exportAll() {
    if (this.timer || this.unsaved) await this.save();
    const document = await this.stored();
    if (this.unsaved)
      document.answers[this.model.get("name")] = {
        text: this.box.value,
        ticks: this.ticks,
        kept: this.kept ?? [],
      };
    download("answers.json", `${JSON.stringify(document, null, 1)}\n`, "application/json");
    this.status("All answers of the book are in answers.json.");
  }

  async stored() {
    try {
      return JSON.parse((await ask(this.model, { kind: "answers.all" })).text);
    } catch {
      return { schema: "lmkit-answers/1", answers: {} };
    }
  }

  async importFile() {
    const [file] = this.file.files;
    this.file.value = "";
    if (!file) return;
    try {
      if (file.size > 5_000_000)
        throw new Error("This file is larger than 5 MB: it is not a file of answers.");
      if (this.timer) await this.save();
      const { said } = await ask(this.model, { kind: "answers.merge", text: await file.text() });
      this.status(said);
    } catch (error) {
      this.status(error.message);
    }
  }

  close() {
    this.stop();
    if (this.timer) this.save();
    removeEventListener("beforeunload", this.leave);
    removeEventListener("pagehide", this.hide);
  }
}

const render = (host) => present(View, host);

export default { render };

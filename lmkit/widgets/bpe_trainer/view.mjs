// BPETrainer: which pair does byte-pair encoding merge next? (chapter 2)
//
// The browser trains: a small text needs no quicker method than to count all pairs for each merge.
import { labelled, whenFull } from "../../kit/controls.mjs";
import { freshId, h } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { frame, toolButton } from "../../kit/frame.mjs";
import { update, watch } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number } from "../../kit/numbers.mjs";
import { table } from "../../kit/table.mjs";
import { chip, visible } from "../../kit/tokens.mjs";
import { byteAlphabet, showBytes, split } from "../../engine/bpe.mjs";

export const MAX_MERGES = 60;
const MAX_CHARACTERS = 2000;
const SHOWN = 8; // pairs in the table of counts

/** The bytes in the order of their ids: as GPT-2's vocabulary has them, the visible ones first. */
export function byteOrder() {
  const alphabet = byteAlphabet();
  return alphabet
    .map((_, b) => b)
    .sort((a, b) => alphabet[a].charCodeAt(0) - alphabet[b].charCodeAt(0));
}

/** The different pieces of a text as token ids, and how often each occurs. */
export function piecesOf(text) {
  const counts = new Map();
  for (const piece of split(text)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  const id = new Map(byteOrder().map((byte, i) => [byte, i]));
  const utf8 = new TextEncoder();
  return [...counts].map(([piece, n]) => ({
    n,
    ids: Array.from(utf8.encode(piece), (byte) => id.get(byte)),
  }));
}

/** How often each pair of neighbours occurs, most frequent first, of equals the smallest ids. */
export function countPairs(pieces) {
  const counts = new Map();
  for (const { ids, n } of pieces) {
    for (let i = 0; i + 1 < ids.length; i++) {
      const key = ids[i] * 2 ** 20 + ids[i + 1];
      counts.set(key, (counts.get(key) ?? 0) + n);
    }
  }
  const pairs = [...counts].sort((x, y) => y[1] - x[1] || x[0] - y[0]);
  return pairs.map(([key, n]) => ({ a: Math.floor(key / 2 ** 20), b: key % 2 ** 20, n }));
}

/** Put `joined` wherever a and b stand together, from left to right. */
export function replacePair(ids, a, b, joined) {
  const out = [];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === a && ids[i + 1] === b) {
      out.push(joined);
      i++;
    } else out.push(ids[i]);
  }
  return out;
}

/**
 * All states of training: state k is the text after k merges.
 * @returns {{bytes: Uint8Array[], states: {pieces: {ids: number[], n: number}[], pairs: {a: number, b: number, n: number}[], made: number}[]}}
 *   what each token stands for; in each state the pieces, the counted pairs, the id made last
 */
export function train(text, most = MAX_MERGES) {
  const bytes = byteOrder().map((byte) => Uint8Array.of(byte));
  const idOf = new Map(bytes.map((value, id) => [String(value), id]));
  let pieces = piecesOf(text);
  let pairs = countPairs(pieces);
  const states = [{ pieces, pairs, made: -1 }];
  while (states.length <= most && pairs.length) {
    const { a, b } = pairs[0];
    const joined = Uint8Array.of(...bytes[a], ...bytes[b]);
    const made = idOf.get(String(joined)) ?? bytes.push(joined) - 1; // the same text may be made twice
    idOf.set(String(joined), made);
    pieces = pieces.map(({ ids, n }) => ({ n, ids: replacePair(ids, a, b, made) }));
    pairs = countPairs(pieces);
    states.push({ pieces, pairs, made });
  }
  return { bytes, states };
}

/** How many tokens the text has in a state. */
export const length = ({ pieces }) => pieces.reduce((sum, { ids, n }) => sum + ids.length * n, 0);

/** A long token as a sentence names it. */
function shortened(text) {
  const characters = Array.from(text);
  return characters.length > 24 ? `${characters.slice(0, 20).join("")}…` : text;
}

/** What there is to see, in a sentence or two; without `counts` what comes next is not told. */
export function reading({ bytes, states }, step, counts = true) {
  const state = states[step];
  const name = (id) => `“${shortened(visible(showBytes(bytes[id])))}”`;
  const tokens = (n) => (n === 1 ? "1 token" : `${n} tokens`);
  if (!length(state)) return "Type a text to learn from.";
  const before = step ? states[step - 1] : null;
  const done = before
    ? `Merge ${step} made ${name(state.made)}: the text fell from ${length(before)} to ${tokens(length(state))}. `
    : `The text has ${tokens(length(state))}, each a byte. `;
  if (!state.pairs.length) return `${done}Every word is one token: nothing is left to merge.`;
  if (step === MAX_MERGES) return `${done}Here the figure stops.`;
  if (!counts) return `${done}Which pair stands together most often now?`;
  const { a, b, n } = state.pairs[0];
  const ties = state.pairs.filter((pair) => pair.n === n).length - 1;
  const tie = ties
    ? `, as ${ties === 1 ? "does one other pair" : `do ${ties} other pairs`}; the smallest ids go first`
    : "";
  return `${done}Next: ${name(a)} and ${name(b)} stand together ${n === 1 ? "once" : n === 2 ? "twice" : `${n} times`}${tie}.`;
}

const KEYS =
  "The slider goes through the merges with the arrow keys; the buttons go one merge forward or back.";

class View {
  static link = {
    text: fits.text(MAX_CHARACTERS),
    step: fits.count(MAX_MERGES),
    counts: fits.flag,
  };

  constructor(model) {
    this.model = model;
    const first = { text: model.get("text"), step: 0, counts: true };
    this.frame = frame({
      title: "Which pair is merged next?",
      restart: toolButton("⟲", "Back to the first text", () => this.restart(first)),
      menu: [
        ["Show as table", () => this.toggleTable()],
        ["Download data (CSV)", () => this.data()],
      ],
      keys: KEYS,
    });
    this.asTable = false;
    this.controls();
    this.frame.source.textContent =
      "Trained in this browser, on the text above · byte-level, digits by themselves";
    this.stop = watch(model, ["text", "step", "counts"], () => this.show());
    this.show();
  }

  restart(first) {
    this.box.value = first.text;
    update(this.model, first);
  }

  controls() {
    const id = freshId("lmkit-bpe");
    this.box = h("textarea", {
      id,
      class: "lmk-bpe-box",
      rows: 2,
      spellcheck: false,
      maxLength: MAX_CHARACTERS,
      oninput: () => this.typed(),
      onchange: () => this.send(),
    });
    const go = (by) => () => update(this.model, { step: this.step() + by });
    this.back = h("button", { type: "button", onclick: go(-1) }, "◂ Back");
    this.next = h("button", { type: "button", onclick: go(1) }, "Merge ▸");
    this.slider = h("input", {
      type: "range",
      min: 0,
      step: 1,
      oninput: () => update(this.model, { step: Number(this.slider.value) }),
    });
    this.count = h("output", {});
    this.counts = h("input", {
      type: "checkbox",
      onchange: () => update(this.model, { counts: this.counts.checked }),
    });
    this.frame.controls.append(
      h("label", { htmlFor: id, class: "lmk-bpe-label" }, "Text to learn from"),
      this.box,
      this.back,
      this.next,
      labelled("Merges", this.slider, this.count),
      labelled("Show counts", this.counts),
    );
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), 300);
  }

  send() {
    clearTimeout(this.timer);
    if (this.box.value !== this.model.get("text"))
      update(this.model, { text: this.box.value, step: 0 });
  }

  /** The step that is shown: the trait may be beyond what the text gives. */
  step() {
    return Math.max(0, Math.min(this.model.get("step"), this.training.states.length - 1));
  }

  show() {
    const text = this.model.get("text");
    if (text !== this.trained)
      [this.training, this.trained] = [train(text.slice(0, MAX_CHARACTERS)), text];
    const { states } = this.training;
    const step = this.step();
    if (document.activeElement !== this.box) this.box.value = text;
    Object.assign(this.slider, { max: states.length - 1, value: step });
    this.count.textContent = `${step} of ${states.length - 1}`;
    this.slider.setAttribute("aria-valuetext", `${step} merges`);
    this.counts.checked = this.model.get("counts");
    this.back.disabled = step === 0;
    this.next.disabled = step === states.length - 1;
    this.frame.view.replaceChildren(
      this.asTable ? this.tableFace(step) : this.face(states[step], step),
    );
    this.frame.say(
      reading(this.training, step, this.counts.checked) + whenFull(text, MAX_CHARACTERS),
    );
  }

  face(state, step) {
    return h(
      "div",
      { class: "lmk-bpe" },
      this.part("The text now", this.segments(state), "lmk-bpe-text"),
      this.part("Pairs and how often they stand together", this.pairs(state)),
      this.part(`Tokens learned: ${step} beside the 256 bytes`, this.learned(step)),
    );
  }

  part(name, node, kind = "") {
    return h(
      "section",
      { class: kind, "aria-label": name },
      h("p", { class: "lmk-bpe-name" }, name),
      node,
    );
  }

  token(id, props) {
    return chip({ t: showBytes(this.training.bytes[id]), i: id }, "span", props);
  }

  /** Each different piece once, with its count; tokens that the last merge made are marked. */
  segments({ pieces, made }) {
    const marked = (id) => this.token(id, id === made ? { class: "lmk-chip lmk-chosen" } : {});
    const one = ({ ids, n }) =>
      h(
        "li",
        {},
        ...ids.map(marked),
        n > 1 ? h("span", { class: "lmk-bpe-times" }, ` × ${n}`) : null,
      );
    return h("ul", { class: "lmk-bpe-pieces" }, ...pieces.filter(({ ids }) => ids.length).map(one));
  }

  pairs({ pairs }) {
    if (!this.counts.checked)
      return h("p", { class: "lmk-hint" }, "Hidden: look at the text, choose a pair, then merge.");
    const most = pairs[0]?.n ?? 1;
    const row = ({ a, b, n }, k) =>
      h(
        "li",
        { class: `lmk-row${k ? "" : " lmk-hot"}` },
        h("span", {}, this.token(a), this.token(b)),
        h("span", { class: "lmk-bar", style: `--share:${(n / most).toFixed(3)}` }),
        h("span", { class: "lmk-share" }, String(n)),
      );
    const rest =
      pairs.length > SHOWN
        ? h("li", { class: "lmk-rest" }, `and ${pairs.length - SHOWN} other pairs`)
        : null;
    return h("ol", { class: "lmk-bars" }, ...pairs.slice(0, SHOWN).map(row), rest);
  }

  learned(step) {
    const made = this.training.states
      .slice(1, step + 1)
      .map((state, k) =>
        h("li", {}, this.token(state.made, k === step - 1 ? { class: "lmk-chip lmk-chosen" } : {})),
      );
    return made.length
      ? h("ol", { class: "lmk-bpe-learned" }, ...made)
      : h("p", { class: "lmk-hint" }, "None yet.");
  }

  rows(step) {
    const { bytes, states } = this.training;
    const text = (id) => visible(showBytes(bytes[id]));
    return states
      .slice(0, step)
      .map(({ pairs: [{ a, b, n }] }, k) => [
        String(k + 1),
        text(a),
        text(b),
        text(states[k + 1].made),
        String(n),
        number(length(states[k + 1])),
      ]);
  }

  tableFace(step) {
    return h(
      "div",
      { class: "lmk-scroll", tabIndex: 0, role: "group", "aria-label": "Table of merges" },
      table(
        "Merges made so far",
        ["merge", "left", "right", "token", "count", "tokens left"],
        this.rows(step),
      ),
    );
  }

  toggleTable() {
    this.asTable = !this.asTable;
    this.show();
  }

  data() {
    download(
      "merges.csv",
      csv([
        ["merge", "left", "right", "token", "count", "tokens left"],
        ...this.rows(this.training.states.length - 1),
      ]),
      "text/csv",
    );
  }

  close() {
    clearTimeout(this.timer);
    this.stop();
  }
}

const render = (host) => present(View, host);

export default { render };

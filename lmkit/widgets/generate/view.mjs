// Generate: how does a model write? One token after another.
import { choice, labelled, textField } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { AskingFigure, COMPUTED, present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { toolButton } from "../../kit/frame.mjs";
import { ask, update } from "../../kit/host.mjs";
import { fits, storedOrLive } from "../../kit/links.mjs";
import { number, percent } from "../../kit/numbers.mjs";
import { random, TEMPERATURES, TOP_PS } from "../../kit/sampling.mjs";
import { chip, quoted, visible } from "../../kit/tokens.mjs";

/**
 * A run holds the prompt's tokens, `start`, its settings, and what was written, `tokens`: each with
 * the model's own probability `p` and its likeliest rivals, `top`.
 * @typedef {{t: string, i: number}} Token
 * @typedef {Token & {p: number}} Rival
 * @typedef {Rival & {top: Rival[]}} Written
 * @typedef {{temperature: number, top_k: number, top_p: number, seed: number}} Setting
 * @typedef {{start?: Token[], tokens: Written[]}} Text
 * @typedef {Setting & Required<Text> & {text: string, chat: boolean}} Run
 */

const TOP_KS = [0, 2, 5, 10, 50];
const LENGTHS = [20, 40, 80, 160];
const SHOWN = 5; // rivals
const PACE = 40; // milliseconds per token of a stored run

/**
 * Settings as a reader says them: "greedy", "temperature 0.7, top-p 0.9, seed 1".
 * @param {Setting} setting
 */
export function settingName({ temperature, top_k, top_p, seed }) {
  if (temperature === 0) return "greedy";
  const cuts = [top_k ? `top-k ${top_k}` : "", top_p < 1 ? `top-p ${top_p}` : ""].filter(Boolean);
  return [`temperature ${temperature}`, ...cuts, `seed ${seed}`].join(", ");
}

/** What was written, in a sentence. @param {Written[]} tokens @param {boolean} ended */
export function reading(tokens, ended) {
  if (tokens.length === 0)
    return ended ? "The model ends the text at once." : "Nothing is written yet.";
  const mean = tokens.reduce((sum, { p }) => sum - Math.log(p), 0) / tokens.length;
  const first = tokens.filter(({ i, top }) => top[0]?.i === i).length;
  const end = ended ? " Then the model ended the text." : "";
  return `${tokens.length} ${tokens.length === 1 ? "token" : "tokens"}, ${first} of them the model's first guess; ${number(mean)} nats of surprise a token.${end}`;
}

/** What one token shows. @param {Written} token */
export function readingAt({ t, i, p, top: [first] }) {
  const guess = `the first guess was ${quoted(first.t)} with ${percent(first.p)}`;
  return `${quoted(t)} had ${percent(p)}${first.i === i ? ", the first guess" : `; ${guess}`}.`;
}

const KEYS =
  "Tab goes from token to token; Enter shows a token's rivals; Enter on a rival takes it instead. Escape stops the writing.";
const MISSING =
  "How the model goes on with this text is not stored here: load the model, or choose another text.";

/**
 * A model at hand is asked for one token at a time ("continue"), so to stop is to ask no more.
 * @extends {AskingFigure<Text>}
 */
class View extends AskingFigure {
  static kind = "continue";
  static link = { text: storedOrLive("runs", "continue"), chat: fits.flag };

  options = { temperature: 0, top_k: 0, top_p: 1, seed: 1, length: 40 };
  /** @type {Token[] | undefined} the prompt's, once they are known */
  start;
  /** @type {Written[]} */
  tokens = [];
  /** @type {(() => number) | undefined} random numbers for the tokens to come */
  draws;
  writing = false;
  ended = false; // by the model
  prompt = h("span", { class: "lmk-prompt" });
  cursor = h("span", { class: "lmk-cursor", "aria-hidden": "true" });
  text = h("p", { class: "lmk-written", dir: "auto" });
  rivals = h("div", { class: "lmk-rivals" });
  button = h("button", {
    type: "button",
    onclick: () => (this.writing ? this.halt() : this.write()),
  });
  one = h("button", { type: "button", onclick: () => this.write(1) }, "One token");

  /** @param {import("../../kit/host.mjs").Model} model */
  constructor(model) {
    super(model, {
      title: "How does the model write?",
      restart: toolButton("⟲", "Start again", () => this.reset()),
      menu: [
        ["Copy the text", () => this.copy()],
        ["Download data (CSV)", () => this.data()],
      ],
      rows: () => this.rows(),
      keys: KEYS,
    });
    this.input = this.field();
    this.setting = this.storedSettings();
    const knobs = this.live ? this.knobs() : [labelled("Setting", this.setting)];
    this.frame.controls.append(...knobs, this.button);
    this.frame.view.append(this.text, this.rivals);
    this.frame.box.addEventListener("keydown", ({ key }) => {
      if (key === "Escape") this.halt();
    });
    this.atClose(() => this.halt());
    this.watch(["text", "chat"], () => this.reset());
    this.reset();
  }

  /** The field of the prompt, unless another figure gives it. */
  field() {
    const { model } = this;
    const texts = [...new Set(this.runs().map(({ text }) => text))];
    const { field, input } = textField("Prompt", texts, this.live, (text) => {
      if (text !== model.get("text")) update(model, { text });
    });
    if (!model.get("linked")) this.frame.controls.append(field);
    return input;
  }

  /** Without a model: one of the settings of the runs that the notebook stored. */
  storedSettings() {
    const names = [...new Set(this.runs().map(settingName))];
    return choice(
      names.map((name) => [name, name]),
      names[0],
      () => this.reset(),
    );
  }

  /** With a model: whatever it can be told. */
  knobs() {
    const degree = (/** @type {number} */ x) => (x ? String(x) : "0 (greedy)");
    return [
      labelled("The model", this.manner()),
      labelled("Temperature", this.knob("temperature", TEMPERATURES, degree)),
      labelled(
        "Top-k",
        this.knob("top_k", TOP_KS, (k) => (k ? String(k) : "all")),
      ),
      labelled(
        "Top-p",
        this.knob("top_p", TOP_PS, (p) => (p < 1 ? String(p) : "all")),
      ),
      labelled("Seed", this.seed()),
      labelled("Tokens", this.knob("length", LENGTHS, String)),
      this.one,
    ];
  }

  /**
   * A menu of an option's values.
   * @param {keyof View["options"]} option
   * @param {number[]} values
   * @param {(value: number) => string} name
   */
  knob(option, values, name) {
    const { options } = this;
    return choice(
      values.map((value) => [value, name(value)]),
      options[option],
      (value) => {
        options[option] = Number(value);
      },
    );
  }

  manner() {
    return choice(
      [
        ["", "goes on with the text"],
        ["1", "answers it (chat)"],
      ],
      this.model.get("chat") ? "1" : "",
      (value) => update(this.model, { chat: Boolean(value) }),
    );
  }

  seed() {
    const input = h("input", {
      type: "number",
      min: 0,
      max: 999,
      value: 1,
      oninput: () => {
        this.options.seed = Math.abs(Math.trunc(Number(input.value))) || 0;
      },
    });
    return input;
  }

  /** @returns {Run[]} */
  runs() {
    return this.model.get("runs");
  }

  /** Forget what was written, and show the stored run, if there is one. */
  reset() {
    this.halt();
    if (document.activeElement !== this.input) this.input.value = this.model.get("text");
    this.refresh();
  }

  stored() {
    const [text, chat] = [this.model.get("text"), this.model.get("chat")];
    return this.runs().find(
      (run) =>
        run.text === text &&
        (this.live ? run.chat === chat : settingName(run) === this.setting.value),
    );
  }

  /** Nothing is written of what is not stored, until the reader wants it. */
  async asked() {
    return { tokens: [] };
  }

  /** @param {Text} text */
  show({ start, tokens }) {
    this.start = start;
    this.tokens = [...tokens];
    this.draws = undefined;
    this.ended = false;
    this.paint();
  }

  /** Write `n` tokens more, or anew to the length that is set. */
  async write(n = 0) {
    this.begin(n);
    const { turn } = this;
    try {
      await (this.live ? this.compose(turn, n || this.options.length) : this.replay(turn));
    } catch (error) {
      const isTold = error instanceof Error && error.name !== "AbortError";
      if (isTold && turn === this.turn) this.fail(error);
    }
    if (turn === this.turn) this.halt();
  }

  /** @param {number} n tokens that are wanted; 0 begins anew */
  begin(n) {
    this.turn += 1;
    this.writing = true;
    if (!n) this.tokens = [];
    if (!n || !this.draws) this.draws = this.drawsFrom(this.tokens.length);
    this.ended = false;
    this.paint();
  }

  /**
   * The random numbers of this seed from the n-th on: each token has its own, however it came.
   * @param {number} n
   */
  drawsFrom(n) {
    const next = random(this.options.seed);
    for (let k = 0; k < n; k++) next();
    return next;
  }

  /** @param {number} turn @param {number} n */
  async compose(turn, n) {
    if (!this.start) {
      const { model } = this;
      const request = { kind: "encode", text: model.get("text"), chat: model.get("chat") };
      const { tokens } = await ask(model, request);
      if (turn !== this.turn) return;
      this.start = tokens;
      this.paint();
    }
    this.origin.tell(COMPUTED);
    for (let k = 0; k < n && turn === this.turn && !this.ended; k++) await this.step(turn);
  }

  request() {
    const { temperature, top_k, top_p } = this.options;
    const ids = [...(this.start ?? []), ...this.tokens].map(({ i }) => i);
    return { kind: View.kind, ids, temperature, top_k, top_p, draw: this.draws?.() };
  }

  /** @param {number} turn */
  async step(turn) {
    const { token, p, top, end } = await ask(this.model, this.request());
    if (turn !== this.turn) return;
    this.ended = end;
    if (!end) this.add({ ...token, p, top: top.slice(0, SHOWN) });
  }

  /**
   * Show a stored run as it was written; at once where motion is not wanted.
   * @param {number} turn
   */
  async replay(turn) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (const token of this.stored()?.tokens ?? []) {
      if (!still) await new Promise((resolve) => setTimeout(resolve, PACE));
      if (turn !== this.turn) return;
      this.add(token);
    }
  }

  /** @param {Written} token */
  add(token) {
    this.tokens.push(token);
    this.cursor.before(...this.token(token, this.tokens.length - 1));
  }

  halt() {
    this.turn += 1;
    this.writing = false;
    this.paintButtons();
    if (this.start || this.tokens.length) this.frame.say(reading(this.tokens, this.ended));
  }

  /** @param {Error} error */
  fail(error) {
    this.halt();
    super.fail(error);
  }

  paint() {
    const tokens = this.start?.filter(({ t }) => t !== "<|endoftext|>").map(({ t }) => t);
    this.prompt.textContent = tokens?.join("") ?? this.model.get("text");
    const written = this.tokens.flatMap((token, at) => this.token(token, at));
    this.text.replaceChildren(this.prompt, ...written, this.cursor);
    const hint = "Choose a token to see what else the model considered there.";
    this.rivals.replaceChildren(h("p", { class: "lmk-hint" }, hint));
    this.paintButtons();
    this.frame.say(this.said());
  }

  said() {
    if (this.writing) return "The model is writing.";
    return this.canWrite() ? reading(this.tokens, this.ended) : MISSING;
  }

  /** With a model any text can be gone on with; without one, those of which a run is stored. */
  canWrite() {
    return this.live || Boolean(this.stored());
  }

  paintButtons() {
    this.button.textContent = this.writing ? "Stop" : "Write";
    this.button.disabled = !this.canWrite();
    this.one.disabled = this.writing || this.ended;
    this.frame.box.toggleAttribute("data-writing", this.writing);
  }

  /**
   * A token in the flow of the text, in the shade of its probability, and the lines that it ends.
   * @param {Written} token
   * @param {number} at
   */
  token({ t, p }, at) {
    const names = {
      "aria-label": `${t.trim() || "white space"}, ${percent(p)}`,
      title: percent(p),
    };
    const button = {
      type: "button",
      class: "lmk-token lmk-shaded",
      ...names,
      style: `--share:${p.toFixed(3)}`,
      onclick: () => this.open(at),
    };
    const ends = t.replace(/[^\n]/g, ""); // a button keeps its line's ends to itself
    return [h("button", button, t.replaceAll("\n", "↵")), ends];
  }

  /** Show what else could have stood at a position. @param {number} at */
  open(at) {
    const token = this.tokens[at];
    const rows = token.top.map((rival) => h("li", {}, this.rival(rival, at)));
    this.halt();
    this.rivals.replaceChildren(h("ol", { class: "lmk-bars" }, ...rows));
    const hint = this.live ? " Choose another below, and the text goes on from there." : "";
    this.frame.say(readingAt(token) + hint);
  }

  /** With a model, to choose a rival is to take it. @param {Rival} rival @param {number} at */
  rival(rival, at) {
    const inside = [
      chip(rival),
      h("span", { class: "lmk-bar", "aria-hidden": "true", style: `--share:${rival.p}` }),
      h("span", { class: "lmk-share" }, percent(rival.p)),
    ];
    if (!this.live) return h("span", { class: "lmk-row" }, ...inside);
    const label = `Take ${quoted(rival.t)}, ${percent(rival.p)}`;
    const onclick = () => this.take(rival, at);
    const button = { type: "button", class: "lmk-row", "aria-label": label, onclick };
    return h("button", button, ...inside);
  }

  /** Cut the text at a position, and take a rival there. @param {Rival} rival @param {number} at */
  take(rival, at) {
    const { top } = this.tokens[at];
    this.tokens = [...this.tokens.slice(0, at), { ...rival, top }];
    this.ended = false;
    this.draws = this.drawsFrom(this.tokens.length);
    this.paint();
    /** @type {HTMLElement | null} */
    const last = this.text.querySelector(".lmk-token:last-of-type");
    last?.focus();
  }

  async copy() {
    try {
      const written = this.tokens.map(({ t }) => t).join("");
      await navigator.clipboard.writeText(this.prompt.textContent + written);
      this.frame.say("The text is copied.");
    } catch {
      this.frame.say("The browser does not let this page copy: select the text instead.");
    }
  }

  /** @returns {import("../../kit/table.mjs").TableSpec} */
  rows() {
    const rows = this.tokens.map(({ t, p, top }) => [visible(t), percent(p), visible(top[0].t)]);
    return [
      "Each token that was written, its probability, and the model's first guess",
      ["token", "probability", "first guess"],
      rows,
    ];
  }

  data() {
    const head = ["token", "id", "probability", "first guess"];
    const rows = this.tokens.map(({ t, i, p, top }) => [t, i, p, top[0].t]);
    download("generated.csv", csv([head, ...rows]), "text/csv");
  }
}

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

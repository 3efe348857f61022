// Generate: how does a model write? One token after another. (chapters 1 and 4)
//
// A run holds the prompt's tokens, `start`, its settings, and `tokens`: text `t`, id `i`, the
// model's own probability `p`, and the likeliest rivals, `top`. With a model at hand the view asks
// for one token at a time ("continue"), so to stop is to ask no more.
import { choice, labelled, textField } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { frame, toolButton } from "../../kit/frame.mjs";
import { ask, canAsk, update, watch } from "../../kit/host.mjs";
import { fits, storedOrLive } from "../../kit/links.mjs";
import { number, percent } from "../../kit/numbers.mjs";
import { provenance } from "../../kit/provenance.mjs";
import { random } from "../../kit/sampling.mjs";
import { chip, quoted, visible } from "../../kit/tokens.mjs";

const TEMPERATURES = [0, 0.3, 0.5, 0.7, 1, 1.3, 1.6, 2];
const LENGTHS = [20, 40, 80, 160];

/** Settings as a reader says them: "greedy", "temperature 0.7, top-p 0.9, seed 1". */
export function settingName({ temperature, top_k, top_p, seed }) {
  if (temperature === 0) return "greedy";
  const cuts = [top_k ? `top-k ${top_k}` : "", top_p < 1 ? `top-p ${top_p}` : ""].filter(Boolean);
  return [`temperature ${temperature}`, ...cuts, `seed ${seed}`].join(", ");
}

/** What was written, in a sentence. */
export function reading(tokens, ended) {
  if (tokens.length === 0)
    return ended ? "The model ends the text at once." : "Nothing is written yet.";
  const mean = tokens.reduce((sum, { p }) => sum - Math.log(p), 0) / tokens.length;
  const first = tokens.filter(({ i, top }) => top[0]?.i === i).length;
  const end = ended ? " Then the model ended the text." : "";
  return `${tokens.length} ${tokens.length === 1 ? "token" : "tokens"}, ${first} of them the model's first guess; ${number(mean)} nats of surprise a token.${end}`;
}

/** What one token shows. */
export const readingAt = ({ t, i, p, top }) =>
  `${quoted(t)} had ${percent(p)}${top[0]?.i === i ? ", the first guess" : `; the first guess was ${quoted(top[0].t)} with ${percent(top[0].p)}`}. Choose another below, and the text goes on from there.`;

const KEYS =
  "Tab goes from token to token; Enter shows a token's rivals; Enter on a rival takes it instead. Escape stops the writing.";

class View {
  static kind = "continue";
  static link = { text: storedOrLive("runs", "continue"), chat: fits.flag };

  constructor(model) {
    this.model = model;
    this.live = canAsk(model, View.kind);
    this.frame = frame({
      title: "How does the model write?",
      restart: toolButton("⟲", "Start again", () => this.reset()),
      menu: [
        ["Copy the text", () => this.copy()],
        ["Download data (CSV)", () => this.data()],
      ],
      rows: () => this.rows(),
      keys: KEYS,
    });
    this.options = { temperature: 0, top_k: 0, top_p: 1, seed: 1, length: 40 };
    this.tokens = [];
    this.text = h("p", { class: "lmk-written", dir: "auto" });
    this.rivals = h("div", { class: "lmk-rivals" });
    this.origin = provenance(this.frame.source, model);
    this.controls();
    this.frame.view.append(this.text, this.rivals);
    this.frame.box.addEventListener("keydown", (event) => event.key === "Escape" && this.halt());
    this.stop = watch(model, ["text", "chat"], () => this.reset());
    this.reset();
  }

  controls() {
    const { model } = this;
    const texts = [...new Set(model.get("runs").map(({ text }) => text))];
    const { field, input } = textField(
      "Prompt",
      texts,
      this.live,
      (text) => text === model.get("text") || update(model, { text }),
    );
    this.input = input;
    this.button = h("button", {
      type: "button",
      onclick: () => (this.writing ? this.halt() : this.write()),
    });
    const knobs = this.live ? this.knobs() : [this.setting()];
    this.frame.controls.append(...(model.get("linked") ? [] : [field]), ...knobs, this.button);
  }

  /** Without a model: one of the runs that the notebook stored. */
  setting() {
    const runs = () => this.model.get("runs").filter(({ text }) => text === this.model.get("text"));
    const names = [...new Set(this.model.get("runs").map(settingName))];
    this.runs = choice(
      names.map((name) => [name, name]),
      names[0],
      () => this.reset(),
    );
    this.stored = () => runs().find((run) => settingName(run) === this.runs.value);
    return labelled("Setting", this.runs);
  }

  knobs() {
    const set = (key) => (value) => (this.options[key] = Number(value));
    const temperature = choice(
      TEMPERATURES.map((x) => [x, x ? String(x) : "0 (greedy)"]),
      0,
      set("temperature"),
    );
    const topK = choice(
      [[0, "all"], ...[2, 5, 10, 50].map((k) => [k, String(k)])],
      0,
      set("top_k"),
    );
    const topP = choice(
      [[1, "all"], ...[0.95, 0.9, 0.8, 0.5].map((p) => [p, String(p)])],
      1,
      set("top_p"),
    );
    const seed = h("input", {
      type: "number",
      min: 0,
      max: 999,
      value: 1,
      oninput: () => (this.options.seed = Math.abs(Math.trunc(Number(seed.value))) || 0),
    });
    const length = choice(
      LENGTHS.map((n) => [n, String(n)]),
      40,
      set("length"),
    );
    const chat = choice(
      [
        ["", "goes on with the text"],
        ["1", "answers it (chat)"],
      ],
      this.model.get("chat") ? "1" : "",
      (value) => update(this.model, { chat: Boolean(value) }),
    );
    this.one = h("button", { type: "button", onclick: () => this.write(1) }, "One token");
    return [
      labelled("The model", chat),
      labelled("Temperature", temperature),
      labelled("Top-k", topK),
      labelled("Top-p", topP),
      labelled("Seed", seed),
      labelled("Tokens", length),
      this.one,
    ];
  }

  /** Forget what was written; without a model at hand, show the stored run. */
  async reset() {
    this.halt();
    if (document.activeElement !== this.input) this.input.value = this.model.get("text");
    this.ended = false;
    this.draws = undefined;
    const run = this.live
      ? this.model.get("runs").find((stored) => this.fits(stored))
      : this.stored();
    this.start = run?.start;
    this.tokens = run ? [...run.tokens] : [];
    this.origin.tell(run ? "stored with the chapter" : "computed now");
    this.paint();
  }

  fits(run) {
    return run.text === this.model.get("text") && run.chat === this.model.get("chat");
  }

  /** Write `n` tokens more, or anew to the length that is set. */
  async write(n = 0) {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    this.writing = true;
    if (!n) this.tokens = [];
    if (!n || !this.draws) this.draws = this.drawsFrom(this.tokens.length);
    this.ended = false;
    this.paint();
    try {
      await (this.live ? this.compose(turn, n || this.options.length) : this.replay(turn));
    } catch (error) {
      if (turn === this.turn && error.name !== "AbortError") this.fail(error);
    }
    if (turn === this.turn) this.halt();
  }

  /** The random numbers of this seed from the n-th on: each token has its own, however it came. */
  drawsFrom(n) {
    const next = random(this.options.seed);
    for (let k = 0; k < n; k++) next();
    return next;
  }

  async compose(turn, n) {
    if (!this.start) {
      const request = {
        kind: "encode",
        text: this.model.get("text"),
        chat: this.model.get("chat"),
      };
      const { tokens } = await ask(this.model, request);
      if (turn !== this.turn) return;
      this.start = tokens;
      this.paint();
    }
    this.origin.tell("computed now");
    for (let k = 0; k < n && turn === this.turn && !this.ended; k++) await this.step(turn);
  }

  async step(turn) {
    const { temperature, top_k, top_p } = this.options;
    const ids = [...this.start, ...this.tokens].map(({ i }) => i);
    const { token, p, top, end } = await ask(this.model, {
      kind: "continue",
      ids,
      temperature,
      top_k,
      top_p,
      draw: this.draws(),
    });
    if (turn !== this.turn) return;
    this.ended = end;
    if (!end) this.add({ ...token, p, top: top.slice(0, 5) });
  }

  /** Show a stored run as it was written; at once where motion is not wanted. */
  async replay(turn) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (const token of this.stored()?.tokens ?? []) {
      if (!still) await new Promise((resolve) => setTimeout(resolve, 40));
      if (turn !== this.turn) return;
      this.add(token);
    }
  }

  add(token) {
    this.tokens.push(token);
    this.text.lastChild.before(...this.token(token, this.tokens.length - 1));
    this.text.lastChild.hidden = false;
  }

  halt() {
    this.turn = (this.turn ?? 0) + 1;
    this.writing = false;
    this.paintButtons();
    if (this.start || this.tokens.length) this.frame.say(reading(this.tokens, this.ended));
  }

  fail(error) {
    this.halt();
    this.frame.say(error.message);
  }

  paint() {
    const prompt = this.start
      ? this.start
          .filter(({ t }) => t !== "<|endoftext|>")
          .map(({ t }) => t)
          .join("")
      : this.model.get("text");
    const cursor = h("span", { class: "lmk-cursor", "aria-hidden": "true" });
    this.text.replaceChildren(
      h("span", { class: "lmk-prompt" }, prompt),
      ...this.tokens.flatMap((token, at) => this.token(token, at)),
      cursor,
    );
    this.rivals.replaceChildren(
      h("p", { class: "lmk-hint" }, "Choose a token to see what else the model considered there."),
    );
    this.paintButtons();
    this.frame.say(this.writing ? "The model is writing." : this.said());
  }

  said() {
    return this.canWrite()
      ? reading(this.tokens, this.ended)
      : "How the model goes on with this text is not stored here: load the model, or choose another text.";
  }

  /** With a model any text can be gone on with; without one, those of which a run is stored. */
  canWrite() {
    return this.live || Boolean(this.stored());
  }

  paintButtons() {
    this.button.textContent = this.writing ? "Stop" : "Write";
    this.button.disabled = !this.canWrite();
    if (this.one) this.one.disabled = this.writing || this.ended;
    this.frame.box.toggleAttribute("data-writing", Boolean(this.writing));
  }

  /** A token in the flow of the text, in the shade of its probability, and the lines that it ends. */
  token(token, at) {
    const label = `${token.t.trim() || "white space"}, ${percent(token.p)}`;
    const button = h(
      "button",
      {
        type: "button",
        class: "lmk-token lmk-shaded",
        "aria-label": label,
        title: percent(token.p),
        style: `--share:${token.p.toFixed(3)}`,
        onclick: () => this.open(at),
      },
      token.t.replaceAll("\n", "↵"),
    );
    return [button, token.t.replace(/[^\n]/g, "")]; // a button keeps its line's ends to itself
  }

  /** Show what else could have stood here; choosing one cuts the text there and takes it. */
  open(at) {
    const token = this.tokens[at];
    const row = (rival) => {
      const inside = [
        chip(rival),
        h("span", { class: "lmk-bar", "aria-hidden": "true", style: `--share:${rival.p}` }),
        h("span", { class: "lmk-share" }, percent(rival.p)),
      ];
      const label = `Take ${quoted(rival.t)}, ${percent(rival.p)}`;
      return h(
        "li",
        {},
        this.live
          ? h(
              "button",
              {
                type: "button",
                class: "lmk-row",
                "aria-label": label,
                onclick: () => this.take(at, rival),
              },
              ...inside,
            )
          : h("span", { class: "lmk-row" }, ...inside),
      );
    };
    this.halt();
    this.rivals.replaceChildren(h("ol", { class: "lmk-bars" }, ...token.top.map(row)));
    this.frame.say(this.live ? readingAt(token) : readingAt(token).replace(/ Choose.*$/, ""));
  }

  take(at, rival) {
    const top = this.tokens[at].top;
    this.tokens = [...this.tokens.slice(0, at), { ...rival, top }];
    this.ended = false;
    this.draws = this.drawsFrom(this.tokens.length);
    this.paint();
    this.text.querySelector(".lmk-token:last-of-type")?.focus();
  }

  whole() {
    return this.text.firstChild.textContent + this.tokens.map(({ t }) => t).join("");
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.whole());
      this.frame.say("The text is copied.");
    } catch {
      this.frame.say("The browser does not let this page copy: select the text instead.");
    }
  }

  rows() {
    const lines = this.tokens.map(({ t, p, top }) => [visible(t), percent(p), visible(top[0].t)]);
    return [
      "Each token that was written, its probability, and the model's first guess",
      ["token", "probability", "first guess"],
      lines,
    ];
  }

  data() {
    const rows = this.tokens.map(({ t, i, p, top }) => [t, i, p, top[0].t]);
    download(
      "generated.csv",
      csv([["token", "id", "probability", "first guess"], ...rows]),
      "text/csv",
    );
  }

  close() {
    this.halt();
    this.stop();
    this.origin.close();
  }
}

const render = (host) => present(View, host);

export default { render };

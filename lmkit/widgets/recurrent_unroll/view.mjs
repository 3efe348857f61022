// RecurrentUnroll: what does a recurrent network carry from token to token? (chapter 5)
//
// Of each network are stored: `arrays`, by name, T × units numbers as signed bytes (127 is `most`),
// which `units` of how many, slow ones first, and what it expects after each token.
import { unpacked } from "../../kit/bytes.mjs";
import { choice, labelled } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { frame, toolButton } from "../../kit/frame.mjs";
import { update, watch } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number, percent } from "../../kit/numbers.mjs";
import { chip, quoted } from "../../kit/tokens.mjs";
import { inkSigned, onTheme } from "../../kit/chart.mjs";

/** Numbers of an array: rows are steps, columns units. */
export function decode({ most, data }, n) {
  const bytes = unpacked(data, Int8Array);
  const width = bytes.length / n;
  return Array.from({ length: n }, (_, t) =>
    Array.from(bytes.subarray(t * width, (t + 1) * width), (b) => (b / 127) * most),
  );
}

const LABELS = {
  h: "hidden state h",
  c: "cell c",
  f: "forget gate f",
  i: "input gate i",
  o: "output gate o",
  g: "candidate g",
  z: "update gate z",
  r: "reset gate r",
  n: "candidate n",
};
/** The names of arrays in the order in which they are shown: states first, then gates. */
const order = (arrays) => [
  ...Object.keys(LABELS).filter((key) => arrays[key]),
  ...Object.keys(arrays).filter((key) => !LABELS[key]),
];
const SIGNED = ["h", "c", "g", "n"]; // the others are gates, from 0 to 1
const KEEPERS = { f: "forget gate keeps", z: "update gate keeps" };

/** What happens at a step, in a sentence. */
export function reading(tokens, { name, arrays, expected }, step) {
  const mean = (row, of = (x) => x) => row.reduce((sum, x) => sum + of(x), 0) / row.length;
  const now = arrays.h[step];
  const before = arrays.h[step - 1] ?? now.map(() => 0);
  const moved = mean(
    now.map((x, k) => x - before[k]),
    Math.abs,
  );
  const parts = [
    `Step ${step + 1} of ${tokens.length}: the ${name} reads ${quoted(tokens[step])}, and its units move by ${number(moved)} on average.`,
  ];
  for (const [key, words] of Object.entries(KEEPERS))
    if (arrays[key])
      parts.push(`On average its ${words} ${percent(mean(arrays[key][step]))} of what was there.`);
  const guess = expected[step]?.[0];
  const came = tokens[step + 1] === undefined ? "" : `; ${quoted(tokens[step + 1])} comes`;
  if (guess) parts.push(`It expects ${quoted(guess[0])}, with ${percent(guess[1])}${came}.`);
  return parts.join(" ");
}

/** The column and the row of a map at which a pointer is. */
export function cellAt({ clientX, clientY }, { left, top, width, height }, rows) {
  const at = (share, n) => Math.min(n - 1, Math.max(0, Math.floor(share * n)));
  return [at((clientX - left) / width, rows.length), at((clientY - top) / height, rows[0].length)];
}

const KEYS =
  "Left and right arrows, also on the tokens, go a step back or forward; Home and End go to the first and the last.";

const ink = (name) =>
  h("span", {
    class: "lmk-unroll-ink",
    style: `background:var(--lm-${name})`,
    role: "img",
    "aria-label": name === "pos" ? "blue" : "orange",
  });

class View {
  static link = {
    network: (name, model) => model.get("networks").some((one) => one.name === name),
    step: (step, model) => fits.count(model.get("tokens").length - 1)(step),
  };

  constructor(model) {
    this.model = model;
    this.frame = frame({
      title: "What does a recurrent network carry from token to token?",
      menu: [["Download data (CSV)", () => this.data()]],
      keys: KEYS,
      rows: () => this.rows(),
    });
    const tokens = model.get("tokens");
    this.all = Object.fromEntries(
      model.get("networks").map((one) => {
        const arrays = Object.fromEntries(
          Object.entries(one.arrays).map(([key, packed]) => [key, decode(packed, tokens.length)]),
        );
        return [one.name, { ...one, arrays }];
      }),
    );
    this.controls();
    this.tokens = h("div", {
      class: "lmk-unroll-tokens",
      role: "group",
      "aria-label": "Tokens, in the order in which they are read",
      onkeydown: (event) => this.move(event),
    });
    this.maps = h("div", { class: "lmk-unroll-maps" });
    this.guesses = h("ol", { class: "lmk-bars" });
    const key = h(
      "p",
      { class: "lmk-hint lmk-unroll-key" },
      "A row is a unit; those that move least are on top. Colours: ",
      ink("pos"),
      " above 0, ",
      ink("neg"),
      " below 0, fuller for larger numbers. Point at a cell to read it, click to go to its step.",
    );
    this.frame.view.append(this.tokens, this.maps, key, this.guesses);
    this.stop = watch(model, ["network", "step"], () => this.show());
    this.stopThemes = onTheme(() => this.show());
    this.show();
  }

  controls() {
    const { model } = this;
    this.network = choice(
      Object.keys(this.all).map((name) => [name, name]),
      "",
      (network) => update(model, { network }),
    );
    this.slider = h("input", {
      type: "range",
      min: 0,
      max: model.get("tokens").length - 1,
      step: 1,
      oninput: () => this.go(this.slider.valueAsNumber),
    });
    this.back = toolButton("◀", "A step back", () => this.go(this.step() - 1));
    this.forth = toolButton("▶", "A step forward", () => this.go(this.step() + 1));
    const steps = h(
      "span",
      { class: "lmk-field" },
      this.back,
      labelled("Step", this.slider),
      this.forth,
    );
    this.frame.controls.append(labelled("Network", this.network), steps);
  }

  step() {
    return Math.min(this.model.get("step"), this.model.get("tokens").length - 1);
  }

  go(step) {
    const last = this.model.get("tokens").length - 1;
    update(this.model, { step: Math.min(last, Math.max(0, step)) });
  }

  one() {
    return this.all[this.model.get("network")] ?? Object.values(this.all)[0];
  }

  show() {
    const [one, step, tokens] = [this.one(), this.step(), this.model.get("tokens")];
    this.network.value = one.name;
    this.slider.value = step;
    this.slider.setAttribute("aria-valuetext", `step ${step + 1}, ${tokens[step]}`);
    [this.back.disabled, this.forth.disabled] = [step === 0, step === tokens.length - 1];
    const held = this.tokens.contains(document.activeElement);
    this.tokens.replaceChildren(...tokens.map((token, k) => this.tokenButton(token, k, step)));
    if (held) this.tokens.children[step].focus();
    this.maps.replaceChildren(
      ...order(one.arrays).map((key) => this.map(key, one.arrays[key], step)),
    );
    this.guesses.replaceChildren(
      ...(one.expected[step] ?? []).map(([text, p]) => this.guess(text, p)),
    );
    const known = this.model.get("model_name");
    this.frame.source.textContent = `${known ? `${known} · ` : ""}stored with the chapter · the ${one.units.length} of ${one.of} units whose h varies most`;
    this.frame.say(reading(tokens, one, step));
  }

  tokenButton(token, k, step) {
    const chosen = k === step;
    const face = `lmk-chip${chosen ? " lmk-chosen" : ""}${k > step ? " lmk-stale" : ""}`;
    return chip({ t: token }, "button", {
      class: face,
      tabindex: chosen ? 0 : -1,
      "aria-pressed": String(chosen),
      onclick: () => this.go(k),
    });
  }

  /** A heat map: a column a token that was read, a row a unit; blue above 0, orange below. */
  map(key, rows, step) {
    const canvas = h("canvas", {
      width: rows.length,
      height: rows[0].length,
      role: "img",
      "aria-label": `${LABELS[key] ?? key}: a column a token, a row a unit`,
    });
    const most = Math.max(1, ...rows.flat().map(Math.abs));
    requestAnimationFrame(() => inkSigned(canvas, rows.slice(0, step + 1), most));
    const mark = h("span", {
      class: "lmk-unroll-mark",
      style: `left:${(100 * step) / rows.length}%;width:${100 / rows.length}%`,
    });
    const top = Number(most.toPrecision(2));
    const range = SIGNED.includes(key) ? `−${top} to ${top}` : "0 to 1";
    const caption = h("figcaption", {}, `${LABELS[key] ?? key}, ${range}`);
    const [said, place] = [
      caption.textContent,
      (event) => cellAt(event, canvas.getBoundingClientRect(), rows),
    ];
    const onpointermove = (event) => {
      const [t, k] = place(event);
      caption.textContent =
        t > step
          ? said
          : `${key} of unit ${this.one().units[k]} at ${quoted(this.model.get("tokens")[t])}: ${number(rows[t][k])}`;
    };
    const onpointerleave = () => (caption.textContent = said);
    const box = h(
      "div",
      { onclick: (event) => this.go(place(event)[0]), onpointermove, onpointerleave },
      canvas,
      mark,
    );
    return h("figure", { class: "lmk-unroll-map" }, box, caption);
  }

  guess(text, p) {
    return h(
      "li",
      {},
      h(
        "div",
        { class: "lmk-row" },
        chip({ t: text }),
        h("span", { class: "lmk-bar", style: `--share:${p}` }),
        h("span", { class: "lmk-share" }, percent(p)),
      ),
    );
  }

  rows() {
    const [one, tokens] = [this.one(), this.model.get("tokens")];
    const mean = (row) => number(row.reduce((sum, x) => sum + Math.abs(x), 0) / row.length);
    const keys = order(one.arrays);
    const lines = tokens.map((token, t) => [
      token,
      ...keys.map((key) => mean(one.arrays[key][t])),
      one.expected[t]?.[0]
        ? `${quoted(one.expected[t][0][0])} ${percent(one.expected[t][0][1])}`
        : "–",
    ]);
    return ["Mean size over the units shown", ["token", ...keys, "expected"], lines];
  }

  move(event) {
    const last = this.model.get("tokens").length - 1;
    const to = { ArrowRight: this.step() + 1, ArrowLeft: this.step() - 1, Home: 0, End: last }[
      event.key
    ];
    if (to === undefined) return;
    event.preventDefault();
    this.go(to);
  }

  close() {
    this.stop();
    this.stopThemes();
  }

  data() {
    const [one, tokens] = [this.one(), this.model.get("tokens")];
    const lines = Object.entries(one.arrays).flatMap(([key, rows]) =>
      rows.flatMap((row, t) =>
        row.map((x, k) => [one.name, key, t, tokens[t], one.units[k], Number(x.toFixed(3))]),
      ),
    );
    download(
      "recurrent.csv",
      csv([["network", "array", "step", "token", "unit", "value"], ...lines]),
      "text/csv",
    );
  }
}

const render = (host) => present(View, host);

export default { render };

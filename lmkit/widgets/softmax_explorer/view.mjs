// SoftmaxExplorer: how do three scores become probabilities? (chapter 4)
import { dial, slider } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { Figure, present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { update } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number, percent } from "../../kit/numbers.mjs";
import { barsSvg, colours } from "../../kit/picture.mjs";
import { softmax } from "../../kit/sampling.mjs";
import { chip, quoted } from "../../kit/tokens.mjs";

/**
 * A word's score after the constant, its power (NaN at temperature 0, where there is none), its share.
 * @typedef {{z: number, power: number, p: number}} Row
 * @typedef {[words: string[], logits: number[], shift: number, temperature: number]} State
 * @typedef {ReturnType<View["word"]>} Word
 */

export const GREATEST = 5;
export const TEMPERATURES = [0, 0.2, 0.5, 0.7, 1, 1.5, 2, 3, 5];

/**
 * What is shown of each word.
 * @param {number[]} logits
 * @returns {Row[]}
 */
export function rows(logits, shift = 0, temperature = 1) {
  const scores = logits.map((z) => z + shift);
  const shares = softmax(scores, temperature);
  return scores.map((z, i) => ({
    z,
    power: temperature ? Math.exp(z / temperature) : NaN,
    p: shares[i],
  }));
}

/** A logit as it is said: two decimals and a real minus. @param {number} z */
export const score = (z) => (Math.abs(z) < 0.005 ? "0.00" : z.toFixed(2).replace("-", "−"));

/** The sum of the powers. @param {Row[]} shown */
const total = (shown) => shown.reduce((sum, { power }) => sum + power, 0);

/**
 * What there is to see, in a sentence; the newest touch decides what it speaks of.
 * @param {string[]} words
 * @param {number[]} logits
 * @param {number} shift
 * @param {number} temperature
 */
export function reading(words, logits, shift, temperature, touched = "") {
  const shown = rows(logits, shift, temperature);
  const best = shown.reduce((top, row, i) => (row.p > shown[top].p ? i : top), 0);
  const { power, p } = shown[best];
  const word = quoted(words[best]);
  const equals = logits.filter((z) => z === logits[best]).length;
  if (temperature === 0) return atZero(word, equals > 1);
  if (equals === words.length)
    return `All logits are equal, so each word has 1/${equals} = ${percent(p)} at any temperature: only differences count.`;
  if (touched === "shift" && shift) return afterShift(shift, temperature);
  if (touched === "temperature" && temperature !== 1) return afterTemperature(temperature, word, p);
  return `${word} has ${number(power)} of a sum of ${number(total(shown))}: ${percent(p)}. A logit that is 1 greater than another has ${number(Math.exp(1 / temperature))} times its probability.`;
}

/** @param {string} word @param {boolean} isTied */
const atZero = (word, isTied) =>
  isTied
    ? `Temperature 0 is the limit: of the greatest logits the first, that of ${word}, takes everything.`
    : `Temperature 0 is the limit: ${word} has the greatest logit and takes everything.`;

/** @param {number} shift @param {number} temperature */
const afterShift = (shift, temperature) =>
  `${score(shift)} added to every logit: each power and their sum are multiplied by ${number(Math.exp(shift / temperature))}, so no probability changes.`;

/** @param {number} temperature @param {string} word @param {number} p */
function afterTemperature(temperature, word, p) {
  const effect = temperature < 1 ? "the greatest gains" : "the shares come closer to each other";
  return `Temperature ${temperature} divides the differences between logits by ${temperature}: ${effect}. ${word} has ${percent(p)}.`;
}

const KEYS =
  "Tab goes from slider to slider; left and right arrows move one, Home and End take it to its ends.";
const REACH = { min: -GREATEST, max: GREATEST, step: 0.1 };

class View extends Figure {
  /** @type {import("../../kit/links.mjs").Link} */
  static link = {
    logits: (z, model) =>
      Array.isArray(z) &&
      z.length === model.get("words").length &&
      z.every(fits.amount(-GREATEST, GREATEST)),
    shift: fits.amount(-GREATEST, GREATEST),
    temperature: fits.oneOf(TEMPERATURES),
  };

  /** @param {import("../../kit/host.mjs").Model} model */
  constructor(model) {
    super(model, {
      title: "How do scores become probabilities?",
      menu: [
        ["Download picture (SVG)", () => this.picture()],
        ["Download data (CSV)", () => this.data()],
      ],
      rows: () => this.rows(),
      keys: KEYS,
    });
    this.touched = ""; // the trait that a slider has changed last
    this.words = this.state()[0].map((word, i) => this.word(word, i));
    this.sum = h("p", { class: "lmk-powers" });
    this.shift = dial("Add to all logits", REACH, (z) => this.set("shift", z));
    this.stops = dial("Temperature", { max: TEMPERATURES.length - 1 }, (k) =>
      this.set("temperature", TEMPERATURES[k]),
    );
    this.fill();
    this.watch(["logits", "shift", "temperature"], () => this.show());
    this.show();
  }

  fill() {
    const { controls, view, source } = this.frame;
    controls.append(this.shift.field, this.stops.field);
    view.append(h("ul", { class: "lmk-scores" }, ...this.words.map(({ row }) => row)), this.sum);
    source.textContent = "Computed here, by the softmax of this chapter.";
  }

  /** A word's chip, slider, numbers and bar. @param {string} word @param {number} i */
  word(word, i) {
    const input = slider(REACH, (z) => this.set("logits", this.model.get("logits").with(i, z)));
    input.setAttribute("aria-label", `Logit of ${word}`);
    const [z, power, share] = ["lmk-z", "lmk-power", "lmk-share"].map((name) =>
      h("span", { class: name }),
    );
    const bar = h("span", { class: "lmk-bar", "aria-hidden": "true" });
    const row = h("li", { class: "lmk-score" }, chip({ t: word }), input, z, power, bar, share);
    return { row, input, z, power, bar, share };
  }

  /** @param {string} name @param {any} value */
  set(name, value) {
    this.touched = name;
    update(this.model, { [name]: value });
  }

  /** @returns {State} */
  state() {
    const { model } = this;
    return [model.get("words"), model.get("logits"), model.get("shift"), model.get("temperature")];
  }

  show() {
    const [words, logits, shift, temperature] = this.state();
    const shown = rows(logits, shift, temperature);
    shown.forEach((row, i) => {
      showWord(this.words[i], logits[i], row);
    });
    this.sum.textContent = temperature
      ? `The powers sum to ${number(total(shown))}; each is divided by it.`
      : "At temperature 0 nothing is divided: the greatest takes all.";
    this.sync(shift, temperature);
    this.frame.say(reading(words, logits, shift, temperature, this.touched));
  }

  /** @param {number} shift @param {number} temperature */
  sync(shift, temperature) {
    this.shift.input.value = String(shift);
    this.shift.output.textContent = score(shift);
    const { input, output } = this.stops;
    input.value = String(TEMPERATURES.indexOf(temperature));
    output.textContent = temperature ? String(temperature) : "0 (greedy)";
    input.setAttribute("aria-valuetext", `temperature ${output.textContent}`);
  }

  /** @returns {import("../../kit/table.mjs").TableSpec} */
  rows() {
    const [words, ...numbers] = this.state();
    const lines = rows(...numbers).map(({ z, power, p }, i) => [
      words[i],
      score(z),
      Number.isNaN(power) ? "–" : number(power),
      percent(p),
    ]);
    return ["Softmax", ["word", "logit z", "e^(z/τ)", "probability"], lines];
  }

  picture() {
    const [words, logits, shift, temperature] = this.state();
    const bars = rows(logits, shift, temperature).map(({ z, p }, i) => ({
      label: `${words[i]}, z = ${score(z)}`,
      share: p,
      text: percent(p),
    }));
    const title = `softmax at temperature ${temperature}`;
    download("softmax.svg", barsSvg(title, bars, colours(this.frame.box)), "image/svg+xml");
  }

  data() {
    const [words, logits, shift, temperature] = this.state();
    const head = ["word", "logit", "temperature", "probability"];
    const shown = rows(logits, shift, temperature);
    const lines = shown.map(({ z, p }, i) => [words[i], z, temperature, p]);
    download("softmax.csv", csv([head, ...lines]), "text/csv");
  }
}

/** @param {Word} word @param {number} logit @param {Row} row */
function showWord({ input, z, power, bar, share }, logit, row) {
  input.value = String(logit);
  input.setAttribute("aria-valuetext", `${score(logit)}, probability ${percent(row.p)}`);
  z.textContent = `z = ${score(row.z)}`;
  const raised = ["e", h("sup", {}, "z/τ"), ` = ${number(row.power)}`];
  power.replaceChildren(...(Number.isNaN(row.power) ? ["–"] : raised));
  bar.style.setProperty("--share", String(row.p));
  share.textContent = percent(row.p);
}

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

// SoftmaxExplorer: how do three scores become probabilities? (chapter 4)
import { labelled } from "../../kit/controls.mjs";
import { h } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { frame } from "../../kit/frame.mjs";
import { update, watch } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number, percent } from "../../kit/numbers.mjs";
import { barsSvg, colours } from "../../kit/picture.mjs";
import { softmax } from "../../kit/sampling.mjs";
import { chip, quoted } from "../../kit/tokens.mjs";

export const GREATEST = 5;
export const TEMPERATURES = [0, 0.2, 0.5, 0.7, 1, 1.5, 2, 3, 5];

/**
 * What is shown of each word: the score after the constant, its power, its share.
 * @returns {{z: number, power: number, p: number}[]} at temperature 0 there are no powers (NaN)
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

/** A logit as it is said: two decimals and a real minus. */
export const score = (z) => (Math.abs(z) < 0.005 ? "0.00" : z.toFixed(2).replace("-", "−"));

/** What there is to see, in a sentence; the newest touch decides what it speaks of. */
export function reading(words, logits, shift, temperature, touched = "") {
  const shown = rows(logits, shift, temperature);
  const best = shown.reduce((top, row, i) => (row.p > shown[top].p ? i : top), 0);
  const { power, p } = shown[best];
  if (logits.every((z) => z === logits[0]) && temperature)
    return `All logits are equal, so each word has 1/${words.length} = ${percent(p)} at any temperature: only differences count.`;
  if (temperature === 0 && logits.filter((z) => z === logits[best]).length > 1)
    return `Temperature 0 is the limit: of the greatest logits the first, that of ${quoted(words[best])}, takes everything.`;
  if (temperature === 0)
    return `Temperature 0 is the limit: ${quoted(words[best])} has the greatest logit and takes everything.`;
  if (touched === "shift" && shift)
    return `${score(shift)} added to every logit: each power and their sum are multiplied by ${number(Math.exp(shift / temperature))}, so no probability changes.`;
  if (touched === "temperature" && temperature !== 1)
    return `Temperature ${temperature} divides the differences between logits by ${temperature}: ${temperature < 1 ? "the greatest gains" : "the shares come closer to each other"}. ${quoted(words[best])} has ${percent(p)}.`;
  const sum = shown.reduce((total, row) => total + row.power, 0);
  return `${quoted(words[best])} has ${number(power)} of a sum of ${number(sum)}: ${percent(p)}. A logit that is 1 greater than another has ${number(Math.exp(1 / temperature))} times its probability.`;
}

const KEYS =
  "Tab goes from slider to slider; left and right arrows move one, Home and End take it to its ends.";

class View {
  static link = {
    logits: (z, model) =>
      Array.isArray(z) &&
      z.length === model.get("words").length &&
      z.every(fits.amount(-GREATEST, GREATEST)),
    shift: fits.amount(-GREATEST, GREATEST),
    temperature: fits.oneOf(TEMPERATURES),
  };

  constructor(model) {
    this.model = model;
    this.touched = "";
    this.frame = frame({
      title: "How do scores become probabilities?",
      menu: [
        ["Download picture (SVG)", () => this.picture()],
        ["Download data (CSV)", () => this.data()],
      ],
      rows: () => this.rows(),
      keys: KEYS,
    });
    this.words = model.get("words").map((word, i) => this.word(word, i));
    this.list = h("ul", { class: "lmk-scores" }, ...this.words.map(({ row }) => row));
    this.sum = h("p", { class: "lmk-powers" });
    this.frame.view.append(this.list, this.sum);
    this.controls();
    this.frame.source.textContent = "Computed here, by the softmax of this chapter.";
    this.stop = watch(model, ["logits", "shift", "temperature"], () => this.show());
    this.show();
  }

  /** A word's chip, slider, numbers and bar. */
  word(word, i) {
    const slider = h("input", {
      type: "range",
      min: -GREATEST,
      max: GREATEST,
      step: 0.1,
      "aria-label": `Logit of ${word}`,
    });
    slider.addEventListener("input", () =>
      this.set(
        "logits",
        this.model.get("logits").map((z, k) => (k === i ? Number(slider.value) : z)),
      ),
    );
    const [z, power, share] = ["lmk-z", "lmk-power", "lmk-share"].map((name) =>
      h("span", { class: name }),
    );
    const bar = h("span", { class: "lmk-bar", "aria-hidden": "true" });
    const row = h("li", { class: "lmk-score" }, chip({ t: word }), slider, z, power, bar, share);
    return { row, slider, z, power, bar, share };
  }

  controls() {
    this.shift = h("input", {
      type: "range",
      min: -GREATEST,
      max: GREATEST,
      step: 0.1,
      oninput: () => this.set("shift", Number(this.shift.value)),
    });
    this.added = h("output", {});
    this.stops = h("input", {
      type: "range",
      min: 0,
      max: TEMPERATURES.length - 1,
      step: 1,
      oninput: () => this.set("temperature", TEMPERATURES[this.stops.value]),
    });
    this.degree = h("output", {});
    this.frame.controls.append(
      labelled("Add to all logits", this.shift, this.added),
      labelled("Temperature", this.stops, this.degree),
    );
  }

  set(name, value) {
    this.touched = name;
    update(this.model, { [name]: value });
  }

  state() {
    return ["words", "logits", "shift", "temperature"].map((name) => this.model.get(name));
  }

  show() {
    const [words, logits, shift, temperature] = this.state();
    const shown = rows(logits, shift, temperature);
    shown.forEach((row, i) => this.showWord(this.words[i], logits[i], row));
    const sum = shown.reduce((total, { power }) => total + power, 0);
    this.sum.textContent = temperature
      ? `The powers sum to ${number(sum)}; each is divided by it.`
      : "At temperature 0 nothing is divided: the greatest takes all.";
    this.sync(shift, temperature);
    this.frame.say(reading(words, logits, shift, temperature, this.touched));
  }

  showWord({ slider, z, power, bar, share }, logit, row) {
    slider.value = logit;
    slider.setAttribute("aria-valuetext", `${score(logit)}, probability ${percent(row.p)}`);
    z.textContent = `z = ${score(row.z)}`;
    power.replaceChildren(
      ...(Number.isNaN(row.power) ? ["–"] : ["e", h("sup", {}, "z/τ"), ` = ${number(row.power)}`]),
    );
    bar.style.setProperty("--share", row.p);
    share.textContent = percent(row.p);
  }

  sync(shift, temperature) {
    this.shift.value = shift;
    this.added.textContent = score(shift);
    this.stops.value = TEMPERATURES.indexOf(temperature);
    this.degree.textContent = temperature ? String(temperature) : "0 (greedy)";
    this.stops.setAttribute("aria-valuetext", `temperature ${this.degree.textContent}`);
  }

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

  close() {
    this.stop();
  }

  picture() {
    const [words, logits, shift, temperature] = this.state();
    const bars = rows(logits, shift, temperature).map(({ z, p }, i) => ({
      label: `${words[i]}, z = ${score(z)}`,
      share: p,
      text: percent(p),
    }));
    download(
      "softmax.svg",
      barsSvg(`softmax at temperature ${temperature}`, bars, colours(this.frame.box)),
      "image/svg+xml",
    );
  }

  data() {
    const [words, logits, shift, temperature] = this.state();
    const lines = rows(logits, shift, temperature).map(({ z, p }, i) => [
      words[i],
      z,
      temperature,
      p,
    ]);
    download(
      "softmax.csv",
      csv([["word", "logit", "temperature", "probability"], ...lines]),
      "text/csv",
    );
  }
}

const render = (host) => present(View, host);

export default { render };

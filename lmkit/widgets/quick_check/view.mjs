// QuickCheck: one question whose answer can be checked, and why a wrong one is wrong.
import { choice } from "../../kit/controls.mjs";
import { freshId, h } from "../../kit/dom.mjs";
import { Figure, present } from "../../kit/figure.mjs";
import { ask } from "../../kit/host.mjs";
import { number } from "../../kit/numbers.mjs";
import { random } from "../../kit/sampling.mjs";

/**
 * @typedef {{text: string, why: string, right?: boolean}} Option
 * @typedef {{answer: number, why: string}} Mistake a wrong number that is known
 * @typedef {{kind: "choice", question: string, choices: Option[]}} ChoiceQuestion
 * @typedef {{kind: "number", question: string, answer: number, tolerance: number, unit?: string,
 *   why: string, wrong: Mistake[]}} NumberQuestion
 * @typedef {{kind: "order", question: string, items: string[], why: string,
 *   reasons?: string[]}} OrderQuestion
 *
 * @typedef {{right?: boolean, why: string}} Verdict
 *
 * @typedef {object} Field where a question is answered
 * @property {HTMLElement} element
 * @property {string} hint what to do when nothing is given
 * @property {() => string} given the answer as text, to be kept
 * @property {(given: string) => Verdict} judge
 * @property {(text: string) => void} restore an answer that was kept
 *
 * @typedef {(said?: string) => void} Forget takes a verdict away: it speaks of another answer
 */

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/**
 * Read a number as people write it: 1,5 and 1.5, thin spaces, %, × 10^-3, × 10⁻³, 1e-3; null if it
 * is none.
 * @param {string} text
 */
export function readNumber(text) {
  const digits = text.replace(/[⁰¹²³⁴-⁹]/g, (c) => String(RAISED.indexOf(c))).replace(/[−⁻]/g, "-");
  const plain = digits.replace(/[\s\u2009\u202f]/g, "").replace(/^(-?\d+),(\d+)$/, "$1.$2");
  const power = plain.replace(/[×x*]10\^?(-?\d+)$/i, "e$1");
  const share = power.endsWith("%");
  const bare = share ? power.slice(0, -1) : power;
  if (!/^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(bare)) return null;
  return share ? Number(bare) / 100 : Number(bare);
}

/**
 * What to say to a number.
 * @param {Pick<NumberQuestion, "answer" | "tolerance" | "why" | "wrong">} question
 * @param {number} value
 * @returns {Verdict}
 */
export function judgeNumber({ answer, tolerance, why, wrong }, value) {
  /** @param {number} target @param {number} margin */
  const near = (target, margin) => Math.abs(value - target) <= margin + 1e-12;
  if (near(answer, tolerance)) return { right: true, why };
  const known = wrong.find((other) =>
    near(other.answer, Math.max(tolerance, Math.abs(other.answer) * 0.01)),
  );
  const side = value < answer ? "smaller" : "greater";
  const otherwise = `The number is not ${number(value)}: yours is ${side} than it should be.`;
  return { right: false, why: known?.why ?? otherwise };
}

/**
 * The items in an order that is never the right one, the same for each question at each visit.
 * @param {string[]} items
 * @param {string} name of the question
 */
export function shuffled(items, name) {
  const next = random([...name].reduce((sum, c) => (sum * 31 + (c.codePointAt(0) ?? 0)) >>> 0, 7));
  const order = items.map((_, k) => k);
  for (let k = order.length - 1; k > 0; k--) {
    const other = Math.floor(next() * (k + 1));
    [order[k], order[other]] = [order[other], order[k]];
  }
  return order.every((item, k) => item === k) ? [...order.slice(1), order[0]] : order;
}

/**
 * What to say to an order of places: where it first goes wrong, and what the item there waits for.
 * @param {Pick<OrderQuestion, "items" | "why" | "reasons">} question
 * @param {number[]} order
 * @returns {Verdict}
 */
export function judgeOrder({ items, why, reasons = [] }, order) {
  const at = order.findIndex((item, k) => item !== k);
  if (at < 0) return { right: true, why };
  const before = at ? `The first ${at === 1 ? "is" : `${at} are`} in place. ` : "";
  const later = `${before}“${items[order[at]]}” comes later than place ${at + 1}.`;
  return { right: false, why: [later, reasons[order[at] - 1]].filter(Boolean).join(" ") };
}

class View extends Figure {
  seen = ""; // what is known to be kept

  /** @param {import("../../kit/host.mjs").Model} model */
  constructor(model) {
    super(model, { title: model.get("question").question });
    this.field = this.makeField();
    const button = h("button", { type: "button", onclick: () => this.check() }, "Check");
    this.frame.view.append(this.field.element, h("div", { class: "lmk-controls" }, button));
    this.start();
  }

  /** The field of this kind of question; the question, which is the figure's title, names it. */
  makeField() {
    const question = this.model.get("question");
    const title = { "aria-labelledby": this.frame.box.getAttribute("aria-labelledby") };
    /** @type {Forget} */
    const forget = (said = "") => this.forget(said);
    if (question.kind === "choice") return choices(question, title, forget);
    if (question.kind === "number") return numberField(question, title, forget, () => this.check());
    return new Order(question, title, forget, this.model.get("name"));
  }

  /**
   * A verdict speaks of the answer that was checked: another answer takes it away.
   * @param {string} said
   */
  forget(said) {
    delete this.frame.box.dataset.verdict;
    this.frame.say(said);
  }

  check() {
    const given = this.field.given();
    if (given === "") {
      this.frame.say(this.field.hint);
      return;
    }
    const { right, why } = this.field.judge(given);
    this.frame.box.dataset.verdict = right ? "right" : "wrong";
    this.frame.say(`${right ? "Right." : "Not yet."} ${why}`);
    this.keep(given);
  }

  /**
   * What was answered stays on the reader's own machine; if it cannot, no harm is done.
   * @param {string} text
   */
  async keep(text) {
    const id = this.model.get("name");
    try {
      await ask(this.model, { kind: "answers.save", id, text, ticks: [], seen: this.seen });
      this.seen = text;
    } catch {
      // nothing to save to: the check itself has been answered
    }
  }

  async start() {
    try {
      const { record } = await ask(this.model, {
        kind: "answers.read",
        id: this.model.get("name"),
      });
      this.seen = record?.text ?? "";
      if (this.seen) this.field.restore(this.seen);
    } catch {
      // nothing is kept here
    }
  }
}

/**
 * @param {ChoiceQuestion} question
 * @param {object} title
 * @param {Forget} forget
 * @returns {Field}
 */
function choices({ choices }, title, forget) {
  const name = freshId("lmkit-choice");
  const inputs = choices.map((_, k) =>
    h("input", { type: "radio", name, value: k, onchange: () => forget() }),
  );
  const rows = choices.map(({ text }, k) =>
    h("label", { class: "lmk-point" }, inputs[k], h("span", {}, text)),
  );
  return {
    element: h("div", { role: "radiogroup", ...title }, ...rows),
    hint: "Choose one first.",
    given: () => inputs.find((input) => input.checked)?.value ?? "",
    judge: (given) => choices[Number(given)],
    restore(text) {
      const input = inputs[Number(text)];
      if (input) input.checked = true;
    },
  };
}

/**
 * @param {NumberQuestion} question
 * @param {object} title
 * @param {Forget} forget
 * @param {() => void} check on Enter
 * @returns {Field}
 */
function numberField(question, title, forget, check) {
  const input = h("input", {
    type: "text",
    inputMode: "decimal",
    autocomplete: "off",
    size: 12,
    ...title,
    oninput: () => forget(),
    onkeydown: (/** @type {KeyboardEvent} */ { key }) => {
      if (key === "Enter") check();
    },
  });
  return {
    element: h("div", {}, input, question.unit ? ` ${question.unit}` : ""),
    hint: "Write a number first.",
    given: () => input.value.trim(),
    judge: (given) => judgeText(question, given),
    restore(text) {
      input.value = text;
    },
  };
}

/** @param {NumberQuestion} question @param {string} given @returns {Verdict} */
function judgeText(question, given) {
  const value = readNumber(given);
  return value === null
    ? { why: `“${given.slice(0, 40)}” is no number: write it like 0.25 or 2.5e-3.` }
    : judgeNumber(question, value);
}

/** A list to be put in order. @implements {Field} */
class Order {
  hint = ""; // some order is always given

  /**
   * @param {OrderQuestion} question
   * @param {object} title
   * @param {Forget} forget
   * @param {string} name of the question
   */
  constructor(question, title, forget, name) {
    this.question = question;
    this.forget = forget;
    this.order = shuffled(question.items, name);
    this.element = h("ol", { class: "lmk-order", ...title });
    this.paint();
  }

  given() {
    return this.order.join(" ");
  }

  judge() {
    return judgeOrder(this.question, this.order);
  }

  /** @param {string} text */
  restore(text) {
    const order = text.split(" ").map(Number);
    const sorted = [...order].sort((a, b) => a - b);
    if (sorted.join() !== [...this.question.items.keys()].join()) return;
    this.order = order;
    this.paint();
  }

  paint() {
    this.element.replaceChildren(...this.order.map((item, k) => this.row(item, k)));
  }

  /** @param {number} item @param {number} k its place */
  row(item, k) {
    const text = this.question.items[item];
    const places = choice(
      this.order.map((_, place) => [place, String(place + 1)]),
      k,
      (place) => this.move(k, Number(place)),
    );
    places.setAttribute("aria-label", `Place of: ${text}`);
    const buttons = [this.step(text, k, -1, "↑", "Earlier"), this.step(text, k, 1, "↓", "Later")];
    return h("li", { class: "lmk-point" }, places, ...buttons, h("span", {}, text));
  }

  /**
   * A button that moves an item by a place.
   * @param {string} text
   * @param {number} k
   * @param {number} by
   * @param {string} sign
   * @param {string} name
   */
  step(text, k, by, sign, name) {
    const button = {
      type: "button",
      class: `lmk-${name}`,
      "aria-label": `${name}: ${text}`,
      disabled: !(k + by in this.order),
      onclick: () => this.move(k, k + by, name),
    };
    return h("button", button, sign);
  }

  /**
   * Move an item; what moved it keeps the focus, so that it can be moved on.
   * @param {number} from
   * @param {number} to
   * @param {string} [button] that moved it
   */
  move(from, to, button = "") {
    const [item] = this.order.splice(from, 1);
    this.order.splice(to, 0, item);
    this.paint();
    const row = this.element.children[to];
    /** @type {HTMLElement | null} */
    const again = row.querySelector(`.lmk-${button}:enabled`) ?? row.querySelector("select");
    again?.focus();
    this.forget(`“${this.question.items[item]}” is now at place ${to + 1}.`);
  }
}

/** @param {import("../../kit/figure.mjs").Host} host */
const render = (host) => present(View, host);

export default { render };

// QuickCheck: one question whose answer can be checked, and why a wrong one is wrong.
import { choice } from "../../kit/controls.mjs";
import { freshId, h } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { frame } from "../../kit/frame.mjs";
import { ask } from "../../kit/host.mjs";
import { number } from "../../kit/numbers.mjs";
import { random } from "../../kit/sampling.mjs";

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** Read a number as people write it: 1,5 and 1.5, thin spaces, %, × 10^-3, × 10⁻³, 1e-3; null if it is none. */
export function readNumber(text) {
  const digits = text.replace(/[⁰¹²³⁴-⁹]/g, (c) => RAISED.indexOf(c)).replace(/[−⁻]/g, "-");
  const plain = digits.replace(/[\s\u2009\u202f]/g, "").replace(/^(-?\d+),(\d+)$/, "$1.$2");
  const power = plain.replace(/[×x*]10\^?(-?\d+)$/i, "e$1");
  const share = power.endsWith("%");
  const bare = share ? power.slice(0, -1) : power;
  if (!/^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(bare)) return null;
  return share ? Number(bare) / 100 : Number(bare);
}

/** What to say to a number: `{right, why}`. */
export function judgeNumber({ answer, tolerance, why, wrong }, value) {
  const near = (target, margin) => Math.abs(value - target) <= margin + 1e-12;
  if (near(answer, tolerance)) return { right: true, why };
  const known = wrong.find((other) =>
    near(other.answer, Math.max(tolerance, Math.abs(other.answer) * 0.01)),
  );
  const side = value < answer ? "smaller" : "greater";
  return {
    right: false,
    why: known?.why ?? `The number is not ${number(value)}: yours is ${side} than it should be.`,
  };
}

/** The items in an order that is never the right one, the same for each question at each visit. */
export function shuffled(items, name) {
  const next = random([...name].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) >>> 0, 7));
  const order = items.map((_, k) => k);
  for (let k = order.length - 1; k > 0; k--) {
    const other = Math.floor(next() * (k + 1));
    [order[k], order[other]] = [order[other], order[k]];
  }
  return order.every((item, k) => item === k) ? [...order.slice(1), order[0]] : order;
}

/** What to say to an order of places: where it first goes wrong, and what the item there waits for. */
export function judgeOrder({ items, why, reasons = [] }, order) {
  const at = order.findIndex((item, k) => item !== k);
  if (at < 0) return { right: true, why };
  const before = at ? `The first ${at === 1 ? "is" : `${at} are`} in place. ` : "";
  const later = `${before}“${items[order[at]]}” comes later than place ${at + 1}.`;
  return { right: false, why: [later, reasons[order[at] - 1]].filter(Boolean).join(" ") };
}

class View {
  constructor(model) {
    this.model = model;
    this.data = model.get("question");
    this.frame = frame({ title: this.data.question });
    this.frame.box.classList.add("lmk-check");
    this.title = this.frame.box.getAttribute("aria-labelledby");
    const parts = {
      choice: () => this.choices(),
      number: () => this.field(),
      order: () => this.list(),
    };
    const button = h("button", { type: "button", onclick: () => this.check() }, "Check");
    this.frame.view.append(parts[this.data.kind](), h("div", { class: "lmk-controls" }, button));
    this.start();
  }

  /** What the question, which is the figure's title, is the name of. */
  asked(element) {
    element.setAttribute("aria-labelledby", this.title);
    return element;
  }

  choices() {
    const name = freshId("lmkit-choice");
    this.inputs = this.data.choices.map((_, k) =>
      h("input", { type: "radio", name, value: k, onchange: () => this.forget() }),
    );
    const rows = this.data.choices.map(({ text }, k) =>
      h("label", { class: "lmk-point" }, this.inputs[k], h("span", {}, text)),
    );
    return this.asked(h("div", { role: "radiogroup" }, ...rows));
  }

  field() {
    const onkeydown = (event) => event.key === "Enter" && this.check();
    this.input = this.asked(
      h("input", {
        type: "text",
        inputMode: "decimal",
        autocomplete: "off",
        size: 12,
        oninput: () => this.forget(),
        onkeydown,
      }),
    );
    return h("div", {}, this.input, this.data.unit ? ` ${this.data.unit}` : "");
  }

  list() {
    this.order = shuffled(this.data.items, this.model.get("name"));
    this.rows = this.asked(h("ol", { class: "lmk-order" }));
    this.paintOrder();
    return this.rows;
  }

  paintOrder() {
    const last = this.order.length - 1;
    const row = (item, k) => {
      const places = choice(
        this.order.map((_, place) => [place, String(place + 1)]),
        k,
        (place) => this.moveTo(k, Number(place)),
      );
      places.setAttribute("aria-label", `Place of: ${this.data.items[item]}`);
      const step = (by, sign, name) =>
        h(
          "button",
          {
            type: "button",
            class: `lmk-${name}`,
            "aria-label": `${name}: ${this.data.items[item]}`,
            disabled: k + by < 0 || k + by > last,
            onclick: () => this.moveTo(k, k + by, name),
          },
          sign,
        );
      return h(
        "li",
        { class: "lmk-point" },
        places,
        step(-1, "↑", "Earlier"),
        step(1, "↓", "Later"),
        h("span", {}, this.data.items[item]),
      );
    };
    this.rows.replaceChildren(...this.order.map(row));
  }

  /** Move an item; what moved it keeps the focus, so that it can be moved on. */
  moveTo(from, to, button = "") {
    const [item] = this.order.splice(from, 1);
    this.order.splice(to, 0, item);
    this.paintOrder();
    const row = this.rows.children[to];
    (row.querySelector(`.lmk-${button}:enabled`) ?? row.querySelector("select")).focus();
    this.forget(`“${this.data.items[item]}” is now at place ${to + 1}.`);
  }

  /** A verdict speaks of the answer that was checked: another answer takes it away. */
  forget(said = "") {
    delete this.frame.box.dataset.verdict;
    this.frame.say(said);
  }

  given() {
    if (this.data.kind === "choice") return this.inputs.find((input) => input.checked)?.value ?? "";
    return this.data.kind === "number" ? this.input.value.trim() : this.order.join(" ");
  }

  verdict(given) {
    const { kind, choices } = this.data;
    if (kind === "order") return judgeOrder(this.data, this.order);
    if (given === "") return null;
    if (kind === "choice") return choices[Number(given)];
    const value = readNumber(given);
    return value === null
      ? { why: `“${given.slice(0, 40)}” is no number: write it like 0.25 or 2.5e-3.` }
      : judgeNumber(this.data, value);
  }

  check() {
    const given = this.given();
    const said = this.verdict(given);
    if (!said)
      return this.frame.say(
        this.data.kind === "choice" ? "Choose one first." : "Write a number first.",
      );
    this.frame.box.dataset.verdict = said.right ? "right" : "wrong";
    this.frame.say(`${said.right ? "Right." : "Not yet."} ${said.why}`);
    this.keep(given);
  }

  /** What was answered stays on the reader's own machine; if it cannot, no harm is done. */
  async keep(text) {
    try {
      await ask(this.model, {
        kind: "answers.save",
        id: this.model.get("name"),
        text,
        ticks: [],
        seen: this.seen ?? "",
      });
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
      this.seen = record?.text;
      if (record?.text) this.restore(record.text);
    } catch {
      // nothing is kept here
    }
  }

  restore(text) {
    const { kind, items } = this.data;
    if (kind === "choice" && this.inputs[Number(text)]) this.inputs[Number(text)].checked = true;
    if (kind === "number") this.input.value = text;
    const order = text.split(" ").map(Number);
    if (
      kind === "order" &&
      [...order].sort((a, b) => a - b).join() === items.map((_, k) => k).join()
    ) {
      this.order = order;
      this.paintOrder();
    }
  }
}

const render = (host) => present(View, host);

export default { render };

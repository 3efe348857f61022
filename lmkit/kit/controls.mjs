// Native controls with their labels.
import { freshId, h } from "./dom.mjs";
import { number } from "./numbers.mjs";

/**
 * What a reading line adds when a text fills its field; nothing while there is room.
 * @param {string} text
 * @param {number} most
 */
export const whenFull = (text, most) =>
  text.length < most ? "" : ` The text may have ${number(most)} characters: no more is taken.`;

/**
 * A labelled control: `labelled("Temperature", input)`.
 * @param {string} text
 * @param {HTMLElement} control
 * @param {Node | null} [extra] what stands beside it
 */
export function labelled(text, control, extra = null) {
  control.id ||= freshId();
  const label = h("label", { htmlFor: control.id }, text);
  return h("span", { class: "lmk-field" }, label, control, extra);
}

/**
 * A `<select>` of [value, text] pairs.
 * @param {[value: string | number, text: string][]} options
 * @param {string | number} value
 * @param {(value: string) => void} onchange
 */
export function choice(options, value, onchange) {
  const select = h("select", { onchange: () => onchange(select.value) });
  select.append(...options.map(([key, text]) => h("option", { value: key }, text)));
  select.value = String(value);
  return select;
}

/**
 * A checkbox.
 * @param {(checked: boolean) => void} onchange
 */
export function checkbox(onchange) {
  const box = h("input", { type: "checkbox", onchange: () => onchange(box.checked) });
  return box;
}

/**
 * A slider over the places of a list, or from `min` to `max`.
 * @param {{min?: number, max: number, step?: number | string}} range
 * @param {(value: number) => void} oninput
 */
export function slider({ min = 0, max, step = 1 }, oninput) {
  const input = h("input", {
    type: "range",
    min,
    max,
    step,
    oninput: () => oninput(Number(input.value)),
  });
  return input;
}

/**
 * A slider with its name before it and room for its value behind it.
 * @param {string} name
 * @param {Parameters<typeof slider>[0]} range
 * @param {(value: number) => void} oninput
 */
export function dial(name, range, oninput) {
  const input = slider(range, oninput);
  const output = h("output", {});
  return { field: labelled(name, input, output), input, output };
}

/**
 * Where a reader gives a text: free to type where a model is at hand, else one of those stored.
 * `onchange` is called when the text has rested for a moment and on Enter, also with the same text.
 * @param {string} name
 * @param {string[]} texts
 * @param {boolean} free
 * @param {(text: string) => void} onchange
 * @returns {{field: HTMLElement, input: HTMLInputElement | HTMLSelectElement}}
 */
export function textField(name, texts, free, onchange) {
  const { input, extra } = free ? freeText(texts, onchange) : storedText(texts, onchange);
  const field = labelled(name, input, extra);
  field.classList.add("lmk-wide");
  return { field, input };
}

/** @param {string[]} texts @param {(text: string) => void} onchange */
function storedText(texts, onchange) {
  /** @type {[string, string][]} */
  const options = texts.map((text) => [text, text]);
  return { input: choice(options, texts[0], onchange), extra: null };
}

const REST = 400; // milliseconds without a key before a text is taken

/** @param {string[]} texts @param {(text: string) => void} onchange */
function freeText(texts, onchange) {
  let timer = 0;
  const settle = () => {
    clearTimeout(timer);
    onchange(input.value);
  };
  const extra = h("datalist", { id: freshId() }, ...texts.map((value) => h("option", { value })));
  const input = h("input", {
    type: "text",
    spellcheck: false,
    autocomplete: "off",
    list: extra.id,
    onchange: settle,
  });
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(settle, REST);
  });
  input.addEventListener("keydown", ({ key }) => {
    if (key === "Enter") settle();
  });
  return { input, extra };
}

/**
 * A box for a text of several lines; `onchange` is called when the text has rested for a moment, and
 * when the box is left. `cancel` drops what has not rested.
 * @param {string} name
 * @param {number} most characters
 * @param {number} rest milliseconds
 * @param {(text: string) => void} onchange
 */
export function textBox(name, most, rest, onchange) {
  let timer = 0;
  const cancel = () => clearTimeout(timer);
  const settle = () => {
    cancel();
    onchange(box.value);
  };
  const wait = () => {
    cancel();
    timer = window.setTimeout(settle, rest);
  };
  const given = { id: freshId(), rows: 2, spellcheck: false, maxLength: most };
  const box = h("textarea", { ...given, oninput: wait, onchange: settle });
  return { label: h("label", { htmlFor: box.id }, name), box, cancel };
}

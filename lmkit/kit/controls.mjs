// Native controls with their labels.
import { freshId, h } from "./dom.mjs";
import { number } from "./numbers.mjs";

/** What a reading line adds when a text fills its field; nothing while there is room. */
export const whenFull = (text, most) =>
  text.length < most ? "" : ` The text may have ${number(most)} characters: no more is taken.`;

/** A labelled control: `labelled("Temperature", input)`. */
export function labelled(text, control, extra = null) {
  control.id ||= freshId();
  return h(
    "span",
    { class: "lmk-field" },
    h("label", { htmlFor: control.id }, text),
    control,
    extra,
  );
}

/** A `<select>` of [value, text] pairs. */
export function choice(options, value, onchange) {
  const select = h("select", { onchange: () => onchange(select.value) });
  for (const [key, text] of options) select.append(h("option", { value: key }, text));
  select.value = value;
  return select;
}

/**
 * Where a reader gives a text: free to type where a model is at hand, else one of those stored.
 * `onchange` is called when the text has rested for a moment and on Enter, also with the same text.
 * @returns {{field: HTMLElement, input: HTMLInputElement | HTMLSelectElement}}
 */
export function textField(name, texts, free, onchange) {
  if (!free) {
    const input = choice(
      texts.map((text) => [text, text]),
      texts[0],
      onchange,
    );
    return { field: wide(labelled(name, input)), input };
  }
  let timer;
  const settle = () => (clearTimeout(timer), onchange(input.value));
  const wait = () => (clearTimeout(timer), (timer = setTimeout(settle, 400)));
  const onkeydown = (event) => event.key === "Enter" && settle();
  const examples = h(
    "datalist",
    { id: freshId() },
    ...texts.map((value) => h("option", { value })),
  );
  const input = h("input", {
    type: "text",
    spellcheck: false,
    autocomplete: "off",
    list: examples.id,
    oninput: wait,
    onchange: settle,
    onkeydown,
  });
  return { field: wide(labelled(name, input, examples)), input };
}

const wide = (field) => (field.classList.add("lmk-wide"), field);

// What the widgets share: numbers, sampling, the token's chip, the frame with its reading line.
// It imports nothing and, until a function is called, touches nothing.

// ---------------------------------------------------------------- elements

/** @typedef {string | Node | null | undefined | false} Child */

/**
 * Make an element. `on…` are listeners, `class` and whatever is no property become attributes.
 * Children that are strings become text, never HTML.
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...Child} children
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === false || value === null) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && !["list", "role", "class"].includes(key)) node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child || child === ""));
  return node;
}

/** Make an SVG element; children that are strings become text. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

let lastId = 0;
// In JupyterLab each widget brings a kit of its own, and their ids meet in one document.
const kitId = Math.random().toString(36).slice(2, 7);

/** An id that no other element of the page has, to tie a label to its control. */
export const freshId = (stem = "lmkit") => `${stem}-${kitId}-${(lastId += 1)}`;

// ----------------------------------------------------------------- numbers

/** The numbers of an array that is stored as base64 of its bytes, or comes as it is: `Of` is Uint8Array or Int8Array. */
export const unpacked = (data, Of = Uint8Array) => (typeof data === "string" ? new Of(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)).buffer) : data);

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** Three significant digits: 0.0171, 8.30, and 1.24 × 10⁻⁸ where a decimal would hide it. */
export function number(x, digits = 3) {
  if (x === 0) return "0";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : x < 0 ? "−∞" : "not a number";
  const size = Math.abs(x);
  if (size < 1e-3 || size >= 1e6) return scientific(x, digits);
  const whole = size >= 10 ** (digits - 1);
  return thousands(whole ? x.toFixed(0) : x.toPrecision(digits)).replace("-", "−");
}

/** 1.24 × 10⁻⁸ */
export function scientific(x, digits = 3) {
  const [mantissa, exponent] = x.toExponential(digits - 1).split("e");
  const power = String(Math.abs(Number(exponent))).replace(/\d/g, (d) => SUPERSCRIPTS[Number(d)]);
  return `${mantissa.replace("-", "−")} × 10${Number(exponent) < 0 ? "⁻" : ""}${power}`;
}

/** exp(log) in the same style, also where the number itself would underflow to zero. */
export function scientificFromLog(log, digits = 3) {
  if (log > -690) return number(Math.exp(log), digits);
  const log10 = log / Math.LN10;
  const exponent = Math.floor(log10);
  const mantissa = (10 ** (log10 - exponent)).toFixed(digits - 1);
  return `${mantissa} × 10⁻${String(-exponent).replace(/\d/g, (d) => SUPERSCRIPTS[Number(d)])}`;
}

/** A share of one: 99.5 %, 0.0062 %, and 100 % only where it is exactly one. */
export function percent(p) {
  if (p === 0) return "0 %";
  if (p >= 1) return "100 %";
  if (p > 0.9995) return "> 99.9 %";
  return p < 1e-5 ? `${scientific(100 * p, 2)} %` : `${(100 * p).toPrecision(3)} %`;
}

/** Thin spaces between thousands; from five digits on, as books do. */
export function thousands(text) {
  const [whole, rest] = text.split(".");
  const spaced = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, "\u2009") : whole;
  return rest === undefined ? spaced : `${spaced}.${rest}`;
}

/** Surprise in bits of something that had this probability: −log₂ p. */
export const bits = (p) => -Math.log2(p);

// ---------------------------------------------------------------- sampling

/** The greatest of many numbers; a spread into Math.max would overflow the stack. */
export const greatest = (numbers) => numbers.reduce((most, x) => (x > most ? x : most), -Infinity);

/** softmax(z / τ); at τ = 0 everything is on the greatest logit, the first of equals. */
export function softmax(logits, temperature = 1) {
  const top = greatest(logits);
  const first = logits.indexOf(top);
  if (temperature === 0) return logits.map((_, i) => (i === first ? 1 : 0));
  const weights = logits.map((z) => Math.exp((z - top) / temperature));
  const total = weights.reduce((sum, w) => sum + w, 0);
  return weights.map((w) => w / total);
}

/** Keep the k greatest logits, as transformers does: every logit below the k-th becomes −∞. */
export function filterTopK(logits, k) {
  if (!k || k >= logits.length) return logits;
  const least = Float64Array.from(logits).sort().at(-k);
  return logits.map((z) => (z < least ? -Infinity : z));
}

/** Keep the fewest probabilities, greatest first, whose sum reaches p; the others become 0. */
export function filterTopP(probabilities, p) {
  if (!p || p >= 1) return probabilities;
  // All that are smaller than this add up to less than 1 − p: none of them can be needed.
  const small = (1 - p) / probabilities.length;
  const order = [];
  probabilities.forEach((q, i) => q >= small && order.push(i));
  order.sort((a, b) => probabilities[b] - probabilities[a] || b - a);
  let sum = 0;
  const kept = new Set(order.filter((i) => sum < p && (sum += probabilities[i]) > 0));
  return probabilities.map((q, i) => (kept.has(i) ? q / sum : 0));
}

/** The first place at which the probabilities' sum exceeds u, a number drawn from [0, 1). */
export function draw(probabilities, u) {
  let sum = 0;
  const at = probabilities.findIndex((p) => (sum += p) > u);
  return at < 0 ? probabilities.findLastIndex((p) => p > 0) : at; // rounding left the sum below u
}

/** Random numbers from a seed, the same in every browser and in Python: mulberry32. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Temperature, then top-k, then top-p: the order of `transformers`, `lmkit` and this book. */
export function probabilities(logits, { temperature = 1, topK = 0, topP = 1 } = {}) {
  const all = softmax(temperature === 0 ? logits : filterTopK(logits, topK), temperature);
  return filterTopP(all, topP);
}

// ------------------------------------------------------------------ tokens

/** A token as the book shows it: · for its leading space, ↵ for a line's end. */
export const visible = (text) =>
  text.replace(/^ +/, (s) => "·".repeat(s.length)).replace(/\n/g, "↵").replace(/\t/g, "⇥") || "∅";

/** A token as a sentence quotes it. */
export const quoted = (text) => `“${text.replace(/\n/g, "↵").trim() || visible(text)}”`;

/**
 * The face of a token, the same in every widget.
 * @param {{t: string, i?: number}} token its text and its id
 * @param {string} [tag] "span", or "button" where it can be chosen
 */
export function chip(token, tag = "span", props = {}) {
  const id = token.i === undefined ? "" : `token ${token.i}`;
  const type = tag === "button" ? { type: "button" } : {};
  const node = h(tag, { class: "lmk-chip", title: id, ...type, ...props }, visible(token.t));
  node.dir = "auto";
  return node;
}

const isStart = ({ t }) => t === "<|endoftext|>";

/** A token as its chip shows it: that which every text begins with by a name of its own. */
export const face = (token) => (isStart(token) ? { ...token, t: "start" } : token);

/** A token as a sentence names it. */
export const named = (token) => (isStart(token) ? "the start" : quoted(token.t));

/** What a reading line adds when a text fills its field; nothing while there is room. */
export const whenFull = (text, most) => (text.length < most ? "" : ` The text may have ${number(most)} characters: no more is taken.`);

// ------------------------------------------------------------------- hosts

const waiting = new WeakMap();

/**
 * Ask for what the widget's state does not hold. A page without a kernel gives its model an
 * `ask` of its own; with a kernel the question travels to the Python class and back.
 * @returns {Promise<any>} the answer; it rejects with an Error whose message is a sentence
 */
export function ask(model, request) {
  if (model.ask) return model.ask(request);
  return new Promise((resolve, reject) => {
    const id = freshId("ask");
    pending(model).set(id, { resolve, reject });
    setTimeout(() => settle(pending(model), { id, error: SILENT }), PATIENCE);
    model.send({ id, request });
  });
}

const PATIENCE = 60_000;
const SILENT = "The kernel has not answered for a minute: it is busy or gone. Restart it and run the notebook again.";

/** Whether anybody can answer requests of this kind here. */
export const canAsk = (model, kind) => (model.ask ? Boolean(model.can?.(kind)) : true);

function pending(model) {
  if (!waiting.has(model)) {
    waiting.set(model, new Map());
    model.on("msg:custom", (message) => settle(waiting.get(model), message));
  }
  return waiting.get(model);
}

function settle(asked, { id, reply, error }) {
  const promise = asked.get(id);
  asked.delete(id);
  if (error !== undefined) promise?.reject(new Error(error));
  else promise?.resolve(reply);
}

/** Call `fn` when any of these traits changes; returns what undoes it. */
export function watch(model, names, fn) {
  const events = names.map((name) => `change:${name}`);
  events.forEach((event) => model.on(event, fn));
  return () => events.forEach((event) => model.off(event, fn));
}

/** Set traits and send them to whoever keeps them. */
export function update(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

// ------------------------------------------------------- the model at hand

/**
 * Show a view of a model. One that asks a language model names its request in `View.kind`; it is
 * made anew when the model comes to hand or goes: all state is in the widget's model, so nothing
 * is lost.
 * @returns {() => void} the clean-up
 */
export function present(View, { model, el }) {
  const again = restart(View, model);
  const full = fullScreen(el);
  const link = linked(View, model);
  let view;
  const show = () => {
    view = new View(model);
    view.frame.equip(again, full.button);
    link?.offer(view.frame);
    el.replaceChildren(...(link ? [link.note] : []), view.frame.box);
  };
  show();
  const close = () => (full.close(), link?.close(), view.close?.());
  if (!View.kind) return close;
  const renew = () => canAsk(model, View.kind) === view.live || (view.close(), show());
  const soon = () => setTimeout(renew); // a task of its own for each view: the page never stalls
  model.page?.addEventListener("state", soon);
  return () => (model.page?.removeEventListener("state", soon), close());
}

/** A button that gives a figure back the state in which it was found. One that reads a shared text has none. */
function restart({ link }, model) {
  if (!link || model.get("linked")) return null;
  const start = Object.fromEntries(Object.keys(link).map((name) => [name, model.get(name)]));
  return toolButton("⟲", "Start again", () => update(model, start));
}

// ------------------------------------------------------------- full screen

const isFull = (el) => el.matches(":is(:fullscreen, :popover-open)");
const corners = () => svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, fill: "none", stroke: "currentColor", "stroke-width": 1.5 }, svg("path", { d: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4" }));

/**
 * A button that gives an element the whole screen. Where a browser lets no page have it (on an iPhone,
 * in another page's frame) the element lies over the page instead. Meanwhile all else is inert, so
 * that Tab and a screen reader stay in the figure. Escape leaves.
 */
function fullScreen(el) {
  let others = [];
  const button = toolButton(corners(), "Full screen", () => (isFull(el) ? leave() : enter()));
  const settle = () => {
    const full = isFull(el);
    button.ariaPressed = String(full);
    others.forEach((node) => (node.inert = false));
    others = full ? around(el) : [];
    others.forEach((node) => (node.inert = true));
  };
  const over = () => ((el.popover = "manual"), el.showPopover?.(), settle());
  const enter = () => (el.requestFullscreen?.() ?? Promise.reject()).catch(over);
  const leave = () => (el.popover ? (el.removeAttribute("popover"), settle()) : document.exitFullscreen());
  const escape = (event) => event.key === "Escape" && !event.defaultPrevented && isFull(el) && leave();
  el.classList.add("lmk-stage");
  el.addEventListener("keydown", escape);
  document.addEventListener("fullscreenchange", settle); // not of el, which may be gone by then
  button.hidden = !document.fullscreenEnabled && !el.showPopover;
  button.ariaPressed = "false";
  const close = () => {
    if (others.length) leave();
    el.removeEventListener("keydown", escape);
    document.removeEventListener("fullscreenchange", settle);
  };
  return { button, close };
}

/** All of the page that an element neither holds nor lies in. */
function around(el) {
  const found = [];
  for (let node = el; node.parentElement && node !== document.body; node = node.parentElement) {
    found.push(...[...node.parentElement.children].filter((other) => other !== node && !other.inert));
  }
  return found;
}

// ------------------------------------------------------------------- links
//
// On a page a figure has a name, and an address can lead to it in a state that a reader gave it:
// #figure=attention-map-1&state={"layer":3}. `View.link` names the traits that a link may carry,
// each with a predicate of its value, the model and the whole state. Nothing else is taken.

const LONGEST = 8000; // characters of a fragment
const MISFIT = "The link asks this figure for something that it does not have here, so it shows what it shows by itself.";

/** Predicates for `View.link`. */
export const fits = {
  flag: (x) => typeof x === "boolean",
  text: (most) => (x) => typeof x === "string" && x.length <= most,
  amount: (least, most) => (x) => typeof x === "number" && x >= least && x <= most,
  count: (most) => (x) => Number.isInteger(x) && x >= 0 && x <= most,
  oneOf: (values) => (x) => values.includes(x),
};

/** A text that is stored in this trait's list, or any that a model at hand can answer for. */
export const storedOrLive = (trait, kind) => (text, model) =>
  model.get(trait).some((one) => one.text === text) || (fits.text(2000)(text) && canAsk(model, kind));

/** The fragment that leads to a figure in a state. */
export const linkTo = (figure, state) => `#${new URLSearchParams({ figure, state: JSON.stringify(state) })}`;

/** The state that a fragment gives to a model's figure; null where it gives none to it. */
export function linkedState(fragment, link, model) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  if (!model.figure || given.get("figure") !== model.figure) return null;
  try {
    const state = fragment.length <= LONGEST && JSON.parse(given.get("state"));
    const isGood = ([name, value]) => Object.hasOwn(link, name) && link[name](value, model, state);
    if (state && typeof state === "object" && Object.entries(state).every(isGood)) return state;
  } catch {
    // as below
  }
  throw new Error(MISFIT);
}

/** What a page's figure does about links: it follows those that lead to it, and offers one. */
function linked({ link }, model) {
  if (!link || !model.figure || model.get("linked")) return null;
  const now = () => Object.fromEntries(Object.keys(link).map((name) => [name, model.get(name)]));
  const start = now();
  const note = h("p", { role: "status", hidden: true });
  const follow = () => {
    let state = null;
    try {
      state = linkedState(location.hash, link, model);
      note.hidden = true;
    } catch (error) {
      Object.assign(note, { textContent: error.message, hidden: false });
    }
    if (state) update(model, { ...start, ...state });
  };
  const changed = () => Object.entries(now()).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(start[name]));
  const copy = async ({ say }) => {
    const fragment = linkTo(model.figure, Object.fromEntries(changed()));
    try {
      linkedState(fragment, link, model);
    } catch {
      return say("What is shown here is too long for a link, or only this page's model knows it.");
    }
    history.replaceState(null, "", fragment);
    const done = await navigator.clipboard.writeText(location.href).then(() => true, () => false);
    say(done ? "The link is copied. It leads to this figure as it is now." : "The browser does not let this page copy: the link is in its address bar.");
  };
  follow();
  addEventListener("hashchange", follow);
  return { note, offer: (frame) => frame.offer("Copy link to this state", () => copy(frame)), close: () => removeEventListener("hashchange", follow) };
}

/**
 * The source line: who gave the numbers, and on a page without a kernel how to get the live model.
 * @returns {{tell: (origin: string) => void, close: () => void}}
 */
export function provenance(line, model) {
  const { page } = model;
  const origin = h("span", {});
  const offer = h("span", { class: "lmk-offer" });
  line.replaceChildren(origin, offer);
  const elsewhere = model.ask ? [" · To try your own text, run this notebook in JupyterLab."] : [];
  const quiet = model.get("linked"); // the box that it is linked to makes the offer
  const show = () => quiet || offer.replaceChildren(...(page ? offers(page) : elsewhere));
  page?.addEventListener("state", show);
  show();
  const tell = (from) => (origin.textContent = [model.get("model_name"), from].filter(Boolean).join(" · "));
  return { tell, close: () => page?.removeEventListener("state", show) };
}

/** What the page can do about its model now: load it, stop loading, say why not, remove it. */
function offers(page) {
  const button = (name, onclick) => h("button", { type: "button", class: "lmk-link", onclick }, name);
  const megabytes = Math.round(page.bytes / 1e6);
  if (page.state === "loading") return loading(page, button);
  const kept = page.message ? ` (${page.message})` : "";
  if (page.state === "ready") return [` · in this page${kept} · `, button("Remove from this browser", () => page.remove())];
  if (page.state === "unavailable") return [` · ${page.message}`];
  const why = page.state === "failed" ? [` · ${page.message}`] : [];
  const load = button(`Load the model, ${megabytes} MB`, () => page.load().catch(() => {}));
  return [...why, " · ", load, " once; works offline afterwards"];
}

function loading(page, button) {
  const bar = h("progress", { max: 1, value: page.progress, "aria-label": "Loading the model" });
  const move = () => bar.isConnected ? (bar.value = page.progress) : page.removeEventListener("progress", move);
  page.addEventListener("progress", move);
  return [" · loading the model ", bar, " ", button("Cancel", () => page.cancel())];
}

// ------------------------------------------------------------------- frame

/**
 * The frame that every widget has: the question it answers, its controls, the view, the reading
 * line (what you see, in a sentence), the source line (where the numbers came from), a menu.
 * `rows` gives a table that the menu can show below the view, as [caption, head, rows of text].
 * `restart` is the button back to the beginning, where the kit's own does not do (see `present`).
 * @param {{title: string, menu?: [string, () => void][], tools?: Node[], restart?: Node, keys?: string, rows?: () => any[]}} spec
 */
export function frame({ title, tools = [], restart, menu = [], keys = "", rows }) {
  const reading = h("output", { class: "lmk-reading", "aria-live": "polite" });
  const source = h("p", { class: "lmk-source" });
  const controls = h("div", { class: "lmk-controls" });
  const view = h("div", { class: "lmk-view" });
  const heading = h("p", { class: "lmk-title", id: freshId("lmkit-title") }, title);
  const box = h("div", { class: "lmk-widget", role: "group", "aria-labelledby": heading.id });
  const below = rows ? tableBelow(rows) : null;
  const tell = (text) => (say(reading, text), below?.paint());
  const items = [...(rows ? [[TABLE, below.toggle]] : []), ...menu, ...(keys ? [["Keyboard help", () => tell(keys)]] : [])];
  const at = items.findIndex(([name]) => name === DATA);
  if (at >= 0) items.splice(at, 0, ["Download picture (PNG)", () => picture(box, title, tell)]);
  const { button, offer } = menuButton(items);
  const bar = h("div", { class: "lmk-tools" }, ...tools, button);
  box.dataset.lmSuppressShortcuts = "true"; // JupyterLab: a key pressed in here is meant for us
  box.append(h("div", { class: "lmk-head" }, heading, bar), controls, view, ...(rows ? [below.region] : []), reading, source);
  return { box, reading, source, controls, view, offer, say: tell, equip: (again, full) => equip(bar, restart ?? again, full) };
}

const TABLE = "Show as table";
const DATA = "Download data (CSV)";

/** Put what every figure has between a widget's own tools and its menu. */
function equip(bar, again, full) {
  const menu = bar.querySelector("details");
  bar.append(...(again ? [again] : []), full, ...(menu ? [menu] : []));
}

/** A table of what there is to see; it follows the reading line. */
function tableBelow(rows) {
  const region = h("div", { class: "lmk-scroll", tabindex: 0, role: "region", "aria-label": "The figure as a table", hidden: true });
  const paint = () => region.hidden || region.replaceChildren(table(...rows()));
  return { region, paint, toggle: () => ((region.hidden = !region.hidden), paint()) };
}

/** Write the reading line only when it changes, so that nothing is read out twice. */
function say(reading, text) {
  if (reading.textContent !== text) reading.textContent = text;
}

/** A button with a symbol for the eye and a name for everyone. */
export function toolButton(symbol, name, onclick) {
  const sign = h("span", { "aria-hidden": "true" }, symbol);
  return h("button", { type: "button", class: "lmk-tool", title: name, "aria-label": name, onclick }, sign);
}

function menuButton(items) {
  const list = h("div", { class: "lmk-menu-list" });
  const menu = h("details", { class: "lmk-menu" });
  const close = (focus) => {
    menu.open = false;
    if (focus) menu.querySelector("summary").focus();
  };
  const item = (name, action) => menuItem(name, () => (close(true), action()));
  const downloads = () => [...list.children].find(({ textContent }) => textContent.startsWith("Download"));
  const offer = (name, action) => list.insertBefore(item(name, action), downloads() ?? null);
  list.append(...items.map(([name, action]) => item(name, action)));
  menu.append(h("summary", { class: "lmk-tool", title: "More", "aria-label": "More" }, "⋯"), list);
  menu.addEventListener("keydown", (event) => event.key === "Escape" && menu.open && (event.preventDefault(), close(true)));
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) close(false);
  });
  return { button: items.length ? menu : null, offer };
}

/** An item of the menu; that which shows a table says whether it does. */
function menuItem(name, action) {
  const press = () => name === TABLE && (button.ariaPressed = String(button.ariaPressed !== "true"));
  const button = h("button", { type: "button", onclick: () => (press(), action()) }, name);
  if (name === TABLE) button.ariaPressed = "false";
  return button;
}

/** A labelled control: `labelled("Temperature", input)`. */
export function labelled(text, control, extra = null) {
  control.id ||= freshId();
  return h("span", { class: "lmk-field" }, h("label", { htmlFor: control.id }, text), control, extra);
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
    const input = choice(texts.map((text) => [text, text]), texts[0], onchange);
    return { field: wide(labelled(name, input)), input };
  }
  let timer;
  const settle = () => (clearTimeout(timer), onchange(input.value));
  const wait = () => (clearTimeout(timer), (timer = setTimeout(settle, 400)));
  const onkeydown = (event) => event.key === "Enter" && settle();
  const examples = h("datalist", { id: freshId() }, ...texts.map((value) => h("option", { value })));
  const input = h("input", { type: "text", spellcheck: false, autocomplete: "off", list: examples.id, oninput: wait, onchange: settle, onkeydown });
  return { field: wide(labelled(name, input, examples)), input };
}

const wide = (field) => (field.classList.add("lmk-wide"), field);

/** A table of text: `head` is its first row, the first cell of each row is that row's header. */
export function table(caption, head, rows) {
  const cells = (row) => row.map((text, i) => (i ? h("td", {}, text) : h("th", { scope: "row" }, text)));
  const body = rows.map((row) => h("tr", {}, ...cells(row)));
  const top = h("tr", {}, ...head.map((text) => h("th", { scope: "col" }, text)));
  return h("table", { class: "lmk-table" }, h("caption", {}, caption), h("thead", {}, top), h("tbody", {}, ...body));
}

// ---------------------------------------------------------------- downloads

/** Offer a text, or a Blob, as a file. */
export function download(name, content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** Rows as CSV (RFC 4180); a cell that a spreadsheet would run as a formula gets an apostrophe. */
export function csv(rows) {
  const cell = (value) => {
    const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
}

const XML = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const legal = (text) => text.replace(/[^\t\n\r -\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "�");
const xml = (text) => legal(text.replace(/[&<>"]/g, (c) => XML[c]));

/**
 * A picture of labelled bars as SVG: what "download picture" gives.
 * @param {string} title
 * @param {{label: string, share: number, text: string}[]} rows
 * @param {{paper: string, ink: string, accent: string}} colours
 */
export function barsSvg(title, rows, { paper, ink, accent }) {
  const height = 64 + 28 * rows.length;
  const bar = ({ label, share, text }, i) => {
    const y = 48 + 28 * i;
    const width = (420 * share).toFixed(1);
    return `<text x="150" y="${y + 15}" text-anchor="end">${xml(label)}</text>`
      + `<rect x="160" y="${y}" width="${width}" height="20" fill="${accent}"/>`
      + `<text x="${(168 + 420 * share).toFixed(1)}" y="${y + 15}">${xml(text)}</text>`;
  };
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 ${height}" width="720" height="${height}" `
    + `font-family="system-ui, sans-serif" font-size="14" fill="${ink}">`
    + `<rect width="720" height="${height}" fill="${paper}"/>`
    + `<text x="16" y="28" font-size="16">${xml(title)}</text>${rows.map(bar).join("")}</svg>\n`;
}

/** The theme's colours as they are now, for a picture that leaves the page. */
export function colours(element) {
  const style = getComputedStyle(element);
  const get = (name) => style.getPropertyValue(`--lm-${name}`).trim();
  return { paper: get("paper"), ink: get("ink"), accent: get("accent") };
}

const SHARPNESS = 2; // pixels of a picture for each of the page's
const MARGIN = 16;
// what a still picture does not need: second names of the same, and motion
const IDLE = /-origin|inline|block|transition|animation/;

/** Offer a widget as it is now, without its tools and buttons, as a PNG. */
async function picture(box, title, say) {
  const name = (title.toLowerCase().match(/\w+/g) ?? ["figure"]).join("-");
  const { text, width, height } = portrait(box);
  try {
    const image = h("img", { src: `data:image/svg+xml,${encodeURIComponent(text)}` });
    await image.decode();
    const canvas = h("canvas", { width, height });
    canvas.getContext("2d").drawImage(image, 0, 0);
    download(`${name}.png`, await new Promise((resolve) => canvas.toBlob(resolve)), "image/png");
  } catch {
    download(`${name}.svg`, text, "image/svg+xml");
    say("This browser lets no page draw a PNG of itself: the picture is an SVG, which browsers show.");
  }
}

/** A widget as an SVG that needs no style sheet and no other file: HTML in it, styled as here. */
function portrait(box) {
  box.classList.add("lmk-still");
  const [width, height] = [box.scrollWidth + 2 * MARGIN, box.scrollHeight + 2 * MARGIN]; // all that scrolls on the page
  const style = getComputedStyle(box);
  const plain = bareStyles([...style].filter((name) => !IDLE.test(name)));
  const copy = legal(new XMLSerializer().serializeToString(still(box, plain)));
  const [wide, high] = [width, height].map((size) => SHARPNESS * size);
  const text = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${-MARGIN} ${-MARGIN} ${width} ${height}" width="${wide}" height="${high}" style="background:${style.backgroundColor}"><foreignObject width="100%" height="100%">${copy}</foreignObject></svg>`;
  plain.close();
  box.classList.remove("lmk-still");
  return { text, width: wide, height: high };
}

/** A copy of an element that brings along what the browser computed for the original. */
function still(node, plain, around = {}) {
  if (node.nodeType === Node.TEXT_NODE) return node.cloneNode();
  const now = node.nodeType === Node.ELEMENT_NODE && plain.values(node);
  if (!now || now.display === "none") return "";
  if (/^table(?!-cell)/.test(now.display)) delete now.height; // a table's comes of its cells, and holds its caption
  const copy = standIn(node);
  const bare = plain.of(copy);
  const odd = Object.keys(now).filter((name) => now[name] !== bare[name] || now[name] !== (around[name] ?? now[name]));
  copy.setAttribute("style", odd.map((name) => `${name}:${now[name]}`).join(";"));
  if (copy.tagName === node.tagName) copy.append(...[...node.childNodes].map((child) => still(child, plain, now)));
  return copy;
}

/** An element's copy without its children; what it shows by itself is in it as text or as a picture. */
function standIn(node) {
  if (node.tagName === "CANVAS") return h("img", { src: node.toDataURL(), alt: "" });
  if (node.tagName === "SELECT") return h("span", {}, node.selectedOptions[0]?.text ?? "");
  if (node.tagName === "TEXTAREA") return h("div", {}, node.value);
  const copy = node.cloneNode();
  if (node.tagName !== "INPUT") return copy;
  copy.setAttribute("value", node.value);
  copy.toggleAttribute("checked", node.checked);
  return copy;
}

/** What elements look like without any style sheet; each kind is looked at once. */
function bareStyles(names) {
  const host = h("div", { style: "all:initial;display:none" });
  const root = host.attachShadow({ mode: "open" });
  const seen = {};
  document.body.append(host);
  const values = (node) => {
    const style = getComputedStyle(node);
    return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(name)]));
  };
  const look = ({ namespaceURI, localName, type }) => {
    const node = document.createElementNS(namespaceURI, localName);
    if (localName === "input") node.type = type;
    root.append(node);
    return values(node);
  };
  const of = (node) => (seen[`${node.localName} ${node.type}`] ??= look(node));
  return { values, of, close: () => host.remove() };
}

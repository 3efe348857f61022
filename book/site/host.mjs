// The page host: shows the widgets of a page that has no kernel, from what the notebook stored.
// What it imports of the kit is there once, for itself and for the figures' own scripts.

/**
 * Answers requests of one kind; `ready` tells whether it can do so now.
 * @typedef {((request: any, model: any) => Promise<any>) & {ready?: () => boolean}} Handler
 */

/**
 * The part of anywidget's model that a view uses, on a copy of the stored state.
 * @param {Record<string, any>} state
 * @param {Map<string, Handler>} handlers who answers what, by the request's kind
 * @param {EventTarget} [page] the page's language model, which views may offer to load
 */
export function localModel(state, handlers, page) {
  const values = { ...state };
  const listeners = new Map();
  const emit = (event, ...args) => [...(listeners.get(event) ?? [])].forEach((fn) => fn(...args));
  const model = {
    get: (name) => values[name],
    set(name, value) {
      if (typeof name === "object")
        return Object.entries(name).forEach(([k, v]) => model.set(k, v));
      if (Object.is(values[name], value)) return;
      values[name] = value;
      emit(`change:${name}`, model, value);
      emit("change", model);
    },
    on(events, fn) {
      for (const event of events.split(" "))
        listeners.set(event, [...(listeners.get(event) ?? []), fn]);
    },
    off(events, fn) {
      for (const event of events?.split(" ") ?? [...listeners.keys()]) {
        listeners.set(
          event,
          fn ? (listeners.get(event) ?? []).filter((other) => other !== fn) : [],
        );
      }
    },
    save_changes() {}, // nobody else keeps this state
    send() {}, // nor is there a kernel to hear a message
    widget_manager: null,
    page,
    can: (kind) =>
      handlers.has(kind) ? (handlers.get(kind).ready?.() ?? true) : Boolean(page?.can(kind)),
    ask: (request) => answer(handlers, request, model),
  };
  return model;
}

/** Answer a request by its kind; rejects with a sentence where nobody on this page can. */
export async function answer(handlers, request, model) {
  const handler = handlers.get(request.kind);
  if (!handler && model.page?.can(request.kind)) return model.page.ask(request, model);
  if (!handler)
    throw new Error(
      `This page cannot answer “${request.kind}”: that needs the notebook and its kernel.`,
    );
  return handler(request, model);
}

/** The order in which to show boxes: those in the window first, else as they come. */
export function visibleFirst(boxes, height) {
  const isVisible = (box) => {
    const { top, bottom } = box.getBoundingClientRect();
    return bottom > 0 && top < height;
  };
  return [...boxes.filter(isVisible), ...boxes.filter((box) => !isVisible(box))];
}

/** The name of the figure that the address leads to, or null. */
const wanted = () => new URLSearchParams(location.hash.slice(1)).get("figure");

/** Show the figure that the address leads to; where the page has none of that name, say so. */
function lead(models) {
  document.querySelector(".lmkit-lost")?.remove();
  if (wanted() === null) return;
  const [box] = [...models].find(([, model]) => model.figure === wanted()) ?? [];
  if (box) return box.scrollIntoView({ block: "center" });
  const note = document.createElement("p");
  Object.assign(note, {
    className: "lmkit-lost",
    textContent: "The link leads to a figure that this page does not have.",
  });
  note.setAttribute("role", "status");
  document.querySelector("article")?.prepend(note);
}

/** The boxes' models, made before the first is shown, so that a view can reach its siblings. */
function modelsOf(boxes, handlers, page) {
  const models = new Map();
  const seen = new Map();
  for (const box of boxes) {
    const name = box.dataset.lmkit;
    seen.set(name, (seen.get(name) ?? 0) + 1);
    try {
      const model = localModel(
        JSON.parse(box.querySelector('script[type="application/json"]').textContent),
        handlers,
        page,
      );
      model.figure = `${name}-${seen.get(name)}`;
      model.siblings = () => [...models.values()].filter((other) => other !== model);
      models.set(box, model);
    } catch {
      // it has no model, and mount says so
    }
  }
  return models;
}

/** Put a widget in place of its plain text; where that fails, the text stays and a sentence says why. */
export async function mount(box, definition, model) {
  try {
    if (!definition) throw new Error("its script did not load.");
    if (!model) throw new Error("what is stored for it cannot be read.");
    const el = document.createElement("div");
    el.className = `lmk-${box.dataset.lmkit}`; // its own style sheet begins with this
    await definition.render({ model, el });
    box.replaceChildren(el);
  } catch (error) {
    const note = document.createElement("p");
    note.setAttribute("role", "status");
    note.textContent = `This figure cannot be shown as it should be: ${error.message}`;
    box.prepend(note);
  }
}

const PATIENCE = 25; // milliseconds of work before the browser may paint and listen

/** A function to await between two pieces of work: it pauses when the last pause is long ago. */
function breather() {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < PATIENCE) return;
    await new Promise((resolve) => setTimeout(resolve));
    since = performance.now();
  };
}

async function mountAll(definitions, handlers, page) {
  const breathe = breather();
  const boxes = [...document.querySelectorAll("[data-lmkit]")];
  const models = modelsOf(boxes, handlers, page);
  lead(models);
  addEventListener("hashchange", () => lead(models));
  for (const box of visibleFirst(boxes, innerHeight)) {
    await mount(box, definitions.get(box.dataset.lmkit), models.get(box));
    await breathe();
  }
  document.documentElement.dataset.lmkitReady = performance.now();
}

/** Make the page's one global; the widgets' scripts define themselves on it and are then shown. */
export function start(modules) {
  const definitions = new Map();
  const handlers = new Map();
  const define = (name, factory) => definitions.set(name, factory(modules));
  const handle = (kind, fn, ready) => handlers.set(kind, Object.assign(fn, { ready }));
  const lmkit = { define, handle, version: 1 };
  // Deferred scripts have all run when this fires.
  addEventListener("DOMContentLoaded", () => mountAll(definitions, handlers, lmkit.model));
  return (window.lmkit = lmkit);
}

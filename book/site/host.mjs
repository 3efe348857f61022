// The page host: shows the widgets of a page that has no kernel, from what the notebook stored.

/**
 * @typedef {{kind: string} & Record<string, any>} Request
 *
 * @typedef {(request: any, model: LocalModel) => Promise<any>} Handler answers requests of one kind
 * @typedef {Map<string, Handler>} Handlers who answers what, by the request's kind
 *
 * The page's language model, which views may offer to load: a PageModel, where there is one.
 * @typedef {import("./model.mjs").PageModel} PageModel
 *
 * The part of anywidget's model that a view uses, and what it can reach on the page besides.
 * @typedef {object} LocalModel
 * @property {(name: string) => any} get
 * @property {(name: string | Record<string, any>, value?: any) => void} set
 * @property {(events: string, fn: Listener) => void} on
 * @property {(events?: string | null, fn?: Listener) => void} off
 * @property {() => void} save_changes
 * @property {() => void} send
 * @property {null} widget_manager
 * @property {PageModel} [page]
 * @property {(kind: string) => boolean} can
 * @property {(request: Request) => Promise<any>} ask
 * @property {string} [figure] its name on the page, by which links find it: "next-token-2"
 * @property {() => LocalModel[]} [siblings] the models of the page's other figures
 *
 * @typedef {(...args: any[]) => void} Listener
 *
 * What a figure's module exports.
 * @typedef {{render: (host: {model: LocalModel, el: HTMLElement}) => unknown}} Definition
 *
 * @typedef {Record<string, object>} Modules the kit's, by name
 *
 * The page's one global.
 * @typedef {object} Lmkit
 * @property {(name: string, factory: (modules: Modules) => Definition) => void} define
 * @property {(kind: string, handler: Handler) => void} handle
 * @property {number} version
 * @property {PageModel} [model]
 */

// -------------------------------------------------------------- a figure's model

/**
 * The part of anywidget's model that a view uses, on a copy of the stored state.
 * @param {Record<string, any>} state
 * @param {Handlers} handlers
 * @param {PageModel} [page]
 * @returns {LocalModel}
 */
export function localModel(state, handlers, page) {
  const values = { ...state };
  // what another model said is not for the page's to go on with
  const own = [undefined, page?.name].includes(state.model_name) ? page : undefined;
  const { emit, on, off } = emitter();
  /** @type {LocalModel} */
  const model = {
    get: (name) => values[name],
    set(name, value) {
      if (typeof name === "object") for (const [k, v] of Object.entries(name)) model.set(k, v);
      else if (!Object.is(values[name], value)) {
        values[name] = value;
        emit(`change:${name}`, model, value);
        emit("change", model);
      }
    },
    on,
    off,
    save_changes() {}, // nobody else keeps this state
    send() {}, // nor is there a kernel to hear a message
    widget_manager: null,
    page: own,
    can: (kind) => handlers.has(kind) || Boolean(own?.can(kind)),
    ask: (request) => answer(handlers, request, model),
  };
  return model;
}

/** Who listens to which event; several events are named with spaces between. */
function emitter() {
  /** @type {Map<string, Listener[]>} */
  const listeners = new Map();
  /** @param {string} event */
  const of = (event) => listeners.get(event) ?? [];
  return {
    /** @param {string} event @param {any[]} args */
    emit(event, ...args) {
      for (const fn of [...of(event)]) fn(...args);
    },
    /** @param {string} events @param {Listener} fn */
    on(events, fn) {
      for (const event of events.split(" ")) listeners.set(event, [...of(event), fn]);
    },
    /**
     * Forget a listener; without one all of them, without events those of every event.
     * @param {string | null} [events]
     * @param {Listener} [fn]
     */
    off(events, fn) {
      for (const event of events?.split(" ") ?? [...listeners.keys()])
        listeners.set(event, fn ? of(event).filter((other) => other !== fn) : []);
    },
  };
}

/**
 * Answer a request by its kind; rejects with a sentence where nobody on this page can.
 * @param {Handlers} handlers
 * @param {Request} request
 * @param {LocalModel} model the figure's that asks
 */
async function answer(handlers, request, model) {
  const { kind } = request;
  const handler = handlers.get(kind);
  if (handler) return handler(request, model);
  if (model.page?.can(kind)) return model.page.ask(request, model);
  throw new Error(`This page cannot answer “${kind}”: that needs the notebook and its kernel.`);
}

// ------------------------------------------------------------ the page's figures

/**
 * Make the page's one global; the widgets' scripts define themselves on it and are then shown.
 * @param {Modules} modules what the host imports of the kit is there once, for the figures' scripts too
 * @returns {Lmkit}
 */
export function start(modules) {
  /** @type {Map<string, Definition>} */
  const definitions = new Map();
  /** @type {Handlers} */
  const handlers = new Map();
  /** @type {Lmkit} */
  const lmkit = {
    define: (name, factory) => definitions.set(name, factory(modules)),
    handle: (kind, handler) => handlers.set(kind, handler),
    version: 1,
  };
  // Deferred scripts have all run when this fires.
  addEventListener("DOMContentLoaded", () => mountAll(definitions, handlers, lmkit.model));
  Object.assign(window, { lmkit });
  return lmkit;
}

/**
 * @param {Map<string, Definition>} definitions
 * @param {Handlers} handlers
 * @param {PageModel} [page]
 */
async function mountAll(definitions, handlers, page) {
  const breathe = breather();
  const found = document.querySelectorAll("[data-lmkit]");
  const boxes = /** @type {HTMLElement[]} */ ([...found]);
  const models = modelsOf(boxes, handlers, page);
  lead(models);
  addEventListener("hashchange", () => lead(models));
  for (const box of visibleFirst(boxes, innerHeight)) {
    await mount(box, definitions.get(nameOf(box)), models.get(box));
    await breathe();
  }
  document.documentElement.dataset.lmkitReady = String(performance.now());
}

/** The figure that a box is for. @param {HTMLElement} box */
const nameOf = (box) => box.dataset.lmkit ?? "";

/**
 * The order in which to show boxes: those in the window first, else as they come.
 * @template {{getBoundingClientRect: () => {top: number, bottom: number}}} Box
 * @param {Box[]} boxes
 * @param {number} height of the window
 */
export function visibleFirst(boxes, height) {
  /** @param {Box} box */
  const isVisible = (box) => {
    const { top, bottom } = box.getBoundingClientRect();
    return bottom > 0 && top < height;
  };
  return [...boxes.filter(isVisible), ...boxes.filter((box) => !isVisible(box))];
}

/**
 * The boxes' models, made before the first is shown, so that a view can reach its siblings.
 * @param {HTMLElement[]} boxes
 * @param {Handlers} handlers
 * @param {PageModel} [page]
 */
function modelsOf(boxes, handlers, page) {
  /** @type {Map<HTMLElement, LocalModel>} */
  const models = new Map();
  /** @type {Map<string, number>} */
  const seen = new Map();
  for (const box of boxes) {
    const count = (seen.get(nameOf(box)) ?? 0) + 1;
    seen.set(nameOf(box), count);
    const state = stateOf(box);
    if (!state) continue; // it has no model, and mount says so
    const model = localModel(state, handlers, page);
    model.figure = `${nameOf(box)}-${count}`;
    model.siblings = () => [...models.values()].filter((other) => other !== model);
    models.set(box, model);
  }
  return models;
}

/** What the notebook stored for a box's figure; null where it cannot be read. @param {Element} box */
function stateOf(box) {
  try {
    return JSON.parse(box.querySelector('script[type="application/json"]')?.textContent ?? "");
  } catch {
    return null;
  }
}

/** The name of the figure that the address leads to, or null. */
const wanted = () => new URLSearchParams(location.hash.slice(1)).get("figure");

/**
 * Show the figure that the address leads to; where the page has none of that name, say so.
 * @param {Map<HTMLElement, LocalModel>} models
 */
function lead(models) {
  document.querySelector(".lmkit-lost")?.remove();
  if (wanted() === null) return;
  const [box] = [...models].find(([, model]) => model.figure === wanted()) ?? [];
  if (box) return box.scrollIntoView({ block: "center" });
  const note = status("The link leads to a figure that this page does not have.");
  note.className = "lmkit-lost";
  document.querySelector("article")?.prepend(note);
}

/** A sentence for screen readers too. @param {string} sentence */
function status(sentence) {
  const note = document.createElement("p");
  note.setAttribute("role", "status");
  note.textContent = sentence;
  return note;
}

/**
 * Put a widget in place of its plain text; where that fails, the text stays and a sentence says why.
 * @param {HTMLElement} box
 * @param {Definition} [definition]
 * @param {LocalModel} [model]
 */
async function mount(box, definition, model) {
  try {
    if (!definition) throw new Error("its script did not load.");
    if (!model) throw new Error("what is stored for it cannot be read.");
    const el = document.createElement("div");
    el.className = `lmk-${nameOf(box)}`; // its own style sheet begins with this
    await definition.render({ model, el });
    box.replaceChildren(el);
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    box.prepend(status(`This figure cannot be shown as it should be: ${message}`));
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

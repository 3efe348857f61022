// A figure and whoever keeps its state: a kernel, or the page.
import { freshId } from "./dom.mjs";

/**
 * What a view uses of anywidget's model. A page's model (book/site/host.mjs) has more: an `ask` of
 * its own, the page's language model, the figure's name on the page, and the other figures.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(name: string, value: any) => void} set
 * @property {() => void} save_changes
 * @property {(events: string, fn: (...args: any[]) => void) => void} on
 * @property {(events: string, fn: (...args: any[]) => void) => void} off
 * @property {(message: object) => void} send
 * @property {(request: Request) => Promise<any>} [ask]
 * @property {(kind: string) => boolean} [can]
 * @property {Page} [page]
 * @property {string} [figure]
 * @property {() => Model[]} [siblings]
 */

/** @typedef {{kind: string, [name: string]: any}} Request */

/**
 * The page's language model as figures see it (book/site/model.mjs).
 * @typedef {EventTarget & {
 *   state: "absent" | "loading" | "ready" | "unavailable" | "failed",
 *   message: string,
 *   spec: object | null,
 *   root: URL,
 *   bytes: number,
 *   progress: number,
 *   cached: Promise<boolean>,
 *   load: () => Promise<void>,
 *   cancel: () => void,
 *   remove: () => Promise<void>,
 * }} Page
 */

/**
 * @typedef {{resolve: (reply: any) => void, reject: (error: Error) => void}} Waiting
 * @typedef {Map<string, Waiting>} Asked
 */

/** @type {WeakMap<Model, Asked>} */
const waiting = new WeakMap();

const PATIENCE = 60_000;
const SILENT =
  "The kernel has not answered for a minute: it is busy or gone. Restart it and run the notebook again.";

/**
 * Ask for what the widget's state does not hold. A page without a kernel gives its model an
 * `ask` of its own; with a kernel the question travels to the Python class and back.
 * @param {Model} model
 * @param {Request} request
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

/**
 * Whether anybody can answer requests of this kind here.
 * @param {Model} model
 * @param {string} kind
 */
export const canAsk = (model, kind) => (model.ask ? Boolean(model.can?.(kind)) : true);

/** @param {Model} model @returns {Asked} */
function pending(model) {
  const known = waiting.get(model);
  if (known) return known;
  /** @type {Asked} */
  const asked = new Map();
  waiting.set(model, asked);
  model.on("msg:custom", (message) => settle(asked, message));
  return asked;
}

/** @param {Asked} asked @param {{id: string, reply?: any, error?: string}} message */
function settle(asked, { id, reply, error }) {
  const promise = asked.get(id);
  asked.delete(id);
  if (error !== undefined) promise?.reject(new Error(error));
  else promise?.resolve(reply);
}

/**
 * Call `fn` when any of these traits changes; returns what undoes it.
 * @param {Model} model
 * @param {string[]} names
 * @param {() => void} fn
 * @returns {() => void}
 */
export function watch(model, names, fn) {
  const events = names.map((name) => `change:${name}`);
  for (const event of events) model.on(event, fn);
  return () => {
    for (const event of events) model.off(event, fn);
  };
}

/**
 * Set traits and send them to whoever keeps them.
 * @param {Model} model
 * @param {Record<string, any>} values
 */
export function update(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

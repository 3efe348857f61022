// A figure and whoever keeps its state: a kernel, or the page.
import { freshId } from "./dom.mjs";

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
const SILENT =
  "The kernel has not answered for a minute: it is busy or gone. Restart it and run the notebook again.";

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

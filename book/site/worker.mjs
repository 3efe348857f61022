// The Worker's side of lmkit.model (model.mjs): gets the model, and answers requests one at a time.
// What a figure asks is answered by the answer.mjs of its own folder, as its Python class would,
// within a rounding. lmkit_site.py joins all of them with the engine to one script.
import { supported } from "../../lmkit/engine/model.mjs";
import { asIds, asText, begun, fail } from "../../lmkit/engine/reply.mjs";
import { load } from "./parts.mjs";

/**
 * @typedef {import("../../lmkit/engine/model.mjs").Model} Model
 * @typedef {import("../../lmkit/engine/model.mjs").RunOptions} RunOptions
 * @typedef {import("../../lmkit/engine/model.mjs").WriteOptions} WriteOptions
 * @typedef {import("../../lmkit/engine/reply.mjs").Answers} Answers
 * @typedef {import("./parts.mjs").Order} Order
 * @typedef {{kind: string} & Record<string, any>} Request
 *
 * What is used of a Worker's own scope.
 * @typedef {object} Scope
 * @property {(message: unknown, transfer?: Transferable[]) => void} postMessage
 * @property {((event: {data: any}) => unknown) | null} onmessage
 */

/**
 * Answer the page.
 * @param {Scope} scope
 * @param {Answers[]} figures what each figure's answer.mjs answers
 */
export function serve(scope, figures) {
  const answers = Object.assign({}, OWN, ...figures);
  const kinds = figures.flatMap((figure) => Object.keys(figure));
  const report = reporter((progress) => scope.postMessage({ progress }));
  /** @type {Model} */
  let model;
  /** @param {Order} order */
  const start = async (order) => {
    const loaded = await loadHere(order, report);
    model = loaded.model;
    return { kept: loaded.kept, kinds };
  };
  /** @param {Request} request */
  const answer = (request) =>
    Object.hasOwn(answers, request.kind)
      ? answers[request.kind](model, request)
      : fail(`The model cannot answer “${request.kind}”.`);
  scope.onmessage = ({ data }) =>
    send(scope, () => (data.kind === "load" ? start(data) : answer(data)));
}

/** Load the model, if it can run here. @param {Order} order @param {(bytes: number) => void} report */
async function loadHere(order, report) {
  const unsupported = supported();
  if (unsupported) throw Object.assign(new Error(unsupported), { unsupported: true });
  return load(order, report);
}

/** Send what a request comes to: a reply, or a sentence. @param {Scope} scope @param {() => unknown} work */
async function send(scope, work) {
  try {
    const reply = await work();
    scope.postMessage({ reply }, buffers(reply));
  } catch (error) {
    const { message, unsupported = false } = /** @type {import("./model.mjs").Failure} */ (error);
    scope.postMessage({ error: message, unsupported });
  }
}

/** Big arrays are handed over, not copied. @param {unknown} reply @returns {ArrayBuffer[]} */
const buffers = (reply) =>
  Object.values(Object(reply))
    .filter(ArrayBuffer.isView)
    .map(({ buffer }) => /** @type {ArrayBuffer} */ (buffer));

const REPORT_EVERY = 50; // milliseconds

/** At most one message in so many milliseconds. @param {(bytes: number) => void} post */
function reporter(post) {
  let last = 0;
  return (/** @type {number} */ bytes) => {
    if (performance.now() - last < REPORT_EVERY) return;
    last = performance.now();
    post(bytes);
  };
}

// ---------------------------------------- what lmkit.model offers beside the figures' answers

/** Texts that are being written, by number. @type {Map<number, ReturnType<Model["generate"]>>} */
const runs = new Map();
let lastRun = 0;

/**
 * @param {Model} model
 * @param {{text: string, chat?: boolean, options: WriteOptions}} request
 */
function generate(model, { text, chat, options }) {
  const ids = chat ? model.chatIds(text) : begun(model, text);
  const run = model.generate(ids, options);
  lastRun += 1;
  runs.set(lastRun, run);
  return lastRun;
}

/** @param {Model} _model @param {{run: number}} request */
function step(_model, { run }) {
  const next = runs.get(run)?.next() ?? { done: true };
  if (next.done) runs.delete(run);
  return next;
}

/** @param {Model} model @param {{ids: unknown} & RunOptions} request */
const forward = (model, { ids, all, attentions, hidden, headOutputs, ablate, edits }) =>
  model.forward(asIds(ids), { all, attentions, hidden, headOutputs, ablate, edits });

/** @type {Answers} */
const OWN = {
  ids: (model, { text }) => model.encode(asText(text)),
  text: (model, { ids }) => model.decode(asIds(ids)),
  tokens: (model, { ids }) => model.tokens(asIds(ids)),
  forward,
  lens: (model, { vectors }) => model.lens(vectors),
  generate,
  step,
  stop: (_model, { run }) => runs.delete(run),
  memory: (model) => model.memory.buffer.byteLength,
};

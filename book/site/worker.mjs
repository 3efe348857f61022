// The Worker's side of lmkit.model (model.mjs): gets the model, and answers requests one at a time.
// What a figure asks is answered by the answer.mjs of its own folder, as its Python class would,
// within a rounding. lmkit_site.py joins all of them with the engine to one script.
import { supported } from "../../lmkit/engine/model.mjs";
import { asIds, asText, begun, fail } from "../../lmkit/engine/reply.mjs";
import { load } from "./parts.mjs";

const REPORT_EVERY = 50; // milliseconds

// What lmkit.model offers beside the figures' answers: the engine's own.

const runs = new Map(); // texts that are being written, by number
let lastRun = 0;

function generate(model, { text, chat, options }) {
  const ids = chat ? model.chatIds(text) : begun(model, text);
  runs.set((lastRun += 1), model.generate(ids, options));
  return lastRun;
}

function step(model, { run }) {
  const next = runs.get(run)?.next() ?? { done: true };
  if (next.done) runs.delete(run);
  return next;
}

const OWN = {
  ids: (model, { text }) => model.encode(asText(text)),
  text: (model, { ids }) => model.decode(asIds(ids)),
  tokens: (model, { ids }) => model.tokens(asIds(ids)),
  forward: (model, { ids, all, attentions, hidden, ablate }) =>
    model.forward(asIds(ids), { all, attentions, hidden, ablate }),
  generate,
  step,
  stop: (_, { run }) => runs.delete(run),
  memory: (model) => model.memory.buffer.byteLength,
};

/** Big arrays are handed over, not copied. */
const buffers = (reply) =>
  Object.values(Object(reply))
    .filter(ArrayBuffer.isView)
    .map(({ buffer }) => buffer);

/** At most one message in so many milliseconds. */
function reporter(post) {
  let last = 0;
  return (bytes) => {
    if (performance.now() - last < REPORT_EVERY) return;
    last = performance.now();
    post({ progress: bytes });
  };
}

/**
 * Answer the page.
 * @param {DedicatedWorkerGlobalScope} scope
 * @param {Record<string, (model: any, request: any) => any>[]} figures what each figure's answer.mjs answers
 */
export function serve(scope, figures) {
  const answers = Object.assign({}, OWN, ...figures);
  const kinds = figures.flatMap((figure) => Object.keys(figure));
  let model;
  const start = async (request) => {
    const unsupported = supported();
    if (unsupported) throw Object.assign(new Error(unsupported), { unsupported: true });
    const loaded = await load(
      request,
      reporter((message) => scope.postMessage(message)),
    );
    model = loaded.model;
    return { kept: loaded.kept, kinds };
  };
  const answer = (request) => {
    const known = Object.hasOwn(answers, request.kind);
    return known
      ? answers[request.kind](model, request)
      : fail(`The model cannot answer “${request.kind}”.`);
  };
  scope.onmessage = async ({ data: request }) => {
    try {
      const reply = request.kind === "load" ? await start(request) : answer(request);
      scope.postMessage({ reply }, buffers(reply));
    } catch ({ message, unsupported = false }) {
      scope.postMessage({ error: message, unsupported });
    }
  };
}

// The page's language model: lmkit.model. The model itself lives in a Worker (worker.mjs), which is
// made when the reader asks for it and ended when the model is removed or loading stops; so a
// cancelled load leaves nothing behind, and nothing that the model does holds up the page.

const NOT_BUILT =
  "This copy of the site was built without the live model: “make book” builds it with the model.";
const FROM_DISK =
  "The live model does not run on pages opened from a disk: run “make serve” in the book’s folder, or read the book on the web.";
const TOO_OLD = "The live model needs a newer browser, with WebAssembly and Workers.";
const NOT_LOADED = "Load the model first: await lmkit.model.load().";
const NOT_KEPT =
  "This browser keeps no files for this page, so the model will have to be downloaded again next time.";
const NOT_SENT = "Only texts, numbers and arrays of them can be sent to the model.";
const CRASHED = "The model stopped working, perhaps for lack of memory: load it again.";
const NO_WORKER =
  "The model’s program could not be loaded: see whether the site can be reached, and try again.";

const aborted = () => new DOMException("The request was dropped.", "AbortError");

/** Why there can be no model on this page, in a sentence; "" when there can. */
export function obstacle(spec, { protocol }, scope = globalThis) {
  if (!spec) return NOT_BUILT;
  if (protocol === "file:") return FROM_DISK;
  return scope.Worker && scope.WebAssembly ? "" : TOO_OLD;
}

/**
 * One model for all widgets of a page. Events: "state" when `state` or `message` change, "progress"
 * while it loads.
 * @typedef {{name: string, bytes: number, sha256: string}} Part
 * @typedef {{bytes: number, sha256: string, parts: Part[], worker: string, wasm: string}} Spec
 *   what tools/model_parts.py made, and where the scripts are
 */
export class PageModel extends EventTarget {
  #worker = null;
  #loading = null;
  #running = null; // the request that the Worker is at
  #queue = []; // those that wait
  #kinds = new Set(); // what figures may ask of it
  #keeping = Promise.resolve(); // until the site's own files are kept

  /**
   * @param {Spec | null} spec null on a site that was built without the model
   * @param {URL} root of the site
   */
  constructor(spec, root) {
    super();
    /** @type {"absent" | "loading" | "ready" | "unavailable" | "failed"} */
    this.state = "absent";
    this.message = obstacle(spec, root); // a sentence, where there is something to say
    this.bytes = spec?.bytes ?? 0;
    this.progress = 0; // of loading, 0 to 1
    this.spec = spec;
    this.root = root;
    // Other books may lie on the same host: what is kept has the site's path in its name.
    this.store = `lmkit-model ${root.pathname} ${spec?.sha256.slice(0, 16)}`;
    this.pages = `lmkit-pages ${root.pathname}`; // as in sw.js
    if (this.message) this.state = "unavailable";
  }

  /** Whether all of it is in this browser already, so that loading takes a second. */
  get cached() {
    return this.state === "unavailable"
      ? Promise.resolve(false)
      : holds(this.store, this.spec.parts.length);
  }

  #set(state, message = "") {
    Object.assign(this, { state, message });
    this.dispatchEvent(new Event("state"));
  }

  // ------------------------------------------------------- loading and removing

  /**
   * Get the model, from this browser if it is there, else from the site. Nothing is downloaded
   * before. A load that is under way is joined.
   * @param {(bytes: number, total: number) => void} [onprogress]
   * @param {AbortSignal} [signal] stops loading
   */
  async load(onprogress, signal) {
    if (this.state === "ready") return;
    if (this.state === "unavailable") throw new Error(this.message);
    if (signal?.aborted) throw aborted();
    const hear = () => onprogress?.(this.progress * this.bytes, this.bytes);
    const stop = () => this.cancel();
    this.addEventListener("progress", hear);
    signal?.addEventListener("abort", stop);
    try {
      await (this.#loading ??= this.#load());
    } finally {
      this.removeEventListener("progress", hear);
      signal?.removeEventListener("abort", stop);
    }
  }

  async #load() {
    const worker = this.#start();
    this.progress = 0;
    this.#set("loading");
    try {
      const { kept, kinds } = await this.#ask({
        kind: "load",
        ...this.spec,
        root: this.root.href,
        store: this.store,
      });
      this.#loading = null;
      this.#kinds = new Set(kinds);
      this.#set("ready", kept ? "" : NOT_KEPT);
      if (kept) this.#keeping = keepPages(this).catch(() => {}); // the model is there all the same
    } catch (error) {
      if (worker === this.#worker) this.#fail(error);
      throw error;
    }
  }

  #fail(error) {
    this.#end(error);
    this.#set(error.unsupported ? "unavailable" : "failed", error.message);
  }

  /** Stop loading; the parts that have arrived whole are kept, so that loading can go on from there. */
  cancel() {
    if (this.state !== "loading") return;
    this.#end();
    this.#set("absent");
  }

  /** Give the model's memory back and delete all that is kept for it in this browser. */
  async remove() {
    if (this.state === "unavailable") return;
    this.#end();
    this.#set("absent");
    await this.#keeping; // or what is kept meanwhile would stay
    await forget(this).catch(() => {}); // where nothing may be kept, nothing is
  }

  // ------------------------------------------------------------------ requests

  /** Whether a figure's request of this kind can be answered now. */
  can(kind) {
    return this.state === "ready" && this.#kinds.has(kind);
  }

  /** Token ids of a text. @returns {Promise<number[]>} */
  encode(text) {
    return this.ask({ kind: "ids", text });
  }

  /** The text of token ids. @returns {Promise<string>} */
  decode(ids) {
    return this.ask({ kind: "text", ids });
  }

  /** Each token as text by itself. @returns {Promise<string[]>} */
  tokens(ids) {
    return this.ask({ kind: "tokens", ids });
  }

  /** Bytes of memory that the model takes. @returns {Promise<number>} */
  memory() {
    return this.ask({ kind: "memory" });
  }

  /**
   * Run T token ids through the model.
   * @returns {Promise<{logits: Float32Array, attentions?: Float32Array, hidden?: Float32Array}>}
   *   logits (V,) after the last or with `all` (T, V); attentions (L, H, T, T); hidden (L + 1, T, D);
   *   heads in `ablate`, as [layer, head], add nothing
   */
  forward(ids, { all = false, attentions = false, hidden = false, ablate = [] } = {}) {
    return this.ask({ kind: "forward", ids, all, attentions, hidden, ablate });
  }

  /**
   * Go on with a text, token by token. The Worker is asked for one at a time: leaving the loop ends
   * its work, and other requests come in between.
   * @param {string} text or with `chat` a message to answer
   * @param {{maxNewTokens?: number, temperature?: number, topK?: number, topP?: number,
   *   seed?: number, chat?: boolean}} [options]
   * @returns {AsyncGenerator<{id: number, text: string, p: number}>}
   */
  async *generate(text, { maxNewTokens, temperature, topK, topP, seed, chat } = {}) {
    const options = { maxNewTokens, temperature, topK, topP, seed };
    const run = await this.ask({ kind: "generate", text, chat, options });
    const next = () => this.ask({ kind: "step", run });
    try {
      for (let step = await next(); !step.done; step = await next()) yield step.value;
    } finally {
      this.ask({ kind: "stop", run }).catch(() => {}); // the model may be gone, and the run with it
    }
  }

  /**
   * Ask the Worker. Requests are answered one at a time; one that still waits is dropped, with an
   * AbortError, when a newer one comes of the same owner.
   * @param {{kind: string}} request
   * @param {object} [owner] the widget that asks
   */
  ask(request, owner) {
    if (this.state !== "ready")
      return Promise.reject(new Error(this.state === "unavailable" ? this.message : NOT_LOADED));
    return this.#ask(request, owner);
  }

  #ask(request, owner) {
    const older = owner ? this.#queue.findIndex((entry) => entry.owner === owner) : -1;
    if (older >= 0) this.#queue.splice(older, 1)[0].reject(aborted());
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, owner, resolve, reject });
      this.#next();
    });
  }

  #next() {
    if (this.#running || !this.#queue.length) return;
    this.#running = this.#queue.shift();
    try {
      this.#worker.postMessage(this.#running.request);
    } catch {
      this.#settle({ error: NOT_SENT });
    }
  }

  #settle({ reply, error, unsupported }) {
    const { resolve, reject } = this.#running;
    this.#running = null;
    if (error === undefined) resolve(reply);
    else reject(Object.assign(new Error(error), { unsupported }));
    this.#next();
  }

  // -------------------------------------------------------------------- worker

  #start() {
    const worker = new Worker(new URL(this.spec.worker, this.root));
    worker.onmessage = ({ data }) => {
      if (worker === this.#worker)
        "progress" in data ? this.#move(data.progress) : this.#settle(data);
    };
    worker.onerror = (event) => {
      event.preventDefault(); // said in a sentence, not in the console
      if (worker === this.#worker)
        this.#fail(new Error(this.state === "loading" && !event.message ? NO_WORKER : CRASHED));
    };
    return (this.#worker = worker);
  }

  #move(bytes) {
    this.progress = bytes / this.bytes;
    this.dispatchEvent(new Event("progress"));
  }

  /** End the Worker and with it all that it holds; whoever waits for it hears why. */
  #end(error = aborted()) {
    this.#worker?.terminate();
    this.#worker = this.#loading = null;
    const waiting = [this.#running, ...this.#queue].filter(Boolean);
    [this.#running, this.#queue] = [null, []];
    for (const { reject } of waiting) reject(error);
  }
}

// ---------------------------------------------------------- kept in this browser

/** Whether a cache is there with so many entries; it is not made by asking. */
async function holds(name, count) {
  try {
    return (await caches.has(name)) && (await (await caches.open(name)).keys()).length >= count;
  } catch {
    return false; // storage is forbidden, or the page came by plain http
  }
}

/** Keep this page and its files too, so that the book works offline from now on (sw.js). */
async function keepPages({ root, spec, pages }) {
  await navigator.serviceWorker.register(new URL("sw.js", root));
  const kept = await caches.open(pages);
  const files = performance.getEntriesByType("resource").map(({ name }) => name);
  const own = [location.href, ...files, spec.worker, spec.wasm].map((file) => new URL(file, root));
  const urls = new Set(
    own.filter((url) => isPage(url, root)).map(({ origin, pathname }) => origin + pathname),
  );
  await Promise.allSettled([...urls].map((url) => kept.add(url)));
}

const isPage = (url, root) =>
  url.href.startsWith(root.href) && !url.href.startsWith(`${root.href}model/`);

async function forget({ root, store, pages }) {
  await Promise.all([caches.delete(store), caches.delete(pages)]);
  const registration = await navigator.serviceWorker.getRegistration(root);
  if (registration?.scope === root.href) await registration.unregister();
}

/** Put the model at hand and let it answer the widgets. Runs while the page's script does. */
export function install(lmkit, spec) {
  lmkit.model = new PageModel(spec, new URL("../", document.currentScript.src));
}

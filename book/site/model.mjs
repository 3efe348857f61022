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

/**
 * What tools/model_parts.py made, and where the scripts are.
 * @typedef {{name: string, bytes: number, sha256: string}} Part
 * @typedef {{bytes: number, sha256: string, parts: Part[], worker: string, wasm: string}} Spec
 *
 * @typedef {{kind: string} & Record<string, any>} Request
 * @typedef {Error & {unsupported?: boolean}} Failure `unsupported`: there can be no model here
 *
 * A request that waits for the Worker, or at which it is.
 * @typedef {object} Entry
 * @property {Request} request
 * @property {object} [owner] the widget that asks
 * @property {(reply: any) => void} resolve
 * @property {(error: Error) => void} reject
 *
 * @typedef {import("../../lmkit/engine/model.mjs").Results} Results
 * @typedef {import("../../lmkit/engine/model.mjs").Wanted} Wanted
 * @typedef {import("../../lmkit/engine/model.mjs").Head} Head
 * @typedef {import("../../lmkit/engine/model.mjs").Step} Step
 * @typedef {import("../../lmkit/engine/model.mjs").WriteOptions} WriteOptions
 */

/** @type {Spec} */
const NONE = { bytes: 0, sha256: "", parts: [], worker: "", wasm: "" };

const aborted = () => new DOMException("The request was dropped.", "AbortError");

/**
 * Why there can be no model on this page, in a sentence; "" when there can.
 * @param {Spec | null} spec
 * @param {{protocol: string}} root of the site
 * @param {{Worker?: unknown, WebAssembly?: unknown}} [scope]
 */
export function obstacle(spec, { protocol }, scope = globalThis) {
  if (!spec) return NOT_BUILT;
  if (protocol === "file:") return FROM_DISK;
  return scope.Worker && scope.WebAssembly ? "" : TOO_OLD;
}

/**
 * One model for all widgets of a page. Events: "state" when `state` or `message` change, "progress"
 * while it loads.
 */
export class PageModel extends EventTarget {
  /** As figures that it answers name their model. */
  name = "SmolLM2-135M-Instruct";
  /** @type {Worker | null} */
  #worker = null;
  /** @type {Promise<void> | null} */
  #loading = null;
  /** The request that the Worker is at. @type {Entry | null} */
  #running = null;
  /** Those that wait. @type {Entry[]} */
  #queue = [];
  /** What figures may ask of it. @type {Set<string>} */
  #kinds = new Set();
  /** Until the site's own files are kept. @type {Promise<void>} */
  #keeping = Promise.resolve();

  /**
   * @param {Spec | null} spec null on a site that was built without the model
   * @param {URL} root of the site
   */
  constructor(spec, root) {
    super();
    this.spec = spec ?? NONE;
    this.root = root;
    this.message = obstacle(spec, root); // a sentence, where there is something to say
    /** @type {"absent" | "loading" | "ready" | "unavailable" | "failed"} */
    this.state = this.message ? "unavailable" : "absent";
    this.bytes = this.spec.bytes;
    this.progress = 0; // of loading, 0 to 1
    // Other books may lie on the same host: what is kept has the site's path in its name.
    this.store = `lmkit-model ${root.pathname} ${this.spec.sha256.slice(0, 16)}`;
    this.pages = `lmkit-pages ${root.pathname}`; // as in sw.js
  }

  /** Whether all of it is in this browser already, so that loading takes a second. */
  get cached() {
    return this.state === "unavailable"
      ? Promise.resolve(false)
      : holds(this.store, this.spec.parts.length);
  }

  /** @param {PageModel["state"]} state @param {string} [message] */
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
      this.#loading ??= this.#load();
      await this.#loading;
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
      const { kept, kinds } = await this.#ask(this.#order());
      this.#loading = null;
      this.#kinds = new Set(kinds);
      this.#set("ready", kept ? "" : NOT_KEPT);
      if (kept) this.#keeping = keepPages(this).catch(() => {}); // the model is there all the same
    } catch (error) {
      if (worker === this.#worker) this.#fail(/** @type {Failure} */ (error));
      throw error;
    }
  }

  /** What the Worker needs to know to load the model. */
  #order() {
    return { kind: "load", ...this.spec, root: this.root.href, store: this.store };
  }

  /** @param {Failure} error */
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

  /** Whether a figure's request of this kind can be answered now. @param {string} kind */
  can(kind) {
    return this.state === "ready" && this.#kinds.has(kind);
  }

  /** Token ids of a text. @param {string} text @returns {Promise<number[]>} */
  encode(text) {
    return this.ask({ kind: "ids", text });
  }

  /** The text of token ids. @param {number[]} ids @returns {Promise<string>} */
  decode(ids) {
    return this.ask({ kind: "text", ids });
  }

  /** Each token as text by itself. @param {number[]} ids @returns {Promise<string[]>} */
  tokens(ids) {
    return this.ask({ kind: "tokens", ids });
  }

  /** Bytes of memory that the model takes. @returns {Promise<number>} */
  memory() {
    return this.ask({ kind: "memory" });
  }

  /**
   * Run T token ids through the model.
   * @param {number[]} ids
   * @param {Wanted & {ablate?: Head[]}} [options] heads in `ablate`, as [layer, head], add nothing
   * @returns {Promise<Results>} logits (V,) after the last or with `all` (T, V); attentions
   *   (L, H, T, T); hidden (L + 1, T, D)
   */
  forward(ids, { all = false, attentions = false, hidden = false, ablate = [] } = {}) {
    return this.ask({ kind: "forward", ids, all, attentions, hidden, ablate });
  }

  /**
   * Go on with a text, token by token. The Worker is asked for one at a time: leaving the loop ends
   * its work, and other requests come in between.
   * @param {string} text or with `chat` a message to answer
   * @param {WriteOptions & {chat?: boolean}} [options]
   * @returns {AsyncGenerator<Step, void, void>}
   */
  async *generate(text, { chat, ...options } = {}) {
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
   * @param {Request} request
   * @param {object} [owner] the widget that asks
   * @returns {Promise<any>}
   */
  ask(request, owner) {
    if (this.state !== "ready")
      return Promise.reject(new Error(this.state === "unavailable" ? this.message : NOT_LOADED));
    return this.#ask(request, owner);
  }

  /** @param {Request} request @param {object} [owner] @returns {Promise<any>} */
  #ask(request, owner) {
    const older = owner ? this.#queue.findIndex((entry) => entry.owner === owner) : -1;
    if (older >= 0) this.#queue.splice(older, 1)[0].reject(aborted());
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, owner, resolve, reject });
      this.#next();
    });
  }

  #next() {
    const entry = this.#running ? undefined : this.#queue.shift();
    if (!entry) return;
    this.#running = entry;
    try {
      this.#worker?.postMessage(entry.request);
    } catch {
      this.#settle({ error: NOT_SENT });
    }
  }

  /** @param {{reply?: any, error?: string, unsupported?: boolean}} answer */
  #settle({ reply, error, unsupported }) {
    const entry = this.#running;
    this.#running = null;
    if (error === undefined) entry?.resolve(reply);
    else entry?.reject(Object.assign(new Error(error), { unsupported }));
    this.#next();
  }

  // -------------------------------------------------------------------- worker

  #start() {
    const worker = new Worker(new URL(this.spec.worker, this.root));
    worker.onmessage = ({ data }) => {
      if (worker !== this.#worker) return;
      if ("progress" in data) this.#move(data.progress);
      else this.#settle(data);
    };
    worker.onerror = (event) => {
      event.preventDefault(); // said in a sentence, not in the console
      if (worker === this.#worker)
        this.#fail(new Error(this.state === "loading" && !event.message ? NO_WORKER : CRASHED));
    };
    this.#worker = worker;
    return worker;
  }

  /** @param {number} bytes that have come */
  #move(bytes) {
    this.progress = bytes / this.bytes;
    this.dispatchEvent(new Event("progress"));
  }

  /** End the Worker and with it all that it holds; whoever waits for it hears why. */
  #end(/** @type {Error} */ error = aborted()) {
    this.#worker?.terminate();
    this.#worker = null;
    this.#loading = null;
    const waiting = [...(this.#running ? [this.#running] : []), ...this.#queue];
    this.#running = null;
    this.#queue = [];
    for (const { reject } of waiting) reject(error);
  }
}

// ---------------------------------------------------------- kept in this browser

/**
 * Whether a cache is there with so many entries; it is not made by asking.
 * @param {string} name
 * @param {number} count
 */
async function holds(name, count) {
  try {
    return (await caches.has(name)) && (await (await caches.open(name)).keys()).length >= count;
  } catch {
    return false; // storage is forbidden, or the page came by plain http
  }
}

/**
 * Keep this page and its files too, so that the book works offline from now on (sw.js).
 * @param {PageModel} model
 */
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

/** The model's parts are kept apart. @param {URL} url @param {URL} root */
const isPage = (url, root) =>
  url.href.startsWith(root.href) && !url.href.startsWith(`${root.href}model/`);

/** @param {PageModel} model */
async function forget({ root, store, pages }) {
  await Promise.all([caches.delete(store), caches.delete(pages)]);
  const registration = await navigator.serviceWorker.getRegistration(root);
  if (registration?.scope === root.href) await registration.unregister();
}

/**
 * Put the model at hand and let it answer the widgets.
 * @param {import("./host.mjs").Lmkit} lmkit
 * @param {Spec | null} spec
 * @param {URL} root of the site
 */
export function install(lmkit, spec, root) {
  lmkit.model = new PageModel(spec, root);
}

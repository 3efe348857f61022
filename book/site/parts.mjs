// Brings the model to the Worker: part by part, verified, kept in this browser where it keeps files.
import { ModelBuilder } from "../../lmkit/engine/model.mjs";
import { fail } from "../../lmkit/engine/reply.mjs";

const LANES = 2; // parts fetched at once
const ATTEMPTS = 3;
const PAUSE = 300; // milliseconds before the second attempt, twice as long before the third

const sayMissing = (status) =>
  `A part of the model is missing on the site (${status}): whoever serves it can build it again.`;
const DAMAGED = "A part of the model arrives damaged: try again later.";
const BROKEN =
  "The connection broke off while the model was loading: load again, and what has arrived is kept.";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Get all parts, verified, and make the model of them.
 * @param {import("./model.mjs").Spec & {root: string, store: string}} request
 * @param {(bytes: number) => void} report how much has come so far
 * @returns {Promise<{model: Model, kept: boolean}>} `kept` is whether this browser has it now
 */
export async function load({ bytes, parts, root, store: name, wasm }, report) {
  const engine = fetched(new URL(wasm, root)).catch((error) => ({ error }));
  const builder = new ModelBuilder(bytes);
  const store = await Store.open(name);
  let done = 0;
  const came = (more) => report((done += more));
  await inLanes(placed(parts), LANES, async (part) => {
    const url = new URL(`model/${part.name}`, root).href;
    const stored = await store.get(url, part);
    const data = stored ?? (await download(url, part, store.works, came));
    if (stored) came(part.bytes);
    builder.write(part.offset, data);
    if (!stored) await store.put(url, data);
  });
  const module = await engine;
  if (module.error) throw module.error;
  return { model: await builder.finish(module), kept: store.works };
}

/** The parts with the place where each begins. */
function placed(parts) {
  let end = 0;
  return parts.map((part) => ({ ...part, offset: (end += part.bytes) - part.bytes }));
}

/**
 * Work through a list, some at a time. After a failure nothing new is begun, but what is under way
 * goes on to its end: a part that has half come would be lost otherwise.
 */
async function inLanes(items, count, work) {
  const queue = [...items];
  const lane = async () => {
    try {
      for (let item = queue.shift(); item; item = queue.shift()) await work(item);
    } catch (error) {
      queue.length = 0;
      throw error;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: count }, lane));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
}

/** Whole parts in Cache Storage; where the browser keeps nothing, it holds nothing. */
class Store {
  static async open(name) {
    const store = new Store();
    store.name = name;
    try {
      await forgetOlder(name);
      store.cache = await caches.open(name);
    } catch {
      store.cache = null; // storage is forbidden, or the page came by plain http
    }
    return store;
  }

  get works() {
    return this.cache !== null;
  }

  /** A part if it is there and whole; one that is damaged is deleted. */
  async get(url, part) {
    const response = await this.cache?.match(url).catch(() => undefined);
    const data = response && new Uint8Array(await response.arrayBuffer());
    if (data && (await isWhole(data, part))) return data;
    if (data) await this.cache?.delete(url);
    return undefined;
  }

  /** Keep a part; when there is no room, make room for the reader's other things. */
  async put(url, data) {
    try {
      await this.cache?.put(url, new Response(data));
    } catch {
      this.cache = null;
      await caches.delete(this.name).catch(() => {});
    }
  }
}

/** Delete what other versions of this site's model have left. */
async function forgetOlder(name) {
  const stem = name.slice(0, name.lastIndexOf(" ") + 1);
  const older = (await caches.keys()).filter((other) => other.startsWith(stem) && other !== name);
  await Promise.all(older.map((other) => caches.delete(other)));
}

/**
 * Whether a part is the one that was built. Over plain http browsers give no digests; there only
 * the size is compared: the page's own script could be altered on the way as well.
 */
async function isWhole(data, { bytes, sha256 }) {
  if (data.length !== bytes) return false;
  if (!globalThis.crypto?.subtle) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}

/** A part from the site, verified; what breaks is tried again. */
async function download(url, part, kept, came) {
  for (let attempt = 1; ; attempt++) {
    let got = 0;
    const count = (more) => ((got += more), came(more));
    try {
      const data = await receive(
        url,
        part.bytes,
        kept ? "no-store" : attempt > 1 ? "reload" : "default",
        count,
      );
      if (await isWhole(data, part)) return data;
      throw new Error(DAMAGED);
    } catch (error) {
      came(-got);
      if (error.final || attempt === ATTEMPTS) throw error;
      await pause(PAUSE * attempt);
    }
  }
}

/** The bytes of an answer, at most `size`. Kept parts are not kept by the HTTP cache a second time. */
async function receive(url, size, cache, came) {
  const response = await fetched(url, cache, true);
  const data = new Uint8Array(size);
  const reader = response.body.getReader();
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => fail(BROKEN));
    if (done) return data.subarray(0, at);
    if (at + value.length > size) return (reader.cancel().catch(() => {}), fail(DAMAGED));
    data.set(value, at);
    at += value.length;
    came(value.length);
  }
}

/** @returns {Promise<ArrayBuffer | Response>} its bytes, or with `open` the answer to read them from */
async function fetched(url, cache = "default", open = false) {
  const response = await fetch(url, { cache }).catch(() => fail(BROKEN));
  if (!response.ok)
    throw Object.assign(new Error(sayMissing(response.status)), { final: response.status < 500 });
  return open ? response : response.arrayBuffer();
}

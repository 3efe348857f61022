// Brings the model to the Worker: part by part, verified, kept in this browser where it keeps files.
import { ModelBuilder } from "../../lmkit/engine/model.mjs";
import { fail } from "../../lmkit/engine/reply.mjs";

const LANES = 2; // parts fetched at once
const ATTEMPTS = 3;
const PAUSE = 300; // milliseconds before the second attempt, twice as long before the third

/** @param {number} status */
const sayMissing = (status) =>
  `A part of the model is missing on the site (${status}): whoever serves it can build it again.`;
const DAMAGED = "A part of the model arrives damaged: try again later.";
const BROKEN =
  "The connection broke off while the model was loading: load again, and what has arrived is kept.";

/**
 * @typedef {import("./model.mjs").Part} Part
 * @typedef {Part & {offset: number}} Placed a part with the place where it begins
 * @typedef {import("./model.mjs").Spec & {root: string, store: string}} Order what to load, from
 *   which site, and the name under which this browser keeps it
 * @typedef {(bytes: number) => void} Count told how many more bytes have come; fewer, if below 0
 */

/**
 * Get all parts, verified, and make the model of them.
 * @param {Order} order
 * @param {(bytes: number) => void} report how much has come so far
 * @returns {Promise<{model: import("../../lmkit/engine/model.mjs").Model, kept: boolean}>} `kept` is
 *   whether this browser has it now
 */
export async function load({ bytes, parts, root, store: name, wasm }, report) {
  const engine = opened(new URL(wasm, root)).then((response) => response.arrayBuffer());
  engine.catch(() => {}); // heard below, when the parts are there
  const builder = new ModelBuilder(bytes);
  const store = await Store.open(name);
  const came = sumTo(report);
  await inLanes(placed(parts), LANES, async (part) => {
    const url = new URL(`model/${part.name}`, root);
    builder.write(part.offset, await bring(url, part, store, came));
  });
  return { model: await builder.finish(await engine), kept: store.works };
}

/** Report the sum of what it is told. @param {(total: number) => void} report @returns {Count} */
function sumTo(report) {
  let total = 0;
  return (more) => {
    total += more;
    report(total);
  };
}

/** @param {Part[]} parts @returns {Placed[]} */
function placed(parts) {
  let end = 0;
  return parts.map((part) => {
    const offset = end;
    end += part.bytes;
    return { ...part, offset };
  });
}

/**
 * Work through a list, some at a time. After a failure nothing new is begun, but what is under way
 * goes on to its end: a part that has half come would be lost otherwise.
 * @template Item
 * @param {Item[]} items
 * @param {number} count
 * @param {(item: Item) => Promise<void>} work
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

/**
 * A part from this browser, or from the site and then kept here.
 * @param {URL} url
 * @param {Part} part
 * @param {Store} store
 * @param {Count} came
 */
async function bring(url, part, store, came) {
  const stored = await store.get(url, part);
  if (stored) {
    came(part.bytes);
    return stored;
  }
  const data = await download(url, part, store.works, came);
  await store.put(url, data);
  return data;
}

// ------------------------------------------------------------------ what is kept

/** Whole parts in Cache Storage; where the browser keeps nothing, it holds nothing. */
class Store {
  /** @param {string} name @param {Cache | null} cache */
  constructor(name, cache) {
    this.name = name;
    this.cache = cache;
  }

  /** @param {string} name */
  static async open(name) {
    try {
      await forgetOlder(name);
      return new Store(name, await caches.open(name));
    } catch {
      return new Store(name, null); // storage is forbidden, or the page came by plain http
    }
  }

  get works() {
    return this.cache !== null;
  }

  /** A part if it is there and whole; one that is damaged is deleted. @param {URL} url @param {Part} part */
  async get(url, part) {
    const response = await this.cache?.match(url).catch(() => undefined);
    if (!response) return undefined;
    const data = new Uint8Array(await response.arrayBuffer());
    if (await isWhole(data, part)) return data;
    await this.cache?.delete(url);
    return undefined;
  }

  /**
   * Keep a part; when there is no room, make room for the reader's other things.
   * @param {URL} url
   * @param {Uint8Array<ArrayBuffer>} data
   */
  async put(url, data) {
    try {
      await this.cache?.put(url, new Response(data));
    } catch {
      this.cache = null;
      await caches.delete(this.name).catch(() => {});
    }
  }
}

/** Delete what other versions of this site's model have left. @param {string} name */
async function forgetOlder(name) {
  const stem = name.slice(0, name.lastIndexOf(" ") + 1);
  const older = (await caches.keys()).filter((other) => other.startsWith(stem) && other !== name);
  await Promise.all(older.map((other) => caches.delete(other)));
}

/**
 * Whether a part is the one that was built. Over plain http browsers give no digests; there only
 * the size is compared: the page's own script could be altered on the way as well.
 * @param {Uint8Array<ArrayBuffer>} data
 * @param {Part} part
 */
async function isWhole(data, { bytes, sha256 }) {
  if (data.length !== bytes) return false;
  if (!globalThis.crypto?.subtle) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}

// ------------------------------------------------------------ what is downloaded

/**
 * A part from the site, verified; what breaks is tried again.
 * @param {URL} url
 * @param {Part} part
 * @param {boolean} kept whether this browser will keep it: then its HTTP cache need not
 * @param {Count} came
 */
async function download(url, part, kept, came) {
  for (let attempt = 1; ; attempt++) {
    try {
      const again = attempt > 1 ? "reload" : "default";
      return await tried(url, part, kept ? "no-store" : again, came);
    } catch (error) {
      if (/** @type {Missing} */ (error).final || attempt === ATTEMPTS) throw error;
      await pause(PAUSE * attempt);
    }
  }
}

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * One attempt; if it fails, what has come of the part is taken back.
 * @param {URL} url
 * @param {Part} part
 * @param {RequestCache} cache
 * @param {Count} came
 */
async function tried(url, part, cache, came) {
  let got = 0;
  try {
    const data = await receive(await opened(url, cache), part.bytes, (more) => {
      got += more;
      came(more);
    });
    return (await isWhole(data, part)) ? data : fail(DAMAGED);
  } catch (error) {
    came(-got);
    throw error;
  }
}

/**
 * The bytes of an answer, at most `size`.
 * @param {Response} response
 * @param {number} size
 * @param {Count} came
 */
async function receive(response, size, came) {
  const data = new Uint8Array(size);
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => fail(BROKEN));
    if (done) return data.subarray(0, at);
    if (at + value.length > size) {
      reader.cancel().catch(() => {});
      fail(DAMAGED);
    }
    data.set(value, at);
    at += value.length;
    came(value.length);
  }
}

/**
 * The site's answer, before its bytes have come.
 * @param {URL} url
 * @param {RequestCache} [cache]
 */
async function opened(url, cache = "default") {
  const response = await fetch(url, { cache }).catch(() => fail(BROKEN));
  if (!response.ok) throw new Missing(response.status);
  return response;
}

/** What the site does not have; `final` where asking again is no use. */
class Missing extends Error {
  /** @param {number} status of HTTP */
  constructor(status) {
    super(sayMissing(status));
    this.final = status < 500;
  }
}

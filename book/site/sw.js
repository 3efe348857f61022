// Lets the pages that the reader has visited work offline. Registered when the reader loads the
// model (model.mjs), for the whole site; the model's parts are not its business.
//
// The network is always asked first and its answer is always used, so nothing can be stale while
// there is a connection. A file is kept under its path without the version behind the "?": a newer
// one takes its place.

/**
 * What is used of a service worker's own scope, which the types of a page do not know.
 * @typedef {Event & {waitUntil: (work: Promise<unknown>) => void}} Lasting
 * @typedef {Lasting & {request: Request, respondWith: (answer: Promise<Response>) => void}} Fetching
 * @typedef {object} Scope
 * @property {{scope: string}} registration
 * @property {() => Promise<void>} skipWaiting
 * @property {{claim: () => Promise<void>}} clients
 * @property {(type: string, listener: (event: any) => void) => void} addEventListener
 */

const worker = /** @type {Scope} */ (/** @type {unknown} */ (self));
const { scope } = worker.registration;
const PAGES = `lmkit-pages ${new URL(scope).pathname}`; // as in model.mjs

worker.addEventListener("install", () => worker.skipWaiting());

worker.addEventListener("activate", (/** @type {Lasting} */ event) =>
  event.waitUntil(worker.clients.claim()),
);

worker.addEventListener("fetch", (/** @type {Fetching} */ event) => {
  const { method, url } = event.request;
  const isPage = url.startsWith(scope) && !url.startsWith(`${scope}model/`);
  if (method === "GET" && isPage) event.respondWith(answer(event));
});

/** The name under which a file is kept. @param {string} url */
const key = (url) => url.replace(/[?#].*$/, "");

/** @param {Fetching} event */
async function answer(event) {
  const { request } = event;
  try {
    const response = await fetch(request);
    if (response.status === 200) event.waitUntil(keep(request.url, response.clone()));
    return response;
  } catch {
    const kept = await caches.match(key(request.url), { cacheName: PAGES, ignoreVary: true });
    return kept ?? Response.error();
  }
}

/** Keep an answer, unless the reader has removed all that was kept. @param {string} url @param {Response} response */
async function keep(url, response) {
  if (await caches.has(PAGES)) await (await caches.open(PAGES)).put(key(url), response);
}

// Lets the pages that the reader has visited work offline. Registered when the reader loads the
// model (model.mjs), for the whole site; the model's parts are not its business.
//
// The network is always asked first and its answer is always used, so nothing can be stale while
// there is a connection. A file is kept under its path without the version behind the "?": a newer
// one takes its place.

const { scope } = self.registration;
const PAGES = `lmkit-pages ${new URL(scope).pathname}`; // as in model.mjs

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  const isPage = url.startsWith(scope) && !url.startsWith(`${scope}model/`);
  if (method === "GET" && isPage) event.respondWith(answer(event));
});

const key = (url) => url.replace(/[?#].*$/, "");

async function answer(event) {
  const { request } = event;
  try {
    const response = await fetch(request);
    if (response.status === 200) event.waitUntil(keep(request.url, response.clone()));
    return response;
  } catch {
    return (
      (await caches.match(key(request.url), { cacheName: PAGES, ignoreVary: true })) ??
      Response.error()
    );
  }
}

/** Keep an answer, unless the reader has removed all that was kept. */
async function keep(url, response) {
  if (await caches.has(PAGES)) await (await caches.open(PAGES)).put(key(url), response);
}

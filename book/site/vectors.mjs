// Word vectors for a page without a kernel: what tools/word_vectors.py laid beside the site, fetched
// when a widget of chapter 3 first asks, and then kept for the page.

/** @typedef {{file: string}} Spec */

/**
 * @param {ArrayBuffer} data the length of the words' text in four bytes, the text, then the vectors
 * @returns {{words: string, vectors: Int8Array}}
 */
export function unpack(data) {
  const size = new DataView(data).getUint32(0, true);
  const words = new TextDecoder().decode(new Uint8Array(data, 4, size));
  return { words, vectors: new Int8Array(data, 4 + size) };
}

/** @param {URL} url */
async function fetched(url) {
  const response = await fetch(url).catch(() => null);
  if (!response?.ok)
    throw new Error(
      "The word vectors could not be loaded: see whether the site can be reached, and try again.",
    );
  return unpack(await response.arrayBuffer());
}

/**
 * Answer the widgets' `vectors`, where the site has them and its files can be fetched.
 * @param {import("./host.mjs").Lmkit} lmkit
 * @param {Spec | null} spec
 * @param {URL} root of the site
 */
export function install(lmkit, spec, root) {
  if (!spec || root.protocol === "file:") return;
  /** @type {ReturnType<typeof fetched> | null} */
  let kept = null;
  lmkit.handle("vectors", () => {
    kept ??= fetched(new URL(spec.file, root));
    kept.catch(() => (kept = null)); // so that a later try asks again
    return kept;
  });
}

// Word vectors for a page without a kernel: what tools/word_vectors.py laid beside the site, fetched
// when a widget of chapter 3 first asks, and then kept for the page.

/**
 * @param {ArrayBuffer} data the length of the words' text in four bytes, the text, then the vectors
 * @returns {{words: string, vectors: Int8Array}}
 */
export function unpack(data) {
  const size = new DataView(data).getUint32(0, true);
  const words = new TextDecoder().decode(new Uint8Array(data, 4, size));
  return { words, vectors: new Int8Array(data, 4 + size) };
}

async function fetched(url) {
  const response = await fetch(url).catch(() => null);
  if (!response?.ok)
    throw new Error(
      "The word vectors could not be loaded: see whether the site can be reached, and try again.",
    );
  return unpack(await response.arrayBuffer());
}

/** Answer the widgets' `vectors`. Runs while the page's script does. */
export function install(lmkit, spec) {
  const root = new URL("../", document.currentScript.src);
  let kept = null;
  const answer = () => {
    kept ??= fetched(new URL(spec.file, root));
    kept.catch(() => (kept = null)); // so that a later try asks again
    return kept;
  };
  lmkit.handle("vectors", answer, () => Boolean(spec) && root.protocol !== "file:");
}

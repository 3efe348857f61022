// The smallest helpers for tests: node's own runner finds the tests (`node --test`), and a browser
// imports the same files for those that need a document.
const node = Boolean(globalThis.process?.versions.node);
const tests = new Map();
const kept = (name, fn) => tests.set(name, fn);

/** Register a test that needs no document. */
export const test = node ? (await import("node:test")).test : kept;

/** Register a test that needs a document: node leaves it to the browser. */
export const inBrowser = node ? () => {} : kept;
export const run = async (name) => tests.get(name)();

export function equal(actual, expected, what = "") {
  const [a, b] = [actual, expected].map((value) => JSON.stringify(value));
  if (a !== b) throw new Error(`${what} expected ${b}, got ${a}`);
}

export function close(actual, expected, tolerance, what = "") {
  const gap = Math.abs(actual - expected);
  if (!(gap <= tolerance))
    throw new Error(`${what} expected ${expected} ± ${tolerance}, got ${actual}`);
}

/** Numbers, or lists of them within each other, each within the tolerance. */
export function closeAll(actual, expected, tolerance, what = "") {
  if (typeof expected === "number") {
    close(actual, expected, tolerance, what);
    return;
  }
  equal(actual.length, expected.length, `${what} how many:`);
  for (const [i, one] of expected.entries()) closeAll(actual[i], one, tolerance, `${what} [${i}]`);
}

export function throws(fn, pattern) {
  try {
    fn();
  } catch (error) {
    if (!pattern.test(error.message)) throw new Error(`unexpected message: ${error.message}`);
    return;
  }
  throw new Error(`nothing was thrown; expected ${pattern}`);
}

/** The vectors that Python is held to as well. */
export async function vectors(name) {
  const url = new URL(`../data/${name}.json`, import.meta.url);
  if (!node) return (await fetch(url)).json();
  return JSON.parse(await (await import("node:fs/promises")).readFile(url, "utf8"));
}

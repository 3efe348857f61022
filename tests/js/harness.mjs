// The smallest test harness: files register tests, the page runs one by its name.
const tests = new Map();

export const test = (name, fn) => tests.set(name, fn);
export const run = async (name) => tests.get(name)();
export const names = () => [...tests.keys()];

export function equal(actual, expected, what = "") {
  const [a, b] = [actual, expected].map((value) => JSON.stringify(value));
  if (a !== b) throw new Error(`${what} expected ${b}, got ${a}`);
}

export function close(actual, expected, tolerance, what = "") {
  const gap = Math.abs(actual - expected);
  if (!(gap <= tolerance)) throw new Error(`${what} expected ${expected} ± ${tolerance}, got ${actual}`);
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

export const vectors = async (name) => (await fetch(`/tests/data/${name}.json`)).json();

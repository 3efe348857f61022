// What is fetched once for all who ask.

/**
 * A function that makes something when it is first called; what failed is tried anew by the next call.
 * @template T
 * @template {any[]} Args
 * @param {(...args: Args) => Promise<T>} make
 * @returns {(...args: Args) => Promise<T>}
 */
export function once(make) {
  /** @type {Promise<T> | null} */
  let made = null;
  return (...args) => {
    made ??= make(...args).catch((error) => {
      made = null;
      throw error;
    });
    return made;
  };
}

// Numbers that travel as bytes.

/**
 * The numbers of an array that is stored as base64 of its bytes, or comes as it is.
 * @template {Uint8Array | Int8Array} [T=Uint8Array]
 * @param {string | T} data
 * @param {new (buffer: ArrayBuffer) => T} [Of]
 * @returns {T}
 */
export function unpacked(data, Of = /** @type {any} */ (Uint8Array)) {
  if (typeof data !== "string") return data;
  return new Of(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)).buffer);
}

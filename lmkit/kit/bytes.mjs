// Packed or plain bytes.

/** The numbers of an array that is stored as base64 of its bytes, or comes as it is: `Of` is Uint8Array or Int8Array. */
export const unpacked = (data, Of = Uint8Array) =>
  typeof data === "string"
    ? new Of(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)).buffer)
    : data;

// What the answers of the page's model share: a text's tokens with their faces, the likeliest of many.

export const english = (n) => n.toLocaleString("en-US");

export const rounded = (x) => Math.round(x * 1e4) / 1e4;

export function asText(text) {
  return typeof text === "string" ? text : fail(`A text is a string, not ${typeof text}.`);
}

export function asIds(ids) {
  return Array.isArray(ids) || ArrayBuffer.isView(ids)
    ? Array.from(ids)
    : fail("Token ids are an array of whole numbers.");
}

export const chips = (model, ids) => model.tokens(ids).map((t, k) => ({ t, i: ids[k] }));

export const begun = (model, text) => [model.startId, ...model.encode(asText(text))];

/** The places of the k greatest numbers, greatest first, of equals the first. */
export function likeliest(numbers, k) {
  const best = [];
  for (let i = 0; i < numbers.length; i++) {
    if (best.length === k && !(numbers[i] > numbers[best[k - 1]])) continue;
    let at = best.length;
    while (at > 0 && numbers[i] > numbers[best[at - 1]]) at--;
    best.splice(at, 0, i);
    best.length = Math.min(best.length, k);
  }
  return best;
}

/** Refuse with a sentence. */
export function fail(sentence) {
  throw new Error(sentence);
}

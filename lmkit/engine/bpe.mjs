// Byte-level byte-pair encoding, as in GPT-2 and SmolLM2: text to token ids and back.

// GPT-2's split into words (Radford et al. 2019, encoder.py), after every digit has been cut out
// as a piece of its own; a merge never crosses these pieces. In JavaScript \s would count U+FEFF
// and leave U+0085 out, so it is spelt out.
const SPLIT = new RegExp(
  String.raw`\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+`.replaceAll(
    String.raw`\s`,
    String.raw`\p{White_Space}`,
  ),
  "gu",
);

/**
 * The visible character that each of the 256 bytes has in a vocabulary: 65 → "A", 32 → "Ġ".
 * @returns {string[]}
 */
export function byteAlphabet() {
  const visible = (b) => (b > 32 && b < 127) || (b > 160 && b !== 173);
  let hidden = 0;
  return Array.from({ length: 256 }, (_, b) =>
    String.fromCharCode(visible(b) ? b : 256 + hidden++),
  );
}

/** Text without half surrogate pairs, which no encoding can hold: they become U+FFFD. */
export const wellFormed = (text) => text.replace(/\p{Surrogate}/gu, "\ufffd");

/** The pieces of a text that are encoded each by itself: "a 12" → ["a", " ", "1", "2"]. */
export const split = (text) => wellFormed(text).match(SPLIT) ?? [];

/** The smallest number first: `push` and `pop` take O(log n) steps. */
export class Heap {
  constructor() {
    this.items = [];
  }

  push(item) {
    const { items } = this;
    let i = items.push(item) - 1;
    for (let up = (i - 1) >> 1; i > 0 && items[up] > item; i = up, up = (i - 1) >> 1)
      items[i] = items[up];
    items[i] = item;
  }

  /** @returns {number | undefined} the smallest, undefined when there is none */
  pop() {
    const { items } = this;
    const [least, last] = [items[0], items.pop()];
    if (!items.length) return least;
    let i = 0;
    for (let down = 1; down < items.length; i = down, down = 2 * i + 1) {
      if (items[down + 1] < items[down]) down++;
      if (items[down] >= last) break;
      items[i] = items[down];
    }
    items[i] = last;
    return least;
  }
}

/**
 * Join neighbours, always the leftmost pair of the lowest rank, until no pair has a rank
 * (Sennrich et al. 2016, algorithm 1). A heap of candidate pairs: n symbols take O(n log n) steps.
 * @param {number[]} ids changed in place
 * @param {(a: number, b: number) => number | undefined} rank of a pair
 * @param {(rank: number) => number} joined the id that this pair becomes
 */
export function merge(ids, rank, joined) {
  const left = ids.map((_, i) => i - 1);
  const right = ids.map((_, i) => i + 1);
  const heap = new Heap();
  const consider = (i) => {
    const r = i >= 0 && right[i] < ids.length ? rank(ids[i], ids[right[i]]) : undefined;
    if (r !== undefined) heap.push(r * 2 ** 32 + i);
  };
  for (let i = 0; i + 1 < ids.length; i++) consider(i);
  for (let item = heap.pop(); item !== undefined; item = heap.pop()) {
    const [i, r] = [item % 2 ** 32, Math.floor(item / 2 ** 32)];
    const j = right[i];
    // the candidate is stale if one of the two has been joined to another meanwhile
    if (ids[i] < 0 || j >= ids.length || rank(ids[i], ids[j]) !== r) continue;
    [ids[i], ids[j], right[i]] = [joined(r), -1, right[j]];
    if (right[i] < ids.length) left[right[i]] = i;
    consider(left[i]);
    consider(i);
  }
  return ids.filter((id) => id >= 0);
}

const SPECIAL = 3; // the type of a token that stands for no text

/** A tokenizer as a GGUF file describes it. */
export class Tokenizer {
  /**
   * @param {string[]} tokens the vocabulary, written in the byte alphabet
   * @param {string[]} merges pairs to join, "Ġ t", the most important first
   * @param {number[]} types of the tokens
   */
  constructor(tokens, merges, types) {
    const alphabet = byteAlphabet();
    const byteOf = new Map(alphabet.map((char, byte) => [char, byte]));
    const id = new Map(tokens.map((token, i) => [token, i]));
    this.special = new Map([...id].filter(([, i]) => types[i] === SPECIAL));
    this.byteId = alphabet.map((char) => id.get(char));
    this.ranks = new Map();
    this.joined = merges.map((pair, rank) => {
      const [a, b] = pair.split(" ");
      this.ranks.set(id.get(a) * 2 ** 24 + id.get(b), rank);
      return id.get(a + b) ?? fail(`the pair “${pair}” makes no token`);
    });
    const utf8 = new TextEncoder();
    this.bytes = tokens.map((token, i) =>
      types[i] === SPECIAL
        ? utf8.encode(token)
        : Uint8Array.from(token, (char) => byteOf.get(char)),
    );
  }

  /**
   * Text to token ids. Special tokens that are typed in it are ordinary text, so that nobody can
   * forge them. A byte that is not in the vocabulary gives no token.
   * @param {string} text
   * @returns {number[]}
   */
  encode(text) {
    const ids = [];
    for (const piece of split(text)) for (const id of this.encodePiece(piece)) ids.push(id);
    return ids;
  }

  encodePiece(piece) {
    const ids = Array.from(new TextEncoder().encode(piece), (byte) => this.byteId[byte]);
    const rank = (a, b) => this.ranks.get(a * 2 ** 24 + b);
    return merge(
      ids.filter((id) => id !== undefined),
      rank,
      (r) => this.joined[r],
    );
  }

  /** The bytes that a token stands for; a special one stands for its name. */
  tokenBytes(id) {
    return (
      this.bytes[id] ??
      fail(`No token has the number ${id}: they go from 0 to ${this.bytes.length - 1}.`)
    );
  }

  /** Token ids to text; bytes that are no UTF-8 become U+FFFD. */
  decode(ids) {
    const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
    return (
      ids.map((id) => utf8.decode(this.tokenBytes(id), { stream: true })).join("") + utf8.decode()
    );
  }

  /** Each token by itself; part of a character is shown as its bytes, like `\xe2`. */
  tokens(ids) {
    return ids.map((id) => showBytes(this.tokenBytes(id)));
  }
}

function fail(sentence) {
  throw new Error(sentence);
}

/** Bytes as text, and those that are no UTF-8 as `\xe2`. */
export function showBytes(bytes) {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  let text = "";
  for (let i = 0; i < bytes.length; ) {
    const size = [bytes.length - i, 1, 2, 3, 4].find((n) => isText(utf8, bytes.subarray(i, i + n)));
    text += size
      ? utf8.decode(bytes.subarray(i, i + size))
      : `\\x${bytes[i].toString(16).padStart(2, "0")}`;
    i += size ?? 1;
  }
  return text;
}

function isText(utf8, bytes) {
  try {
    return utf8.decode(bytes) !== "";
  } catch {
    return false;
  }
}

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

/** The visible character that each of the 256 bytes has in a vocabulary: 65 → "A", 32 → "Ġ". */
export function byteAlphabet() {
  /** @param {number} b */
  const isVisible = (b) => (b > 32 && b < 127) || (b > 160 && b !== 173);
  let hidden = 0;
  return Array.from({ length: 256 }, (_, b) =>
    String.fromCharCode(isVisible(b) ? b : 256 + hidden++),
  );
}

/**
 * Text without half surrogate pairs, which no encoding can hold: they become U+FFFD.
 * @param {string} text
 */
export const wellFormed = (text) => text.replace(/\p{Surrogate}/gu, "\ufffd");

/**
 * The pieces of a text that are encoded each by itself: "a 12" → ["a", " ", "1", "2"].
 * @param {string} text
 * @returns {string[]}
 */
export const split = (text) => wellFormed(text).match(SPLIT) ?? [];

/** The smallest number first: `push` and `pop` take O(log n) steps. Exported for its test. */
export class Heap {
  constructor() {
    /** @type {number[]} */
    this.items = [];
  }

  /** @param {number} item */
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
    if (last === undefined || !items.length) return last;
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

/** @typedef {(a: number, b: number) => number | undefined} Rank the lowest is joined first */

/** Symbols that know their neighbours, and a heap of the pairs that may be joined. */
class Chain {
  /** @param {number[]} ids changed in place: −1 for one that is joined to another @param {Rank} rank */
  constructor(ids, rank) {
    this.ids = ids;
    this.rank = rank;
    this.left = ids.map((_, i) => i - 1);
    this.right = ids.map((_, i) => i + 1);
    this.heap = new Heap();
    for (let i = 0; i + 1 < ids.length; i++) this.consider(i);
  }

  /** The rank of the pair that begins at i, if one does and it has a rank. @param {number} i */
  rankAt(i) {
    const { ids, right } = this;
    if (i < 0 || ids[i] < 0 || right[i] >= ids.length) return undefined;
    return this.rank(ids[i], ids[right[i]]);
  }

  /** @param {number} i */
  consider(i) {
    const rank = this.rankAt(i);
    if (rank !== undefined) this.heap.push(rank * 2 ** 32 + i);
  }

  /** Put one id in the place of the pair that begins at i. @param {number} i @param {number} id */
  join(i, id) {
    const { ids, left, right } = this;
    const gone = right[i];
    [ids[i], ids[gone], right[i]] = [id, -1, right[gone]];
    if (right[i] < ids.length) left[right[i]] = i;
    this.consider(left[i]);
    this.consider(i);
  }
}

/**
 * Join neighbours, always the leftmost pair of the lowest rank, until no pair has a rank
 * (Sennrich et al. 2016, algorithm 1). A heap of candidate pairs: n symbols take O(n log n) steps.
 * @param {number[]} ids changed in place
 * @param {Rank} rank of a pair
 * @param {(rank: number) => number} joined the id that this pair becomes
 */
export function merge(ids, rank, joined) {
  const chain = new Chain(ids, rank);
  for (let item = chain.heap.pop(); item !== undefined; item = chain.heap.pop()) {
    const [i, r] = [item % 2 ** 32, Math.floor(item / 2 ** 32)];
    // the candidate is stale if one of the two has been joined to another meanwhile
    if (chain.rankAt(i) === r) chain.join(i, joined(r));
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
    const ids = new Map(tokens.map((token, id) => [token, id]));
    const pairs = merges.map((pair) => pairIds(pair, ids));
    const isSpecial = types.map((type) => type === SPECIAL);
    /** Special tokens' ids by their names. */
    this.special = new Map([...ids].filter(([, id]) => isSpecial[id]));
    this.byteId = byteAlphabet().map((char) => ids.get(char));
    this.ranks = new Map(pairs.map(([a, b], rank) => [a * 2 ** 24 + b, rank]));
    this.joined = pairs.map(([, , id]) => id);
    this.bytes = bytesOf(tokens, isSpecial);
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

  /** @param {string} piece one of `split` */
  encodePiece(piece) {
    const ids = Array.from(new TextEncoder().encode(piece), (byte) => this.byteId[byte]);
    return merge(
      ids.filter((id) => id !== undefined),
      (a, b) => this.ranks.get(a * 2 ** 24 + b),
      (rank) => this.joined[rank],
    );
  }

  /** The bytes that a token stands for; a special one stands for its name. @param {number} id */
  tokenBytes(id) {
    const most = this.bytes.length - 1;
    return this.bytes[id] ?? fail(`No token has the number ${id}: they go from 0 to ${most}.`);
  }

  /** Token ids to text; bytes that are no UTF-8 become U+FFFD. @param {number[]} ids */
  decode(ids) {
    const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
    const parts = ids.map((id) => utf8.decode(this.tokenBytes(id), { stream: true }));
    return parts.join("") + utf8.decode();
  }

  /** Each token by itself; part of a character is shown as its bytes, `\xe2`. @param {number[]} ids */
  tokens(ids) {
    return ids.map((id) => showBytes(this.tokenBytes(id)));
  }
}

/**
 * The ids of a pair's two tokens and of the token that they make.
 * @param {string} pair "Ġ t"
 * @param {Map<string, number>} ids by token
 */
function pairIds(pair, ids) {
  const [a, b] = pair.split(" ");
  /** @param {string} token */
  const id = (token) => ids.get(token) ?? fail(`The pair “${pair}” makes no token.`);
  return [id(a), id(b), id(a + b)];
}

/**
 * What tokens stand for: special ones for their name, others for the bytes that they are written with.
 * @param {string[]} tokens
 * @param {boolean[]} isSpecial
 */
function bytesOf(tokens, isSpecial) {
  const utf8 = new TextEncoder();
  const byteOf = new Map(byteAlphabet().map((char, byte) => [char, byte]));
  return tokens.map((token, id) =>
    isSpecial[id] ? utf8.encode(token) : Uint8Array.from(token, (char) => byteOf.get(char) ?? 0),
  );
}

/** @param {string} sentence @returns {never} */
function fail(sentence) {
  throw new Error(sentence);
}

/**
 * Bytes as text, and those that are no UTF-8 as `\xe2`.
 * @param {Uint8Array} bytes
 */
export function showBytes(bytes) {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  let text = "";
  for (let i = 0; i < bytes.length; ) {
    const size = [bytes.length - i, 1, 2, 3, 4].find((n) => isText(utf8, bytes.subarray(i, i + n)));
    text += size ? utf8.decode(bytes.subarray(i, i + size)) : hexEscape(bytes[i]);
    i += size ?? 1;
  }
  return text;
}

/** @param {number} byte */
const hexEscape = (byte) => `\\x${byte.toString(16).padStart(2, "0")}`;

/** @param {TextDecoder} utf8 @param {Uint8Array} bytes */
function isText(utf8, bytes) {
  try {
    return utf8.decode(bytes) !== "";
  } catch {
    return false;
  }
}

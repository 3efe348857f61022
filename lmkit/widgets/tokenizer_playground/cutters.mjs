// Five tokenizers that need no kernel: words, characters, bytes, BPE and WordPiece.
import { byteAlphabet, showBytes, Tokenizer, wellFormed } from "../../engine/bpe.mjs";

/**
 * @typedef {{t: string, i: number, of?: string}} Token `of` is what an unknown token stands for
 * @typedef {(text: string) => Token[]} Cut
 * @typedef {Map<string, number>} Ids
 */

/** @param {string} pattern */
const unicode = (pattern) =>
  new RegExp(pattern.replaceAll(String.raw`\s`, String.raw`\p{White_Space}`), "gu");
const WORD = unicode(String.raw`[\p{L}\p{M}\p{N}\p{Pc}]+|[^\s\p{L}\p{M}\p{N}\p{Pc}]`);

/** @param {string[]} tokens @returns {Ids} */
const numbered = (tokens) => new Map(tokens.map((token, i) => [token, i]));

/** A token that every vocabulary has, for a piece that this one has not. @param {Ids} ids @param {string} t @param {string} of */
const unknown = (ids, t, of) => ({ t, i: /** @type {number} */ (ids.get(t)), of });

/** @param {Ids} ids @returns {(piece: string) => Token} */
const looked = (ids) => (piece) => {
  const i = ids.get(piece);
  return i === undefined ? unknown(ids, "<unk>", piece) : { t: piece, i };
};

/** Words and marks. @param {string[]} tokens in the order of their ids @returns {Cut} */
export function wordCutter(tokens) {
  const look = looked(numbered(tokens));
  return (text) => (wellFormed(text).match(WORD) ?? []).map(look);
}

/** Characters. @param {string[]} tokens @returns {Cut} */
export function characterCutter(tokens) {
  const look = looked(numbered(tokens));
  return (text) => Array.from(wellFormed(text), look);
}

/** The bytes of UTF-8. @type {Cut} */
export const cutBytes = (text) =>
  Array.from(new TextEncoder().encode(text), (byte) => ({
    t: showBytes(Uint8Array.of(byte)),
    i: byte,
  }));

/**
 * Byte-level BPE. A line is a token in the byte alphabet, or with a space in it a merge: the pair
 * whose parts make the next token. A line that begins with a tab is a special token.
 * @param {string[]} lines in the order of the ids
 * @returns {Cut}
 */
export function bpeCutter(lines) {
  const types = lines.map((line) => (line.startsWith("\t") ? 3 : 1));
  const tokens = [...new Set(lines.map((line) => line.replace(/[\t ]/, "")))]; // the same text may be made twice
  const merges = lines.filter((line) => line.includes(" "));
  const tokenizer = new Tokenizer(tokens, merges, types);
  return (text) => {
    const ids = tokenizer.encode(text);
    return tokenizer.tokens(ids).map((t, k) => ({ t, i: ids[k] }));
  };
}

/** The 256 bytes as tokens, in the order that GPT-2 numbers them. */
export const byteTokens = () => byteAlphabet().sort((a, b) => a.charCodeAt(0) - b.charCodeAt(0));

const CHINESE =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu;
const CONTROL = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}]|\ufffd/gu;
const BERT = unicode(String.raw`[^\s\p{P}$+<=>^\x60|~]+|[\p{P}$+<=>^\x60|~]`);

/**
 * What BERT does to a text before it cuts: no controls, no accents, Chinese set apart, lower case.
 * @param {string} text
 */
export function normalise(text) {
  const plain = wellFormed(text)
    .replace(CONTROL, "")
    .replace(/\p{White_Space}/gu, " ")
    .replace(CHINESE, " $& ");
  const bare = plain.normalize("NFD").replace(/\p{Mn}/gu, "");
  return Array.from(bare, (char) => char.toLowerCase()).join("");
}

const LONGEST = 100; // characters of a word that is cut at all

/** WordPiece: the longest token that fits, from the left. @param {string[]} tokens @returns {Cut} */
export function wordPieceCutter(tokens) {
  const ids = numbered(tokens);
  return (text) => (normalise(text).match(BERT) ?? []).flatMap((word) => longestMatch(word, ids));
}

/** @param {string} word @param {Ids} ids @returns {Token[]} */
function longestMatch(word, ids) {
  const chars = Array.from(word);
  /** @type {Token[]} */
  const found = [];
  for (let start = 0, end = 0; start < chars.length; start = end) {
    end = chars.length > LONGEST ? start : endOfToken(chars, start, ids);
    if (end === start) return [unknown(ids, "[UNK]", word)];
    const t = pieceOf(chars, start, end);
    found.push({ t, i: /** @type {number} */ (ids.get(t)) });
  }
  return found;
}

/** Where the longest token from `start` ends; there where none does. @param {string[]} chars @param {number} start @param {Ids} ids */
function endOfToken(chars, start, ids) {
  let end = chars.length;
  while (end > start && !ids.has(pieceOf(chars, start, end))) end -= 1;
  return end;
}

/** @param {string[]} chars @param {number} start @param {number} end */
const pieceOf = (chars, start, end) => (start ? "##" : "") + chars.slice(start, end).join("");

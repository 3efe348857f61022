// The face of a token, the same in every figure, and how a sentence names it.
import { h } from "./dom.mjs";

/** @typedef {{t: string, i?: number}} Token its text and its id */

/** A token as the book shows it: · for its leading space, ↵ for a line's end. @param {string} text */
export const visible = (text) =>
  text
    .replace(/^ +/, (s) => "·".repeat(s.length))
    .replace(/\n/g, "↵")
    .replace(/\t/g, "⇥") || "∅";

/** A token as a sentence quotes it. @param {string} text */
export const quoted = (text) => `“${text.replace(/\n/g, "↵").trim() || visible(text)}”`;

/**
 * The face of a token, the same in every widget.
 * @template {"span" | "button"} [Tag="span"]
 * @param {Token} token
 * @param {Tag} [tag] "button" where it can be chosen
 * @param {Record<string, any>} [props]
 */
export function chip(token, tag = /** @type {Tag} */ ("span"), props = {}) {
  const id = token.i === undefined ? "" : `token ${token.i}`;
  const type = tag === "button" ? { type: "button" } : {};
  const node = h(tag, { class: "lmk-chip", title: id, ...type, ...props }, visible(token.t));
  node.dir = "auto";
  return node;
}

/** @param {Token} token */
const isStart = ({ t }) => t === "<|endoftext|>";

/**
 * A token as its chip shows it: that which every text begins with by a name of its own.
 * @template {Token} T
 * @param {T} token
 * @returns {T}
 */
export const face = (token) => (isStart(token) ? { ...token, t: "start" } : token);

/** A token as a sentence names it. @param {Token} token */
export const named = (token) => (isStart(token) ? "the start" : quoted(token.t));

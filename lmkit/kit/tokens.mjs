// The face of a token, the same in every figure, and how a sentence names it.
import { h } from "./dom.mjs";

/** A token as the book shows it: · for its leading space, ↵ for a line's end. */
export const visible = (text) =>
  text
    .replace(/^ +/, (s) => "·".repeat(s.length))
    .replace(/\n/g, "↵")
    .replace(/\t/g, "⇥") || "∅";

/** A token as a sentence quotes it. */
export const quoted = (text) => `“${text.replace(/\n/g, "↵").trim() || visible(text)}”`;

/**
 * The face of a token, the same in every widget.
 * @param {{t: string, i?: number}} token its text and its id
 * @param {string} [tag] "span", or "button" where it can be chosen
 */
export function chip(token, tag = "span", props = {}) {
  const id = token.i === undefined ? "" : `token ${token.i}`;
  const type = tag === "button" ? { type: "button" } : {};
  const node = h(tag, { class: "lmk-chip", title: id, ...type, ...props }, visible(token.t));
  node.dir = "auto";
  return node;
}

const isStart = ({ t }) => t === "<|endoftext|>";

/** A token as its chip shows it: that which every text begins with by a name of its own. */
export const face = (token) => (isStart(token) ? { ...token, t: "start" } : token);

/** A token as a sentence names it. */
export const named = (token) => (isStart(token) ? "the start" : quoted(token.t));

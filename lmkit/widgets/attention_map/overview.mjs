// All heads of all layers at once, a pixel a weight; one of them can be picked.
import { h } from "../../kit/dom.mjs";

/** @typedef {import("./maps.mjs").Unpacked} Unpacked */

const NOTE = "All heads: rows are layers, columns are heads. Click one.";

export class Overview {
  /** @param {(layer: number, head: number) => void} pick */
  constructor(pick) {
    this.pick = pick;
    /** @type {Unpacked | null} the maps that `image` is of */
    this.maps = null;
    this.image = new ImageData(1, 1);
    this.canvas = h("canvas", {
      class: "lmk-heads",
      "aria-hidden": "true",
      onclick: (/** @type {MouseEvent} */ event) => this.pickAt(event),
    });
    this.box = h("figure", { class: "lmk-overview" }, this.canvas, h("figcaption", {}, NOTE));
  }

  /**
   * Paint all heads, and a frame around one, or with −1 around all of the layer.
   * @param {Unpacked} maps
   * @param {number} layer
   * @param {number} head
   */
  paint(maps, layer, head) {
    if (maps !== this.maps) this.image = inked(maps);
    this.maps = maps;
    const { width, height } = this.image;
    Object.assign(this.canvas, { width, height });
    this.canvas.style.aspectRatio = `${width} / ${height}`;
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    context.putImageData(this.image, 0, 0);
    const side = cellOf(maps);
    const [from, wide] = head < 0 ? [0, width] : [head * side, side];
    context.strokeRect(from + 0.5, layer * side + 0.5, wide - 1, side - 1);
  }

  /** @param {MouseEvent} event */
  pickAt({ clientX, clientY }) {
    if (!this.maps) return;
    const [nLayer, nHead] = this.maps.shape;
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    this.pick(part(clientY - top, height, nLayer), part(clientX - left, width, nHead));
  }
}

/**
 * Which of n equal parts of a length an offset lies in.
 * @param {number} offset
 * @param {number} length
 * @param {number} n
 */
const part = (offset, length, n) => Math.min(n - 1, Math.max(0, Math.floor((offset / length) * n)));

/** Pixels from one head to the next. @param {Unpacked} maps */
const cellOf = ({ shape: [, , T] }) => T + 2;

/**
 * Black ink whose opacity is the weight; in the dark the style sheet inverts it.
 * @param {Unpacked} maps
 */
function inked(maps) {
  const [nLayer, nHead] = maps.shape;
  const image = new ImageData(nHead * cellOf(maps), nLayer * cellOf(maps));
  for (let layer = 0; layer < nLayer; layer++) {
    for (let head = 0; head < nHead; head++) inkHead(image, maps, layer, head);
  }
  return image;
}

/**
 * @param {ImageData} image
 * @param {Unpacked} maps
 * @param {number} layer
 * @param {number} head
 */
function inkHead(image, maps, layer, head) {
  const { shape, bytes } = maps;
  const [, nHead, T] = shape;
  const side = cellOf(maps);
  let from = ((layer * nHead + head) * T * (T + 1)) / 2;
  for (let r = 0; r < T; r++) {
    const start = (layer * side + 1 + r) * image.width + head * side + 1;
    for (let c = 0; c <= r; c++) image.data[(start + c) * 4 + 3] = bytes[from++];
  }
}

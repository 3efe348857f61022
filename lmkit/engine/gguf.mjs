// GGUF, the file format of llama.cpp: how a trained model lies on disk. A header, named settings
// (sizes, vocabulary), a table of tensors, then their numbers.
// Specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

/**
 * A tensor of the file: where its numbers begin, how they are written, how many there are.
 * @typedef {{offset: number, type: number, columns: number, rows: number}} Tensor
 *
 * @typedef {number | string | Setting[]} Setting
 * @typedef {Map<string, Setting>} Settings
 */

/**
 * Number formats: F32, Q4_1, Q8_0, as [numbers in a block, bytes of a block].
 * @type {Record<number, [number, number]>}
 */
const FORMATS = { 0: [1, 4], 3: [32, 20], 8: [32, 34] };

/**
 * Types of a single value, as [its bytes, how they are read].
 * @type {Record<number, [number, (view: DataView, at: number) => number | bigint]>}
 */
const SCALARS = {
  0: [1, (view, at) => view.getUint8(at)],
  1: [1, (view, at) => view.getInt8(at)],
  2: [2, (view, at) => view.getUint16(at, true)],
  3: [2, (view, at) => view.getInt16(at, true)],
  4: [4, (view, at) => view.getUint32(at, true)],
  5: [4, (view, at) => view.getInt32(at, true)],
  6: [4, (view, at) => view.getFloat32(at, true)],
  7: [1, (view, at) => view.getUint8(at)],
  10: [8, (view, at) => view.getBigUint64(at, true)],
  11: [8, (view, at) => view.getBigInt64(at, true)],
  12: [8, (view, at) => view.getFloat64(at, true)],
};
const UINT32 = 4;
const STRING = 8;
const ARRAY = 9;
const UINT64 = 10;

/** Takes one value after another from bytes, never beyond their end. */
class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.text = new TextDecoder("utf-8", { ignoreBOM: true });
    this.at = 0;
  }

  /** Step over so many bytes and give where they began. @param {number} size */
  skip(size) {
    if (!(size <= this.bytes.length - this.at)) throw new Error("the file ends too early");
    this.at += size;
    return this.at - size;
  }

  /**
   * A number; a 64-bit one loses what a double cannot hold, far beyond any file's size.
   * @param {number} type
   */
  scalar(type) {
    if (!SCALARS[type]) throw new Error(`unknown type of value ${type}`);
    const [size, read] = SCALARS[type];
    return Number(read(this.view, this.skip(size)));
  }

  string() {
    const size = this.scalar(UINT64);
    const start = this.skip(size);
    return this.text.decode(this.bytes.subarray(start, start + size));
  }

  /** @param {number} type @returns {Setting} */
  value(type) {
    if (type === STRING) return this.string();
    if (type !== ARRAY) return this.scalar(type);
    const item = this.scalar(UINT32);
    const count = this.scalar(UINT64);
    // the count is the file's claim: the smallest item takes a byte, so this bounds it
    if (item === ARRAY || count > this.bytes.length - this.at)
      throw new Error(`an array claims ${count} items`);
    return Array.from({ length: count }, () => this.value(item));
  }

  /**
   * So many things, each behind its name.
   * @template Thing
   * @param {number} count
   * @param {() => Thing} read
   */
  named(count, read) {
    /** @type {Map<string, Thing>} */
    const found = new Map();
    for (let i = 0; i < count; i++) found.set(this.string(), read());
    return found;
  }
}

/**
 * Read a file's settings and its table of tensors; the tensors' numbers stay where they are.
 * @param {Uint8Array} bytes
 * @returns {{settings: Settings, tensors: Map<string, Tensor>}}
 * @throws an Error of one sentence when it is no GGUF, damaged, cut short, or in another format
 */
export function readGguf(bytes) {
  try {
    return parse(new Reader(bytes));
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    throw new Error(`The model's file is damaged or of another kind: ${message}.`);
  }
}

/** @param {Reader} reader */
function parse(reader) {
  if (reader.scalar(UINT32) !== 0x46554747) throw new Error("it does not begin with GGUF");
  const version = reader.scalar(UINT32);
  if (version !== 2 && version !== 3) throw new Error(`version ${version} is neither 2 nor 3`);
  const [nTensor, nSetting] = [reader.scalar(UINT64), reader.scalar(UINT64)];
  const settings = reader.named(nSetting, () => reader.value(reader.scalar(UINT32)));
  const tensors = reader.named(nTensor, () => entry(reader));
  const start = aligned(reader.at, settings.get("general.alignment") ?? 32);
  for (const [name, tensor] of tensors) place(name, tensor, start, reader.bytes.length);
  return { settings, tensors };
}

/** @param {Reader} reader @returns {Tensor} its offset counts from the first tensor's */
function entry(reader) {
  const nDim = reader.scalar(UINT32);
  if (nDim < 1 || nDim > 2) throw new Error(`a tensor claims ${nDim} dimensions`);
  const columns = reader.scalar(UINT64); // GGUF names the fastest dimension first
  const rows = nDim === 2 ? reader.scalar(UINT64) : 1;
  return { columns, rows, type: reader.scalar(UINT32), offset: reader.scalar(UINT64) };
}

/** The next multiple of the alignment. @param {number} at @param {Setting} alignment */
function aligned(at, alignment) {
  if (typeof alignment !== "number" || !(alignment >= 1))
    throw new Error(`alignment ${alignment} is not a positive number`);
  return Math.ceil(at / alignment) * alignment;
}

/**
 * Count a tensor's offset from the file's first byte, and see that the tensor lies in the file.
 * @param {string} name
 * @param {Tensor} tensor
 * @param {number} start where the first tensor begins
 * @param {number} size of the file
 */
function place(name, tensor, start, size) {
  if (!FORMATS[tensor.type]) throw new Error(`tensor ${name} is in number format ${tensor.type}`);
  const [perBlock, blockBytes] = FORMATS[tensor.type];
  tensor.offset += start;
  const bytes = (tensor.columns / perBlock) * blockBytes * tensor.rows;
  if (tensor.columns % perBlock || !(tensor.offset + bytes <= size))
    throw new Error(`tensor ${name} reaches beyond its end`);
}

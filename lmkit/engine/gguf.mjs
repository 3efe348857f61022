// GGUF, the file format of llama.cpp: how a trained model lies on disk. A header, named settings
// (sizes, vocabulary), a table of tensors, then their numbers.
// Specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

/**
 * A tensor of the file: where its numbers begin, how they are written, how many there are.
 * @typedef {{offset: number, type: number, columns: number, rows: number}} Tensor
 */

/** Bytes that `count` numbers take: [numbers in a block, bytes of a block] by their format. */
export const FORMATS = { 0: [1, 4], 3: [32, 20], 8: [32, 34] }; // F32, Q4_1, Q8_0

const SCALARS = {
  0: [1, "getUint8"],
  1: [1, "getInt8"],
  2: [2, "getUint16"],
  3: [2, "getInt16"],
  4: [4, "getUint32"],
  5: [4, "getInt32"],
  6: [4, "getFloat32"],
  7: [1, "getUint8"],
  10: [8, "getBigUint64"],
  11: [8, "getBigInt64"],
  12: [8, "getFloat64"],
};
const STRING = 8;
const ARRAY = 9;

/** Takes one value after another from bytes, never beyond their end. */
class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.text = new TextDecoder("utf-8", { ignoreBOM: true });
    this.at = 0;
  }

  /** Step over so many bytes and give where they began. */
  skip(size) {
    if (!(size <= this.bytes.length - this.at)) throw new Error("the file ends too early");
    this.at += size;
    return this.at - size;
  }

  /** A number; a 64-bit one loses what a double cannot hold, far beyond any file's size. */
  scalar(type) {
    if (!SCALARS[type]) throw new Error(`unknown type of value ${type}`);
    const [size, get] = SCALARS[type];
    return Number(this.view[get](this.skip(size), true));
  }

  string() {
    const size = this.scalar(10);
    const start = this.skip(size);
    return this.text.decode(this.bytes.subarray(start, start + size));
  }

  value(type) {
    if (type === STRING) return this.string();
    if (type !== ARRAY) return this.scalar(type);
    const item = this.scalar(4);
    const count = this.scalar(10);
    // the count is the file's claim: the smallest item takes a byte, so this bounds it
    if (item === ARRAY || count > this.bytes.length - this.at)
      throw new Error(`an array claims ${count} items`);
    return Array.from({ length: count }, () => this.value(item));
  }
}

/**
 * Read a file's settings and its table of tensors; the tensors' numbers stay where they are.
 * @param {Uint8Array} bytes
 * @returns {{settings: Map<string, any>, tensors: Map<string, Tensor>}}
 * @throws an Error of one sentence when it is no GGUF, damaged, cut short, or in another format
 */
export function readGguf(bytes) {
  try {
    return parse(new Reader(bytes));
  } catch (error) {
    throw new Error(`The model's file is damaged or of another kind: ${error.message}.`);
  }
}

function parse(reader) {
  if (reader.scalar(4) !== 0x46554747) throw new Error("it does not begin with GGUF");
  const version = reader.scalar(4);
  if (version !== 2 && version !== 3) throw new Error(`version ${version} is neither 2 nor 3`);
  const nTensor = reader.scalar(10);
  const nSetting = reader.scalar(10);
  const settings = new Map();
  for (let i = 0; i < nSetting; i++) settings.set(reader.string(), reader.value(reader.scalar(4)));
  const tensors = new Map();
  for (let i = 0; i < nTensor; i++) tensors.set(reader.string(), entry(reader));
  const alignment = settings.get("general.alignment") ?? 32;
  if (!(alignment >= 1)) throw new Error(`alignment ${alignment} is not a positive number`);
  const start = Math.ceil(reader.at / alignment) * alignment;
  for (const [name, tensor] of tensors) place(name, tensor, start, reader.bytes.length);
  return { settings, tensors };
}

function entry(reader) {
  const nDim = reader.scalar(4);
  if (nDim < 1 || nDim > 2) throw new Error(`a tensor claims ${nDim} dimensions`);
  const columns = reader.scalar(10); // GGUF names the fastest dimension first
  const rows = nDim === 2 ? reader.scalar(10) : 1;
  return { columns, rows, type: reader.scalar(4), offset: reader.scalar(10) };
}

/** Count a tensor's offset from the file's first byte, and see that the tensor lies in the file. */
function place(name, tensor, start, size) {
  if (!FORMATS[tensor.type]) throw new Error(`tensor ${name} is in number format ${tensor.type}`);
  const [perBlock, blockBytes] = FORMATS[tensor.type];
  tensor.offset += start;
  const bytes = (tensor.columns / perBlock) * blockBytes * tensor.rows;
  if (tensor.columns % perBlock || !(tensor.offset + bytes <= size))
    throw new Error(`tensor ${name} reaches beyond its end`);
}

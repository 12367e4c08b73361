/** The safetensors file format (https://github.com/huggingface/safetensors): named arrays and text, never code. */
import { describe } from '../core/shape.ts';
import { FileFormatError } from './error.ts';
import { type HeaderEntry, parseHeader } from './safetensors-header.ts';

/** The array of each element type. */
interface Arrays {
  F64: Float64Array;
  I64: BigInt64Array;
  F32: Float32Array;
  I32: Int32Array;
  U32: Uint32Array;
  I16: Int16Array;
  U16: Uint16Array;
  I8: Int8Array;
  U8: Uint8Array;
}

/** The name of an element type. */
export type DType = keyof Arrays;

/** An array of a file, row-major. */
export type TensorData<D extends DType = DType> = {
  [K in D]: { readonly dtype: K; readonly shape: readonly number[]; readonly data: Arrays[K] };
}[D];

/** The contents of a file. */
export interface Safetensors {
  readonly tensors: Map<string, TensorData>;
  /** Without a prototype, so that any key is an ordinary one. */
  readonly metadata: Record<string, string>;
}

/** The longest header that the format allows, in bytes. */
export const MAX_HEADER = 100_000_000;

/**
 * A safetensors file. The data begins at a multiple of 8 bytes and larger element types come first, so every array is
 * aligned.
 *
 * @throws RangeError when an array does not fit its shape or its type, or when the header is longer than 100 MB
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const sorted = [...tensors].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  const fields = Object.entries(metadata).map(([key, value]) => {
    if (typeof value !== 'string')
      throw new TypeError(`The metadata '${key}' must be a string, got ${describe(value)}.`);
    return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  });
  const lines = fields.length > 0 ? [`"__metadata__":{${fields.join(',')}}`] : [];
  let size = 0;
  for (const [name, tensor] of sorted) {
    checkWritable(name, tensor);
    const { dtype, shape, data } = tensor;
    lines.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(',')}],"data_offsets":[${size},${size + data.byteLength}]}`,
    );
    size += data.byteLength;
  }
  const header = new TextEncoder().encode(`{${lines.join(',')}}`);
  const headerSize = Math.ceil(header.length / 8) * 8;
  if (headerSize > MAX_HEADER) {
    throw new RangeError(
      `The header of a safetensors file may have ${MAX_HEADER} bytes, this one needs ${headerSize}.`,
    );
  }
  const file = new Uint8Array(8 + headerSize + size).fill(SPACE, 8, 8 + headerSize);
  new DataView(file.buffer).setUint32(0, headerSize, true);
  file.set(header, 8);
  let at = 8 + headerSize;
  for (const [, { data }] of sorted) {
    file.set(bytesOf(data), at);
    at += data.byteLength;
  }
  return file;
}

/**
 * Reads a safetensors file. Everything is checked before anything is made: sizes, the header's length, text and keys,
 * types, shapes, and that the arrays cover the data without overlap, hole or trailing bytes. Arrays are views of `file`
 * where it is aligned, else copies.
 *
 * @throws FileFormatError that says which of these is wrong, TypeError for anything but bytes
 */
export function readSafetensors(file: Uint8Array): Safetensors {
  if (!(file instanceof Uint8Array)) {
    throw new TypeError(`A file must be given as its bytes in a Uint8Array, got ${describe(file)}: read it first.`);
  }
  const start = dataStart(file);
  const { entries, metadata } = parseHeader(headerText(file, start));
  let end = 0;
  const ordered = [...entries].sort(([, a], [, b]) => a.offsets[0] - b.offsets[0] || a.offsets[1] - b.offsets[1]);
  for (const [name, entry] of ordered) {
    checkEntry(name, entry, file.length - start);
    const [begin] = entry.offsets;
    if (begin !== end) {
      const fault = begin < end ? 'overlaps the one before it' : 'leaves a hole before it';
      throw new FileFormatError(
        `The tensor ${describe(name)} ${fault}: expected it to begin at byte ${end}, got ${begin}.`,
      );
    }
    end = entry.offsets[1];
  }
  if (end !== file.length - start) {
    throw new FileFormatError(
      `The tensors must fill the ${file.length - start} bytes after the header, they end at byte ${end}.`,
    );
  }
  const tensors = new Map<string, TensorData>();
  for (const [name, { dtype, shape, offsets }] of entries) {
    const data = arrayOf(file, start + offsets[0], offsets[1] - offsets[0], dtype as DType);
    tensors.set(name, { dtype, shape, data } as TensorData);
  }
  return { tensors, metadata };
}

const SPACE = 0x20;
const BRACE = 0x7b;

const ARRAYS: {
  [D in DType]: {
    new (buffer: ArrayBufferLike, offset?: number, length?: number): Arrays[D];
    BYTES_PER_ELEMENT: number;
  };
} = {
  F64: Float64Array,
  I64: BigInt64Array,
  F32: Float32Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
};

/** Where the data begins, from the header's length. */
function dataStart(file: Uint8Array): number {
  if (file.length < 8) {
    throw new FileFormatError(`A safetensors file must have at least 8 bytes, got ${file.length}.`);
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > MAX_HEADER) {
    throw new FileFormatError(
      `The header may have ${MAX_HEADER} bytes, the file says ${length}: is this a safetensors file?`,
    );
  }
  if (length > file.length - 8) {
    throw new FileFormatError(`The header has ${length} bytes, only ${file.length - 8} follow: the file is cut off.`);
  }
  return 8 + length;
}

function headerText(file: Uint8Array, start: number): string {
  if (start === 8 || file[8] !== BRACE)
    throw new FileFormatError("The header must start with '{', the file's does not.");
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(8, start));
  } catch {
    throw new FileFormatError('The header must be UTF-8 text, the file has other bytes in it.');
  }
}

/** Checks type, shape and offsets of a tensor within `available` bytes of data. */
function checkEntry(name: string, { dtype, shape, offsets: [begin, end] }: HeaderEntry, available: number): void {
  if (!Object.hasOwn(ARRAYS, dtype)) {
    throw new FileFormatError(
      `The dtype of ${describe(name)} must be one of ${Object.keys(ARRAYS).join(', ')}, the file has ${describe(dtype)}.`,
    );
  }
  const size = elements(shape) * ARRAYS[dtype as DType].BYTES_PER_ELEMENT;
  if (!Number.isSafeInteger(size)) {
    throw new FileFormatError(`The shape [${shape.join(', ')}] of ${describe(name)} is too large for any file.`);
  }
  if (end < begin) {
    throw new FileFormatError(`The data_offsets of ${describe(name)} must not fall, the file has ${begin} and ${end}.`);
  }
  if (end > available) {
    throw new FileFormatError(
      `The tensor ${describe(name)} ends at byte ${end} of the data, only ${available} are there: the file is cut off.`,
    );
  }
  if (end - begin !== size) {
    throw new FileFormatError(
      `The tensor ${describe(name)} of type ${dtype} and shape [${shape.join(', ')}] has ${size} bytes, its data_offsets have ${end - begin}.`,
    );
  }
}

/** The number of elements, `Infinity` beyond what numbers hold exactly; an empty axis makes the whole empty. */
function elements(shape: readonly number[]): number {
  if (shape.includes(0)) return 0;
  let product = 1;
  for (const n of shape) {
    product *= n;
    if (!Number.isSafeInteger(product)) return Infinity;
  }
  return product;
}

function checkWritable(name: string, { dtype, shape, data }: TensorData): void {
  if (name === '__metadata__') throw new RangeError("A tensor may not be called '__metadata__'.");
  if (!Object.hasOwn(ARRAYS, dtype) || !(data instanceof ARRAYS[dtype])) {
    throw new TypeError(`The data of '${name}' must fit the dtype ${dtype}, got ${describe(data)}.`);
  }
  if (!shape.every((n) => Number.isSafeInteger(n) && n >= 0) || elements(shape) !== data.length) {
    throw new RangeError(`The tensor '${name}' of shape [${shape.join(', ')}] does not fit its ${data.length} values.`);
  }
}

/** A view of `file` where the element type allows, else a copy. */
function arrayOf(file: Uint8Array, at: number, bytes: number, dtype: DType): Arrays[DType] {
  const Type = ARRAYS[dtype];
  const aligned = (file.byteOffset + at) % Type.BYTES_PER_ELEMENT === 0;
  // Not file.slice: on a Node Buffer that is a view.
  return aligned
    ? new Type(file.buffer, file.byteOffset + at, bytes / Type.BYTES_PER_ELEMENT)
    : new Type(new Uint8Array(file.subarray(at, at + bytes)).buffer);
}

/** The bytes of an array, in the machine's order: little-endian wherever JavaScript runs. */
export function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

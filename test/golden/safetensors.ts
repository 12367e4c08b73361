/** Reads a golden case: a safetensors file with F32, F64, I32 and I64 tensors and JSON in its metadata. */
import { readFileSync } from 'node:fs';

export interface StoredTensor {
  readonly shape: readonly number[];
  /** I64 values are read as numbers in a Float64Array. */
  readonly data: Float32Array | Float64Array | Int32Array;
}

export interface StoredCase {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** `__metadata__`, each value parsed where it is JSON. */
  readonly metadata: { readonly [key: string]: unknown };
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

export function readCase(file: string): StoredCase {
  const bytes = readFileSync(file);
  const headerEnd = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__ = {}, ...entries } = JSON.parse(bytes.subarray(8, headerEnd).toString('utf8')) as {
    [name: string]: Entry;
  } & { __metadata__?: { [key: string]: string } };
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(entries)) {
    const [begin, end] = data_offsets;
    // A copy, because a typed array must start at a multiple of its element size.
    const buffer = new Uint8Array(bytes.subarray(headerEnd + begin, headerEnd + end)).buffer;
    const data = typed(dtype, buffer);
    const size = shape.reduce((product, n) => product * n, 1);
    if (data.length !== size) throw new Error(`${file}: ${name} has ${data.length} values, its shape says ${size}.`);
    tensors.set(name, { shape, data });
  }
  return {
    tensors,
    metadata: Object.fromEntries(Object.entries(__metadata__).map(([key, text]) => [key, parsed(text)])),
  };
}

function typed(dtype: string, buffer: ArrayBuffer): StoredTensor['data'] {
  if (dtype === 'F32') return new Float32Array(buffer);
  if (dtype === 'F64') return new Float64Array(buffer);
  if (dtype === 'I32') return new Int32Array(buffer);
  if (dtype === 'I64') return Float64Array.from(new BigInt64Array(buffer), Number);
  throw new Error(`Golden cases hold F32, F64, I32 and I64, got ${dtype}.`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Writes ONNX files: just enough of the format (protocol buffers) for a benchmark's graphs. */

/** A constant of a graph. */
export interface OnnxConstant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** An integer, a list of integers, or a number with a fraction: `{ float: 0.5 }`. */
type OnnxAttribute = number | readonly number[] | { readonly float: number };

export interface OnnxGraph {
  /** Inputs of 64-bit integers. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly constants: readonly OnnxConstant[];
  readonly nodes: readonly OnnxNode[];
  readonly outputs: Readonly<Record<string, { type: 'float' | 'int64'; shape: readonly number[] }>>;
}

const TYPES = { float: 1, int64: 7 } as const;

/** The bytes of a model with operator set 17. */
export function onnxModel({ inputs, constants, nodes, outputs }: OnnxGraph): Uint8Array {
  const graph = [
    ...nodes.map((node) => message(1, encodeNode(node))),
    text(2, 'graph'),
    ...constants.map((constant) => message(5, encodeConstant(constant))),
    ...Object.entries(inputs).map(([name, shape]) => message(11, encodeValue(name, TYPES.int64, shape))),
    ...Object.entries(outputs).map(([name, { type, shape }]) => message(12, encodeValue(name, TYPES[type], shape))),
  ];
  const version = [varint(1, 8), message(7, graph), message(8, [text(1, ''), varint(2, 17)])];
  return Uint8Array.from(Buffer.concat(version));
}

function encodeNode({ op, inputs, outputs, attributes = {} }: OnnxNode): Buffer[] {
  return [
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) => message(5, [text(1, name), ...encodeAttribute(value)])),
  ];
}

function encodeAttribute(value: OnnxAttribute): Buffer[] {
  if (typeof value === 'number') return [varint(3, value), varint(20, 2)];
  if ('float' in value) {
    const bits = Buffer.alloc(4);
    bits.writeFloatLE(value.float);
    return [key(2, 5), bits, varint(20, 1)];
  }
  return [...value.map((each) => varint(8, each)), varint(20, 7)];
}

function encodeConstant({ name, shape, data }: OnnxConstant): Buffer[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const type = data instanceof Float32Array ? TYPES.float : TYPES.int64;
  return [...shape.map((length) => varint(1, length)), varint(2, type), text(8, name), message(9, [bytes])];
}

function encodeValue(name: string, type: number, shape: readonly number[]): Buffer[] {
  const sizes = shape.map((length) => message(1, [varint(1, length)]));
  return [text(1, name), message(2, [message(1, [varint(1, type), message(2, sizes)])])];
}

/** The number of a field and how it is written: 0 varint, 2 bytes, 5 four bytes. */
function key(field: number, wire: 0 | 2 | 5): Buffer {
  return integer((field << 3) | wire);
}

function varint(field: number, value: number): Buffer {
  return Buffer.concat([key(field, 0), integer(value)]);
}

/** Seven bits a byte, the lowest first. */
function integer(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

function message(field: number, parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([key(field, 2), integer(content.length), content]);
}

function text(field: number, value: string): Buffer {
  return message(field, [Buffer.from(value)]);
}

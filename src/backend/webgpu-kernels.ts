/** Kernels for WebGPU: what TensorFlow.js gets wrong there, and what it spreads over many programs. */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import type { KernelCall, Replacement, TypedArray } from './memory.ts';

/** A program that computes one value of the output from its flat `index`. */
interface Elementwise {
  name: string;
  /** The names of the inputs, by which `code` reads them as flat arrays. */
  inputs: readonly string[];
  /** Names of numbers that `code` reads as `uniforms.name`. */
  numbers?: Readonly<Record<string, 'i32' | 'f32'>>;
  /** WGSL statements that end in `result[index] = …;`. */
  code: string;
}

const WORKGROUP = 64;

function run(
  backend: WebGPUBackend,
  { name, inputs, numbers = {}, code }: Elementwise,
  tensors: tf.TensorInfo[],
  outputShape: number[],
  values: readonly number[] = [],
): tf.TensorInfo {
  const size = tf.util.sizeFromShape(outputShape);
  const types = Object.entries(numbers);
  const program = {
    variableNames: [...inputs],
    uniforms: [['size', 'i32'], ...types].map(([key, type]) => `${key} : ${type},`).join(' '),
    workgroupSize: [WORKGROUP, 1, 1] as [number, number, number],
    outputShape,
    dispatchLayout: { x: outputShape.map((_, axis) => axis) },
    dispatch: [Math.ceil(size / WORKGROUP), 1, 1] as [number, number, number],
    shaderKey: name,
    getUserCode: () => `fn main(index : i32) { if (index < uniforms.size) { ${code} } }`,
  };
  const uniforms = types.map(([, type], i) => ({
    type: type === 'i32' ? 'int32' : 'float32',
    data: [values[i] as number],
  }));
  return backend.runWebGPUProgram(program, tensors, 'float32', [{ type: 'int32', data: [size] }, ...uniforms]);
}

/** A tensor of zeros. */
function zeros(backend: WebGPUBackend, shape: number[], dtype: tf.DataType): tf.TensorInfo {
  return backend.makeTensorInfo(
    shape,
    dtype,
    tf.util.getTypedArrayFromDType(dtype as 'float32', tf.util.sizeFromShape(shape)),
  );
}

const isEmpty = ({ shape }: tf.TensorInfo) => shape.includes(0);
const backendOf = (call: KernelCall) => call.backend as unknown as WebGPUBackend;

/** The sum of nothing, for which the built-in kernel asks for a buffer of no bytes. */
const sum: Replacement = (known) => (call) => {
  const { x } = call.inputs as { x: tf.TensorInfo };
  if (known && !isEmpty(x)) return known(call);
  const { axis, keepDims } = call.attrs as unknown as tf.SumAttrs;
  const axes = tf.util.parseAxisParam(axis, x.shape);
  const reduced = x.shape.map((length, i) => (axes.includes(i) ? 1 : length));
  const shape = keepDims ? reduced : reduced.filter((_, i) => !axes.includes(i));
  return zeros(backendOf(call), shape, x.dtype === 'bool' ? 'int32' : x.dtype);
};

/** The product of matrices that share an axis of no length. */
const matMul: Replacement = (known) => (call) => {
  const { a, b } = call.inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
  if (known && !isEmpty(a) && !isEmpty(b)) return known(call);
  const { transposeA, transposeB } = call.attrs as unknown as tf.BatchMatMulAttrs;
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const rows = a.shape.at(transposeA ? -1 : -2) as number;
  const columns = b.shape.at(transposeB ? -2 : -1) as number;
  return zeros(backendOf(call), [...batch, rows, columns], a.dtype);
};

interface TensorData {
  dtype: tf.DataType;
  /** On the host; dropped when they are uploaded. */
  values?: TypedArray | null;
}

/** The integers of tensors that were uploaded: numbers of rows, by which {@link segmentSum} sorts. */
const uploaded = new WeakMap<TensorData, TypedArray>();

/** Keeps the integers that go to the GPU on the host as well; they are few beside the rows that they number. */
export function keepIndices(backend: WebGPUBackend): void {
  const manager = backend as unknown as { uploadToGPU(id: object): void; tensorMap: { get(id: object): TensorData } };
  const upload = manager.uploadToGPU.bind(manager);
  manager.uploadToGPU = (id) => {
    const data = manager.tensorMap.get(id);
    if (data.dtype === 'int32' && data.values) uploaded.set(data, data.values);
    upload(id);
  };
}

const SEGMENT_SUM: Elementwise = {
  name: 'seqrecSegmentSum',
  inputs: ['x', 'order', 'starts'],
  numbers: { width: 'i32' },
  code: `
    let segment = index / uniforms.width;
    let column = index - segment * uniforms.width;
    var sum = 0.0;
    for (var i = starts[segment]; i < starts[segment + 1]; i++) { sum += x[order[i] * uniforms.width + column]; }
    result[index] = sum;`,
};

/**
 * The gradient of a lookup. The built-in kernel adds in whatever order its threads arrive, so no two runs agree, and
 * wraps numbers out of range into other segments. Where the numbers came from the host, as those of every batch, their
 * rows are sorted there: then every sum goes in the order of the rows, and nothing need be transposed or cleared.
 */
const segmentSum: Replacement = (known) => (call) => {
  const { x, segmentIds } = call.inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo };
  const { numSegments } = call.attrs as unknown as tf.UnsortedSegmentSumAttrs;
  const backend = backendOf(call);
  const data = backend.tensorMap.get(segmentIds.dataId) as TensorData;
  const segments = data.values ?? uploaded.get(data);
  const usual = x.dtype === 'float32' && segmentIds.shape.length === 1 && segmentIds.shape[0] === x.shape[0];
  const shape = [numSegments, ...x.shape.slice(1)];
  if (usual && isEmpty(x)) return zeros(backend, shape, 'float32');
  if (known && (!usual || !segments)) return known(call);
  const { order, starts } = sorted(segments as TypedArray, numSegments);
  const index = [order, starts].map((values) => backend.makeTensorInfo([values.length], 'int32', values));
  const out = run(backend, SEGMENT_SUM, [x, ...index], shape, [tf.util.sizeFromShape(x.shape.slice(1))]);
  for (const { dataId } of index) backend.disposeData(dataId);
  return out;
};

/** The rows of each of `count` segments, one segment after the other, and where each starts; others are left out. */
function sorted(segments: TypedArray, count: number): { order: Int32Array; starts: Int32Array } {
  const starts = new Int32Array(count + 1);
  for (const segment of segments) {
    if (segment >= 0 && segment < count) starts[segment + 1] = (starts[segment + 1] as number) + 1;
  }
  for (let s = 0; s < count; s++) starts[s + 1] = (starts[s + 1] as number) + (starts[s] as number);
  // One place at least: there are no buffers of no bytes.
  const order = new Int32Array(Math.max(1, starts[count] as number));
  const next = starts.slice();
  for (let row = 0; row < segments.length; row++) {
    const segment = segments[row] as number;
    if (segment < 0 || segment >= count) continue;
    const place = next[segment] as number;
    order[place] = row;
    next[segment] = place + 1;
  }
  return { order, starts };
}

const MOMENT: Elementwise = {
  name: 'seqrecAdamMoment',
  inputs: ['value', 'gradient', 'moment'],
  numbers: { keep: 'f32', take: 'f32', l2: 'f32' },
  code: `
    let g = gradient[index] + uniforms.l2 * value[index];
    result[index] = uniforms.keep * moment[index] + uniforms.take * g;`,
};
const SQUARE_MOMENT: Elementwise = {
  ...MOMENT,
  name: 'seqrecAdamSquareMoment',
  code: MOMENT.code.replace('uniforms.take * g', 'uniforms.take * (g * g)'),
};
const MAXIMUM: Elementwise = {
  name: 'seqrecAdamMaximum',
  inputs: ['a', 'b'],
  code: 'result[index] = max(a[index], b[index]);',
};
const MOVE: Elementwise = {
  name: 'seqrecAdamMove',
  inputs: ['value', 'm', 'v'],
  numbers: { rate: 'f32', epsilon: 'f32', shrink: 'f32' },
  code: `
    let change = m[index] / (sqrt(v[index]) + uniforms.epsilon) * uniforms.rate;
    result[index] = uniforms.shrink * value[index] - change;`,
};

/** Adam in three programs a parameter instead of a dozen: a program has one output. */
const adam: Replacement = () => (call) => {
  const { value, gradient, m, v, max } = call.inputs as Record<string, tf.TensorInfo>;
  const { rate, beta1, beta2, epsilon, l2, shrink } = call.attrs as Record<string, number>;
  const backend = backendOf(call);
  const shape = (value as tf.TensorInfo).shape;
  const step = (program: Elementwise, inputs: unknown[], values: unknown[] = []) =>
    run(backend, program, inputs as tf.TensorInfo[], shape, values as number[]);
  const newM = step(MOMENT, [value, gradient, m], [beta1, 1 - (beta1 as number), l2]);
  const newV = step(SQUARE_MOMENT, [value, gradient, v], [beta2, 1 - (beta2 as number), l2]);
  const newMax = max && step(MAXIMUM, [max, newV]);
  const moved = step(MOVE, [value, newM, newMax ?? newV], [rate, epsilon, shrink]);
  return newMax ? [moved, newM, newV, newMax] : [moved, newM, newV];
};

export const webgpuKernels: Readonly<Record<string, Replacement>> = {
  Sum: sum,
  BatchMatMul: matMul,
  UnsortedSegmentSum: segmentSum,
  SeqrecAdam: adam,
};

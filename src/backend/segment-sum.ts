/**
 * UnsortedSegmentSum, the gradient of every lookup. tfjs-wasm has none; tfjs-cpu's takes segments x rows steps. The
 * numbers are those of tfjs-cpu: summed in double precision in the order of the rows and rounded once, always float32,
 * segments out of range left out.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { CpuMemory, KernelCall, Replacement, TypedArray, WasmMemory } from './memory.ts';

export const cpuSegmentSum: Replacement = (known) => (call) => {
  const backend = call.backend as unknown as CpuMemory;
  const { x, segmentIds, shape, width } = segmentArguments(call);
  // One segment for many rows is not documented, but this backend makes something of it.
  if (known && !fits(x, segmentIds)) return known(call);
  const out = new Float32Array(tf.util.sizeFromShape(shape));
  segmentSum(backend.data.get(x.dataId).values, backend.data.get(segmentIds.dataId).values, width, out);
  return backend.makeTensorInfo(shape, 'float32', out);
};

export const wasmSegmentSum: Replacement = () => (call) => {
  const backend = call.backend as unknown as WasmMemory;
  const { x, segmentIds, shape, width } = segmentArguments(call);
  if (!fits(x, segmentIds)) {
    throw new Error(
      `unsortedSegmentSum takes one segment for each of the ${x.shape[0]} rows, got segments of the shape [${segmentIds.shape.join(', ')}].`,
    );
  }
  const out = backend.makeOutput(shape, 'float32');
  const sums = backend.typedArrayFromHeap(out) as Float32Array;
  segmentSum(backend.typedArrayFromHeap(x), backend.typedArrayFromHeap(segmentIds), width, sums);
  return out;
};

function fits(x: tf.TensorInfo, segmentIds: tf.TensorInfo): boolean {
  return segmentIds.shape.length === 1 && segmentIds.shape[0] === x.shape[0];
}

function segmentArguments({ inputs, attrs }: KernelCall): {
  x: tf.TensorInfo;
  segmentIds: tf.TensorInfo;
  /** Of the output. */
  shape: number[];
  /** Values in a row. */
  width: number;
} {
  const { x, segmentIds } = inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo };
  const { numSegments } = attrs as unknown as tf.UnsortedSegmentSumAttrs;
  const inner = x.shape.slice(1);
  return { x, segmentIds, shape: [numSegments, ...inner], width: tf.util.sizeFromShape(inner) };
}

/** Sums the rows of `x` (`[rows, width]`) by segment into `out`, in time linear in rows and segments. */
function segmentSum(x: TypedArray, segments: TypedArray, width: number, out: Float32Array): void {
  const count = width === 0 ? 0 : out.length / width;
  const rows = segments.length;
  // Rows sorted by segment (a stable counting sort), so that one row of double accumulators is enough.
  const ends = new Int32Array(count + 1);
  for (let row = 0; row < rows; row++) {
    const segment = segments[row] as number;
    if (segment >= 0 && segment < count) ends[segment + 1] = (ends[segment + 1] as number) + 1;
  }
  for (let segment = 0; segment < count; segment++) {
    ends[segment + 1] = (ends[segment + 1] as number) + (ends[segment] as number);
  }
  const order = new Int32Array(ends[count] as number);
  const next = ends.slice();
  for (let row = 0; row < rows; row++) {
    const segment = segments[row] as number;
    if (segment < 0 || segment >= count) continue;
    const place = next[segment] as number;
    order[place] = row;
    next[segment] = place + 1;
  }
  const sums = new Float64Array(width);
  for (let segment = 0; segment < count; segment++) {
    const end = ends[segment + 1] as number;
    sums.fill(0);
    for (let i = ends[segment] as number; i < end; i++) {
      const from = (order[i] as number) * width;
      for (let j = 0; j < width; j++) sums[j] = (sums[j] as number) + (x[from + j] as number);
    }
    out.set(sums, segment * width);
  }
}

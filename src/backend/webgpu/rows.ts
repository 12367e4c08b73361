/** Rows of a table by their number. */
import type * as tf from '@tensorflow/tfjs-core';
import { sumRows, takeRows } from '../../kernels/webgpu/rows.ts';
import type { TypedArray } from '../memory.ts';
import type { Gpu } from './gpu.ts';
import { groupsFor, sizeOf, type WebgpuKernel } from './kernel.ts';

export const rowsKernels: readonly WebgpuKernel[] = [
  {
    /** scale · table[rows] + plus */
    name: 'SeqrecTakeRows',
    run({ inputs, attrs }, gpu) {
      const { table, rows, plus } = inputs as { table: tf.TensorInfo; rows: tf.TensorInfo; plus?: tf.TensorInfo };
      const { scale } = attrs as { scale: number };
      const width = table.shape[1] as number;
      const y = gpu.output([rows.shape[0] as number, width]);
      const size = sizeOf(y);
      gpu.run(takeRows, {
        inputs: { table, rows, plus },
        outputs: { y },
        numbers: { size, width, scale },
        constants: { hasPlus: plus !== undefined },
        groups: groupsFor(size),
      });
      return y;
    },
  },
];

/**
 * The sums of the rows of `x` that belong to each of `count` segments, in the order of the rows, so that the bits are the
 * same every time; a number that is no segment's is left out.
 */
export function sumOfRows(gpu: Gpu, x: tf.TensorInfo, segments: TypedArray, count: number): tf.TensorInfo {
  const sums = gpu.output([count, ...x.shape.slice(1)]);
  const size = sizeOf(sums);
  const [order, starts] = sorted(segments, count).map((values) => gpu.upload(values)) as [tf.TensorInfo, tf.TensorInfo];
  const width = size / Math.max(1, count);
  gpu.run(sumRows, {
    inputs: { x, order, starts },
    outputs: { sums },
    numbers: { size, width },
    groups: groupsFor(size),
  });
  gpu.dispose(order, starts);
  return sums;
}

/** The rows of each of `count` segments, one segment after the other, and where each starts; others are left out. */
export function sorted(segments: TypedArray, count: number): [order: Int32Array, starts: Int32Array] {
  const starts = new Int32Array(count + 1);
  for (const segment of segments) {
    if (segment >= 0 && segment < count) starts[segment + 1] = (starts[segment + 1] as number) + 1;
  }
  for (let s = 0; s < count; s++) starts[s + 1] = (starts[s + 1] as number) + (starts[s] as number);
  const order = new Int32Array(starts[count] as number);
  const next = starts.slice();
  for (let row = 0; row < segments.length; row++) {
    const segment = segments[row] as number;
    if (segment < 0 || segment >= count) continue;
    const place = next[segment] as number;
    order[place] = row;
    next[segment] = place + 1;
  }
  return [order, starts];
}

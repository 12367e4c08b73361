/** The sum of the rows that belong to one segment: the gradient of every lookup. */
import * as tf from '@tensorflow/tfjs-core';
import { expectShape } from '../core/shape.ts';
import { hasKernel, runKernel } from './kernel.ts';
import { checkRows } from './rows.ts';
import { withGradient } from './with-gradient.ts';

/**
 * `out[s]` = the sum of `values[i]` over all i with `rows[i]` = s.
 *
 * @param values `[N, D]`
 * @param rows   for each of the N rows the segment, 0 … count-1; a host array is checked
 * @returns `[count, D]`
 */
export function segmentSum(values: tf.Tensor2D, rows: Int32Array | tf.Tensor1D, count: number): tf.Tensor2D {
  if (rows instanceof Int32Array) {
    if (rows.length !== values.shape[0]) {
      throw new RangeError(`segmentSum needs one segment for each of the ${values.shape[0]} rows, got ${rows.length}.`);
    }
    checkRows(rows, count, 'segmentSum');
  } else {
    expectShape(rows, [values.shape[0]], 'The segments of segmentSum');
  }
  return withGradient(
    [values],
    (save) => {
      if (!(rows instanceof Int32Array)) save(rows);
      return sumRows(values, rows, count);
    },
    (dy: tf.Tensor2D, saved?: tf.Tensor1D) => [takeRows(dy, saved ?? (rows as Int32Array))],
  );
}

/** {@link segmentSum} off the tape and without checks. */
export function sumRows(values: tf.Tensor2D, rows: Int32Array | tf.Tensor1D, count: number): tf.Tensor2D {
  if (values.shape[0] === 0) return tf.zeros([count, values.shape[1]]);
  const index = asTensor(rows);
  if (values.dtype === 'float32' && hasKernel('SeqrecSumRows'))
    return runKernel('SeqrecSumRows', { x: values, rows: index }, { count });
  return tf.unsortedSegmentSum(values, index, count) as tf.Tensor2D;
}

export interface TakeRowsOptions {
  /** What the rows are multiplied by. @defaultValue 1 */
  scale?: number | undefined;
  /** `[rows.length, D]`, added to the rows. */
  plus?: tf.Tensor2D | undefined;
}

/** scale · `x[rows[i]]` + plus[i] for every i, off the tape and without checks. */
export function takeRows(
  x: tf.Tensor2D,
  rows: Int32Array | tf.Tensor1D,
  { scale = 1, plus }: TakeRowsOptions = {},
): tf.Tensor2D {
  const index = asTensor(rows);
  if (index.size === 0) return tf.zeros([0, x.shape[1]]);
  if (x.dtype === 'float32' && hasKernel('SeqrecTakeRows')) {
    return runKernel('SeqrecTakeRows', { table: x, rows: index, ...(plus && { plus }) }, { scale });
  }
  const taken = tf.gather(x, index);
  const scaled: tf.Tensor2D = scale === 1 ? taken : tf.mul(taken, scale);
  return plus ? tf.add(scaled, plus) : scaled;
}

function asTensor(rows: Int32Array | tf.Tensor1D): tf.Tensor1D {
  return rows instanceof Int32Array ? tf.tensor1d(rows, 'int32') : rows;
}

/** Rows by their number. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { checkRows } from './rows.ts';
import { sumRows, takeRows } from './segment-sum.ts';
import { withGradient } from './with-gradient.ts';

/**
 * `x[rows[i]]` for every i: the last row of each sequence, the rows that have a target. A row may be named twice.
 *
 * @param x    `[N, D]`
 * @param rows M numbers, 0 … N-1
 * @returns `[M, D]`
 */
export function gatherRows(x: tf.Tensor2D, rows: Int32Array): tf.Tensor2D {
  checkRows(rows, x.shape[0], 'gatherRows');
  return withGradient(
    [x],
    () => takeRows(x, rows),
    (dy: tf.Tensor2D) => [sumRows(dy, rows, x.shape[0])],
  );
}

/**
 * The rows that `queries` names, with which a block that is asked for some of its rows computes no others; `x` itself if
 * the two layouts are one.
 *
 * @param x       `[layout.capacity, D]`
 * @param queries some positions of the same sequences, such as `layout.last()`
 * @returns `[queries.rows, D]`
 * @throws if `queries` has a position that `layout` has not
 */
export function selectRows(x: tf.Tensor2D, layout: Layout, queries: Layout): tf.Tensor2D {
  if (queries === layout) return x;
  const rows = layout.rowsOf(queries);
  checkRows(rows, x.shape[0], 'selectRows');
  const index = queries.memo(layout, () => [tf.tensor1d(rows, 'int32')])[0] as tf.Tensor1D;
  return withGradient(
    [x],
    () => takeRows(x, index),
    (dy: tf.Tensor2D) => [sumRows(dy, rows, x.shape[0])],
  );
}

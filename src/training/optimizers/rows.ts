/** Updates of only those rows of a table that a row gradient names. */
import * as tf from '@tensorflow/tfjs-core';
import type { RowGradient } from '../../core/parameter.ts';
import { gatherRows } from '../../ops/gather-rows.ts';
import { toDense } from '../../ops/gradients.ts';

/** The rows of a table that `gradient` belongs to, `[rows, D]`. */
export function readRows(table: tf.Tensor, { rows }: RowGradient): tf.Tensor2D {
  return gatherRows(table as tf.Tensor2D, rows);
}

/** `table` with `values` `[rows, D]` added to the rows of `gradient`; tfjs changes no tensor in place. */
export function addRows(table: tf.Tensor, { rows }: RowGradient, values: tf.Tensor): tf.Tensor {
  return tf.add(table, toDense({ rows, values: values as tf.Tensor2D }, table.shape[0] as number));
}

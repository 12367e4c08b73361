/** Table lookup. */
import * as tf from '@tensorflow/tfjs-core';
import { Parameter, tensorOf, type Weight } from '../core/parameter.ts';
import { expectShape } from '../core/shape.ts';
import { checkRows } from './rows.ts';
import { sumRows, takeRows } from './segment-sum.ts';
import { withGradient } from './with-gradient.ts';

/**
 * `table[rows[i]]` for every i. When `table` is a parameter under `gradients` and `rows` a host array, the gradient
 * covers only the rows read; else it has the size of the table.
 *
 * @param table `[V, D]`
 * @param rows  N numbers, 0 … V-1; a host array is checked, a tensor (int32) is trusted
 * @returns `[N, D]`
 */
export function embedding(table: Weight, rows: Int32Array | tf.Tensor1D): tf.Tensor2D {
  const values = tensorOf<tf.Tensor>(table) as tf.Tensor2D;
  expectShape(values, [-1, -1], 'The table of embedding');
  const count = values.shape[0];
  if (rows instanceof Int32Array) {
    checkRows(rows, count, `An embedding table of ${count} rows`);
    const sink = table instanceof Parameter ? table.sink : undefined;
    if (sink) {
      return withGradient(
        [sink.anchor],
        () => takeRows(values, rows),
        (dy: tf.Tensor2D) => {
          sink.add(rows, tf.keep(dy));
          return [tf.scalar(0)];
        },
      );
    }
    return withGradient(
      [values],
      () => takeRows(values, rows),
      (dy: tf.Tensor2D) => [sumRows(dy, rows, count)],
    );
  }
  return withGradient(
    [values],
    (save) => {
      save(rows);
      return takeRows(values, rows);
    },
    (dy: tf.Tensor2D, rows: tf.Tensor1D) => [sumRows(dy, rows, count)],
  );
}

/** Table lookup. */
import * as tf from '@tensorflow/tfjs-core';
import { Parameter, tensorOf, type Weight } from '../core/parameter.ts';
import { expectShape, refuseOthers } from '../core/shape.ts';
import { checkRows } from './rows.ts';
import { sumRows, takeRows } from './segment-sum.ts';
import { withGradient } from './with-gradient.ts';

export interface EmbeddingLookup {
  /** What the rows are multiplied by. @defaultValue 1 */
  scale?: number | undefined;
  /** `[N, D]`, added to the rows: positions. */
  plus?: tf.Tensor2D | undefined;
}

/**
 * scale · `table[rows[i]]` + `plus[i]` for every i. When `table` is a parameter under `gradients` and `rows` a host array,
 * the gradient covers only the rows read; else it has the size of the table.
 *
 * @param table `[V, D]`
 * @param rows  N numbers, 0 … V-1; a host array is checked, a tensor (int32) is trusted
 * @returns `[N, D]`
 */
export function embedding(table: Weight, rows: Int32Array | tf.Tensor1D, options: EmbeddingLookup = {}): tf.Tensor2D {
  const { scale = 1, plus, ...others } = options;
  refuseOthers('embedding', others, options);
  const values = tensorOf<tf.Tensor>(table) as tf.Tensor2D;
  expectShape(values, [-1, -1], 'The table of embedding');
  const [count, dim] = values.shape;
  const onHost = rows instanceof Int32Array;
  if (onHost) checkRows(rows, count, `An embedding table of ${count} rows`);
  if (plus) expectShape(plus, [onHost ? rows.length : rows.shape[0], dim], 'What embedding adds');
  const sink = onHost && table instanceof Parameter ? table.sink : undefined;
  return withGradient(
    [sink?.anchor ?? values, ...(plus ? [plus] : [])],
    (save) => {
      if (!onHost) save(rows);
      return takeRows(values, rows, { scale, plus });
    },
    (dy: tf.Tensor2D, saved?: tf.Tensor1D) => {
      const scaled: tf.Tensor2D = scale === 1 ? dy : tf.mul(dy, scale);
      const added = plus ? [tf.clone(dy)] : [];
      if (!sink) return [sumRows(scaled, saved ?? rows, count), ...added];
      sink.add(rows as Int32Array, tf.keep(scaled));
      return [tf.scalar(0), ...added];
    },
  );
}

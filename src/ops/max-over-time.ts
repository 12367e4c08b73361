/** Max pooling over all times. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber } from '../core/shape.ts';
import { sumRows, takeRows } from './segment-sum.ts';
import { withGradient } from './with-gradient.ts';

/**
 * The largest value of each column over every `times` rows (Kim, EMNLP 2014; the pooling of Caser). Rows that are equally
 * large share the gradient; PyTorch gives it to the first, which is the same for the weights where the rows come from the
 * same inputs.
 *
 * @param x     `[B · times, F]`, the rows of one window after those of the other
 * @param times the rows of a window
 * @returns `[B, F]`
 */
export function maxOverTime(x: tf.Tensor2D, times: number): tf.Tensor2D {
  checkNumber('maxOverTime: times', times, { min: 1, integer: true });
  const [rows, columns] = x.shape;
  if (rows % times !== 0) {
    throw new RangeError(`The rows of maxOverTime (${rows}) must be a multiple of times (${times}).`);
  }
  if (times === 1 || rows === 0) return x;
  const count = rows / times;
  const windowOf = Int32Array.from({ length: rows }, (_, row) => Math.floor(row / times));
  return withGradient(
    [x],
    (save) => {
      const y: tf.Tensor2D = tf.max(tf.reshape(x, [count, times, columns]), 1);
      save(x, y);
      return y;
    },
    (dy: tf.Tensor2D, x: tf.Tensor2D, y: tf.Tensor2D) => {
      // 1 where a row is the largest. tfjs-wasm compares tensors of different shapes twenty times slower.
      const largest: tf.Tensor2D = tf.sub(1, tf.step(tf.sub(takeRows(y, windowOf), x)));
      const share: tf.Tensor2D = tf.div(dy, sumRows(largest, windowOf, count));
      return [tf.mul(largest, takeRows(share, windowOf))];
    },
  );
}

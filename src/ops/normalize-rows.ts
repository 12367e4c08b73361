/** Rows of length 1. */
import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './with-gradient.ts';

/** Below this a row is divided by it instead of by its length, as in PyTorch's `normalize`. */
const EPSILON = 1e-12;

/**
 * Every row over its length √Σ x².
 *
 * @param x `[N, D]`
 * @returns `[N, D]`
 */
export function normalizeRows(x: tf.Tensor2D): tf.Tensor2D {
  return withGradient(
    [x],
    (save) => {
      const length = tf.maximum(tf.sqrt(tf.sum(tf.square(x), 1, true)), EPSILON);
      const y: tf.Tensor2D = tf.div(x, length);
      save(y, length);
      return y;
    },
    (dy: tf.Tensor2D, y: tf.Tensor2D, length: tf.Tensor2D) => {
      const along = tf.mul(y, tf.sum(tf.mul(dy, y), 1, true));
      return [tf.div(tf.sub(dy, along), length)];
    },
  );
}

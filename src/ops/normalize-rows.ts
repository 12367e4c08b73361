/** Rows of length 1. */
import * as tf from '@tensorflow/tfjs-core';
import { elu } from './activations.ts';
import { hasKernel, runKernel } from './kernel.ts';
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
  return hasKernel('SeqrecNormalizeRows') ? fused(x, false) : composed(x);
}

/**
 * The ELU of every row over its length, in one pass where the backend can: the queries and keys of linear attention.
 *
 * @param x `[N, D]`
 * @returns `[N, D]`
 */
export function normalizeElus(x: tf.Tensor2D): tf.Tensor2D {
  return hasKernel('SeqrecNormalizeRows') ? fused(x, true) : composed(ELU(x));
}

const ELU = elu();

function fused(x: tf.Tensor2D, elu: boolean): tf.Tensor2D {
  return withGradient(
    [x],
    (save) => {
      const [y, lengths] = runKernel<[tf.Tensor2D, tf.Tensor2D]>('SeqrecNormalizeRows', { x }, { elu });
      save(y, lengths);
      return y;
    },
    (dy: tf.Tensor2D, y: tf.Tensor2D, lengths: tf.Tensor2D) => [
      runKernel('SeqrecNormalizeRowsGradient', { y, lengths, dy }, { elu }),
    ],
  );
}

function composed(x: tf.Tensor2D): tf.Tensor2D {
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

/** Matrix products. Every one is an untransposed 2-D product: tfjs-wasm runs transposed and batched ones 14x slower. */
import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './with-gradient.ts';

/**
 * The matrix product `a` × `b`.
 *
 * @param a `[N, K]`
 * @param b `[K, M]`
 * @returns `[N, M]`
 */
export function product(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  return withGradient(
    [a, b],
    (save) => {
      save(a, b);
      return tf.matMul(a, b);
    },
    (dy: tf.Tensor2D, a: tf.Tensor2D, b: tf.Tensor2D) => [tf.matMul(dy, tf.transpose(b)), transposedProduct(a, dy)],
  );
}

/**
 * aᵀ × b, off the tape, with whichever operand is cheaper to transpose: aᵀ × b = (bᵀ × a)ᵀ.
 *
 * @param a `[N, K]`
 * @param b `[N, M]`
 * @returns `[K, M]`
 */
export function transposedProduct(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  const [rows, k] = a.shape;
  const m = b.shape[1];
  if (rows * k <= rows * m + k * m) return tf.matMul(tf.transpose(a), b);
  return tf.transpose(tf.matMul(tf.transpose(b), a));
}

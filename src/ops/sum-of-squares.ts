/** The squared Euclidean norm of a tensor. */
import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernel.ts';

/** The sum of the squares of all values, off the tape. */
export function sumOfSquares(x: tf.Tensor): tf.Scalar {
  if (hasKernel('SeqrecSumOfSquares')) return runKernel('SeqrecSumOfSquares', { x });
  return tf.sum(tf.square(x));
}

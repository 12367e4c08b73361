/** The squared Euclidean norm of several tensors. */
import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernel.ts';

/** The sum of the squares of all values of all tensors, off the tape. */
export function sumOfSquares(xs: readonly tf.Tensor[]): tf.Scalar {
  if (hasKernel('SeqrecSumOfSquares')) return runKernel('SeqrecSumOfSquares', Object.fromEntries(xs.entries()));
  // Not addN: on WebGPU it takes a storage buffer for each of its inputs, more than there may be.
  return xs.reduce((sum, x) => tf.add(sum, tf.sum(tf.square(x))), tf.scalar(0)) as tf.Scalar;
}

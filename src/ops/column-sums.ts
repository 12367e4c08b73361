/** The gradient of a bias. */
import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernel.ts';

/** The sum of all rows of `x` `[N, D]`, off the tape. */
export function columnSums(x: tf.Tensor2D): tf.Tensor1D {
  return hasKernel('SeqrecColumnSums') ? runKernel('SeqrecColumnSums', { x }) : tf.sum(x, 0);
}

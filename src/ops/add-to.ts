/** Sums that grow by a part at a time. */
import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernel.ts';

/**
 * `sum` + `x`, kept: in the memory of `sum` where the backend has the kernel, else as a new tensor for which `sum` is
 * disposed of. Nothing else may share the memory of `sum`.
 */
export function addTo(sum: tf.Tensor, x: tf.Tensor): tf.Tensor {
  if (hasKernel('SeqrecAddTo')) {
    runKernel('SeqrecAddTo', { sum, x });
    return sum;
  }
  const next = tf.keep(tf.add(sum, x));
  sum.dispose();
  return next;
}

/** The sum of two tensors, of which it takes ownership; others may share their memory. */
export function addInto<T extends tf.Tensor>(sum: T, part: T): T {
  const next: T = tf.add(sum, part);
  tf.dispose([sum, part]);
  return next;
}

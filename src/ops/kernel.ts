/** Fused kernels of the active backend. An op runs one where there is one, and its composed form elsewhere. */
import * as tf from '@tensorflow/tfjs-core';

/** Whether the active backend has the kernel. */
export function hasKernel(name: `Seqrec${string}`): boolean {
  return tf.getKernel(name, tf.getBackend()) !== undefined;
}

/** Runs a kernel that {@link hasKernel}, off the tape: call it inside an op that has its own gradient. */
export function runKernel<T extends tf.Tensor | tf.Tensor[]>(
  name: `Seqrec${string}`,
  inputs: Readonly<Record<string, tf.Tensor>>,
  attributes: object = {},
): T {
  return tf.engine().runKernel(name, { ...inputs }, attributes as tf.NamedAttrMap);
}

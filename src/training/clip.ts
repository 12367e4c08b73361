/** Clipping of gradients by their global norm. */
import * as tf from '@tensorflow/tfjs-core';
import type { Gradient } from '../core/parameter.ts';
import { checkNumber } from '../core/shape.ts';
import { sumOfSquares } from '../ops/sum-of-squares.ts';

/**
 * Scales gradients so that the L2 norm over all of them together is at most `maxNorm`, as
 * `torch.nn.utils.clip_grad_norm_`: by min(1, maxNorm / (norm + 1e-6)). Nothing is read back from the device.
 *
 * @param maxNorm greater than 0; with Infinity the gradients are returned as they are
 * @returns the scaled gradients (new tensors) and their norm before it, all for the caller to dispose of
 */
export function clipByGlobalNorm(
  gradients: ReadonlyMap<string, Gradient>,
  maxNorm: number,
): { gradients: Map<string, Gradient>; norm: tf.Scalar } {
  checkNumber('maxNorm', maxNorm, { above: 0 });
  const norm = tf.tidy(() => tf.sqrt(sumOfSquares([...gradients.values()].map(valuesOf)))) as tf.Scalar;
  if (maxNorm === Infinity) return { gradients: new Map(gradients), norm };
  const factor = tf.tidy(() => tf.minimum(tf.div(maxNorm, tf.add(norm, 1e-6)), 1));
  const clipped = new Map<string, Gradient>();
  for (const [path, gradient] of gradients) {
    const values = tf.mul(valuesOf(gradient), factor);
    clipped.set(path, gradient instanceof tf.Tensor ? values : { rows: gradient.rows, values: values as tf.Tensor2D });
  }
  factor.dispose();
  return { gradients: clipped, norm };
}

function valuesOf(gradient: Gradient): tf.Tensor {
  return gradient instanceof tf.Tensor ? gradient : gradient.values;
}

/** Layer normalisation (Ba, Kiros & Hinton, 2016). */
import * as tf from '@tensorflow/tfjs-core';
import { tensorOf, type Weight } from '../core/parameter.ts';
import { expectShape } from '../core/shape.ts';
import { hasKernel, runKernel } from './kernel.ts';
import { withGradient } from './with-gradient.ts';

/**
 * Every row minus its mean, over √(its variance + epsilon), times `weight`, plus `bias`. The variance is the biased one,
 * as in PyTorch.
 *
 * @param x      `[N, D]`
 * @param weight `[D]`
 * @param bias   `[D]`
 */
export function layerNorm(x: tf.Tensor2D, weight: Weight, bias: Weight, epsilon = 1e-5): tf.Tensor2D {
  const w = tensorOf<tf.Tensor>(weight) as tf.Tensor1D;
  const b = tensorOf<tf.Tensor>(bias) as tf.Tensor1D;
  expectShape(w, [x.shape[1]], 'The weight of layerNorm');
  expectShape(b, [x.shape[1]], 'The bias of layerNorm');
  if (hasKernel('SeqrecLayerNorm')) return fused(x, w, b, epsilon);
  return withGradient(
    [x, w, b],
    (save) => {
      save(x, w);
      return tf.add(tf.mul(normalise(x, epsilon).normal, w), b);
    },
    (dy: tf.Tensor2D, x: tf.Tensor2D, w: tf.Tensor1D) => {
      const { normal, inverse } = normalise(x, epsilon);
      const g = tf.mul(dy, w);
      const along = tf.mul(normal, tf.mean(tf.mul(g, normal), 1, true));
      const dx = tf.mul(inverse, tf.sub(tf.sub(g, tf.mean(g, 1, true)), along));
      return [dx, tf.sum(tf.mul(dy, normal), 0), tf.sum(dy, 0)];
    },
  );
}

/** The forward pass keeps what it knows of every row. */
function fused(x: tf.Tensor2D, weight: tf.Tensor1D, bias: tf.Tensor1D, epsilon: number): tf.Tensor2D {
  return withGradient(
    [x, weight, bias],
    (save) => {
      const made = runKernel<tf.Tensor[]>('SeqrecLayerNorm', { x, weight, bias }, { epsilon });
      const [y, statistics] = made as [tf.Tensor2D, tf.Tensor2D];
      save(x, weight, statistics);
      return y;
    },
    (dy: tf.Tensor2D, x: tf.Tensor2D, weight: tf.Tensor1D, statistics: tf.Tensor2D) =>
      runKernel('SeqrecLayerNormGradients', { x, weight, statistics, dy }),
  );
}

/** The normalised rows and 1 / √(variance + epsilon) `[N, 1]`. */
function normalise(x: tf.Tensor2D, epsilon: number): { normal: tf.Tensor2D; inverse: tf.Tensor2D } {
  // Centred twice: the mean of a constant row is off by a rounding, which an epsilon of 1e-12 would magnify 10^6 times.
  const once = tf.sub(x, tf.mean(x, 1, true));
  const centred: tf.Tensor2D = tf.sub(once, tf.mean(once, 1, true));
  const inverse: tf.Tensor2D = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), epsilon));
  return { normal: tf.mul(centred, inverse), inverse };
}

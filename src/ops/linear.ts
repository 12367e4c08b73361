/** The affine map of every row. */
import type * as tf from '@tensorflow/tfjs-core';
import { tensorOf, type Weight } from '../core/parameter.ts';
import { expectShape } from '../core/shape.ts';
import { columnSums } from './column-sums.ts';
import { multiply } from './product.ts';
import { withGradient } from './with-gradient.ts';

/**
 * `x` × weightᵀ + bias.
 *
 * @param x      `[N, in]`
 * @param weight `[out, in]`, as in PyTorch
 * @param bias   `[out]`
 * @returns `[N, out]`
 */
export function linear(x: tf.Tensor2D, weight: Weight, bias?: Weight): tf.Tensor2D {
  const w = tensorOf<tf.Tensor>(weight) as tf.Tensor2D;
  const b = bias && (tensorOf<tf.Tensor>(bias) as tf.Tensor1D);
  expectShape(w, [-1, x.shape[1]], 'The weight of linear');
  if (b) expectShape(b, [w.shape[0]], 'The bias of linear');
  return withGradient(
    b ? [x, w, b] : [x, w],
    (save) => {
      save(x, w);
      return multiply(x, w, { transposeB: true, bias: b });
    },
    (dy: tf.Tensor2D, x: tf.Tensor2D, w: tf.Tensor2D) => [
      multiply(dy, w),
      multiply(dy, x, { transposeA: true }),
      ...(b ? [columnSums(dy)] : []),
    ],
  );
}

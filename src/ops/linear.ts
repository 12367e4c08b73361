/** The affine map of every row. */
import type * as tf from '@tensorflow/tfjs-core';
import { tensorOf, type Weight } from '../core/parameter.ts';
import { expectShape } from '../core/shape.ts';
import { type Activation, gelu, relu, silu } from './activations.ts';
import { columnSums } from './column-sums.ts';
import { hasKernel, runKernel } from './kernel.ts';
import { multiply } from './product.ts';
import { withGradient } from './with-gradient.ts';

/**
 * activation(`x` × weightᵀ + bias).
 *
 * @param x          `[N, in]`
 * @param weight     `[out, in]`, as in PyTorch
 * @param bias       `[out]`
 * @param activation none by default
 * @returns `[N, out]`
 */
export function linear(x: tf.Tensor2D, weight: Weight, bias?: Weight, activation?: Activation): tf.Tensor2D {
  const w = tensorOf<tf.Tensor>(weight) as tf.Tensor2D;
  const b = bias && (tensorOf<tf.Tensor>(bias) as tf.Tensor1D);
  expectShape(w, [-1, x.shape[1]], 'The weight of linear');
  if (b) expectShape(b, [w.shape[0]], 'The bias of linear');
  if (!hasKernel('SeqrecLinear')) {
    const y = composed(x, w, b);
    return activation ? activation(y) : y;
  }
  if (activation && !FUSED.includes(activation)) return activation(fused(x, w, b));
  return fused(x, w, b, activation?.name);
}

/** Activations that the kernel takes along. */
const FUSED: readonly Activation[] = [relu, gelu, silu];

function composed(x: tf.Tensor2D, w: tf.Tensor2D, b: tf.Tensor1D | undefined): tf.Tensor2D {
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

/** One kernel each way. For the gradient of an activation, its arguments are kept, or of relu the results. */
function fused(x: tf.Tensor2D, w: tf.Tensor2D, b: tf.Tensor1D | undefined, activation?: string): tf.Tensor2D {
  const attributes = { activation, hasBias: b !== undefined };
  return withGradient(
    b ? [x, w, b] : [x, w],
    (save) => {
      const made = runKernel<tf.Tensor[]>('SeqrecLinear', { x, weight: w, ...(b && { bias: b }) }, attributes);
      const [y, before] = made as [tf.Tensor2D, tf.Tensor2D?];
      if (activation) save(x, w, before ?? y);
      else save(x, w);
      return y;
    },
    (dy: tf.Tensor2D, x: tf.Tensor2D, weight: tf.Tensor2D, kept?: tf.Tensor2D) =>
      runKernel('SeqrecLinearGradients', { dy, x, weight, ...(kept && { kept }) }, attributes),
  );
}

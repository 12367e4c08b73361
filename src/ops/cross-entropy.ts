/** Softmax cross-entropy over a whole catalogue, without ever holding all logits. */
import * as tf from '@tensorflow/tfjs-core';
import { tensorOf, type Weight } from '../core/parameter.ts';
import { checkNumber, expectShape, refuseOthers } from '../core/shape.ts';
import { type CrossEntropyProblem, type CrossEntropyResult, composedCrossEntropy } from './cross-entropy-composed.ts';
import { hasKernel, runKernel } from './kernel.ts';
import { checkRows } from './rows.ts';
import { withGradient } from './with-gradient.ts';

export interface SoftmaxCrossEntropyOptions {
  /** `[V]`, added to the logits. */
  bias?: Weight | undefined;
  /** Multiplies states · weight before the bias is added: one over the temperature. @defaultValue 1 */
  scale?: number | undefined;
  /** The weight of each of the M targets. @defaultValue all 1 */
  weights?: Float32Array | undefined;
  /**
   * ε: the target's share of the probability is 1 - ε, and ε is spread over all V items, the target included, as in
   * PyTorch. @defaultValue 0
   */
  labelSmoothing?: number | undefined;
}

/**
 * The weighted SUM over the targets of -ln softmax(scale · states · weightᵀ + bias)[target]. Logits exist for at most
 * 16 MB at a time; loss and gradients come from the same pass.
 *
 * @param states  `[M, D]`
 * @param weight  `[V, D]`
 * @param targets M rows of `weight`, 0 … V-1; may repeat
 */
export function softmaxCrossEntropy(
  states: tf.Tensor2D,
  weight: Weight,
  targets: Int32Array,
  options: SoftmaxCrossEntropyOptions = {},
): tf.Scalar {
  const { scale = 1, labelSmoothing = 0, bias: given, weights: shares, ...others } = options;
  refuseOthers('softmaxCrossEntropy', others, options);
  const [count, dim] = states.shape;
  const table = tensorOf<tf.Tensor>(weight) as tf.Tensor2D;
  const bias = given && (tensorOf<tf.Tensor>(given) as tf.Tensor1D);
  const weights = shares ?? new Float32Array(count).fill(1);
  expectShape(table, [-1, dim], 'The weight of softmaxCrossEntropy');
  const items = table.shape[0];
  if (bias) expectShape(bias, [items], 'The bias of softmaxCrossEntropy');
  if (targets.length !== count || weights.length !== count) {
    throw new RangeError(
      `softmaxCrossEntropy needs one target and one weight for each of the ${count} states, got ${targets.length} and ${weights.length}.`,
    );
  }
  checkRows(targets, items, 'softmaxCrossEntropy');
  checkNumber('scale', scale, { above: 0 });
  checkNumber('labelSmoothing', labelSmoothing, { min: 0, max: 1 });
  const problem = { targets, weights, scale, labelSmoothing };

  const recording = tf.engine().isTapeOn();
  return withGradient(
    bias ? [states, table, bias] : [states, table],
    (save) => {
      if (count === 0) {
        save(...zerosLike(states, table, bias));
        return tf.scalar(0);
      }
      const pass = hasKernel('SeqrecCrossEntropy') ? fusedCrossEntropy : composedCrossEntropy;
      const { loss, gradients } = pass(problem, states, table, bias, recording);
      save(...gradients);
      return loss;
    },
    (dy: tf.Scalar, ...gradients: tf.Tensor[]) => gradients.map((gradient) => tf.mul(gradient, dy)),
  );
}

/** One kernel, which holds the logits of some tens of rows at a time. */
function fusedCrossEntropy(
  { targets, weights, scale, labelSmoothing }: CrossEntropyProblem,
  states: tf.Tensor2D,
  table: tf.Tensor2D,
  bias: tf.Tensor1D | undefined,
  wanted: boolean,
): CrossEntropyResult {
  const inputs = { states, table, targets: tf.tensor1d(targets, 'int32'), weights: tf.tensor1d(weights) };
  const [loss, ...gradients] = runKernel<tf.Tensor[]>('SeqrecCrossEntropy', bias ? { ...inputs, bias } : inputs, {
    scale,
    labelSmoothing,
    wanted,
  });
  return { loss: loss as tf.Scalar, gradients };
}

function zerosLike(...tensors: (tf.Tensor | undefined)[]): tf.Tensor[] {
  return tensors.flatMap((tensor) => (tensor ? [tf.zerosLike(tensor)] : []));
}

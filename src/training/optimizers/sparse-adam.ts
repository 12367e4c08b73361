/** Adam that moves only the rows that were read, to PyTorch's SparseAdam. */
import * as tf from '@tensorflow/tfjs-core';
import { type AdamOptions, adamSettings } from './adam.ts';
import { type Optimizer, startRule, type Update } from './optimizer.ts';
import { addRows, readRows } from './rows.ts';

/** Options of {@link sparseAdam}, as those of {@link adam}. */
export type SparseAdamOptions = Pick<AdamOptions, 'learningRate' | 'beta1' | 'beta2' | 'epsilon'>;

/**
 * Adam as `torch.optim.SparseAdam`: of a table only the rows that were read in this step move and have their moments
 * updated. Cheaper than {@link adam} on large tables, and another method: moments of a row do not decay between its
 * reads. As in PyTorch ε is added before bias correction: p ← p - lr · √(1 - β2ᵗ) / (1 - β1ᵗ) · m / (√v + ε).
 *
 * A dense gradient follows the same rule for all of its values.
 */
export function sparseAdam(options: SparseAdamOptions = {}): Optimizer {
  const { learningRate, beta1, beta2, epsilon } = adamSettings('sparseAdam', options, 0);
  const factor = ({ learningRate: rate, steps }: Update<'m' | 'v'>) =>
    (rate * Math.sqrt(1 - beta2 ** steps)) / (1 - beta1 ** steps);
  /** What the moments and the value of some rows change by, given their moments. */
  const changes = (gradient: tf.Tensor, m: tf.Tensor, v: tf.Tensor, update: Update<'m' | 'v'>) => {
    const dm = tf.mul(tf.sub(gradient, m), 1 - beta1);
    const dv = tf.mul(tf.sub(tf.square(gradient), v), 1 - beta2);
    const root = tf.add(tf.sqrt(tf.add(v, dv)), epsilon);
    return { m: dm, v: dv, value: tf.mul(tf.div(tf.add(m, dm), root), -factor(update)) };
  };
  return {
    name: 'sparseAdam',
    options: { learningRate, beta1, beta2, epsilon },
    start: (parameters) =>
      startRule<'m' | 'v'>(
        'sparseAdam',
        {
          learningRate,
          slots: ['m', 'v'],
          dense(gradient, update) {
            const { value, slots } = update;
            const change = changes(gradient, slots.m, slots.v, update);
            return {
              value: tf.add(value, change.value),
              m: tf.add(slots.m, change.m),
              v: tf.add(slots.v, change.v),
            };
          },
          rows(gradient, update) {
            const { value, slots } = update;
            const change = changes(gradient.values, readRows(slots.m, gradient), readRows(slots.v, gradient), update);
            return {
              value: addRows(value, gradient, change.value),
              m: addRows(slots.m, gradient, change.m),
              v: addRows(slots.v, gradient, change.v),
            };
          },
        },
        parameters,
      ),
  };
}

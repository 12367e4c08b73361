/** Adagrad (Duchi et al., 2011), to PyTorch's formula. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { checkRate, type Schedule } from '../schedules/schedule.ts';
import { type Optimizer, startRule } from './optimizer.ts';
import { addRows, readRows } from './rows.ts';

/** Options of {@link adagrad}. */
export interface AdagradOptions {
  /** @defaultValue 0.01 */
  learningRate?: number | Schedule | undefined;
  /** Added to the root. @defaultValue 1e-10 */
  epsilon?: number | undefined;
  /** What the sum of squares starts from. @defaultValue 0 */
  initialAccumulator?: number | undefined;
  /** L2: added to the gradient times the weights. @defaultValue 0 */
  weightDecay?: number | undefined;
}

/**
 * Adagrad as `torch.optim.Adagrad`: sum ← sum + g², p ← p - lr · g / (√sum + ε). Without weight decay only the rows of a
 * table that were read are touched, which gives the same result as the dense rule.
 */
export function adagrad(options: AdagradOptions = {}): Optimizer {
  const { learningRate = 0.01, epsilon = 1e-10, initialAccumulator = 0, weightDecay = 0, ...others } = options;
  refuseOthers('adagrad', others, options);
  checkRate('adagrad', learningRate);
  checkNumber('adagrad: epsilon', epsilon, { min: 0 });
  checkNumber('adagrad: initialAccumulator', initialAccumulator, { min: 0 });
  checkNumber('adagrad: weightDecay', weightDecay, { min: 0 });
  /** The step against `gradient`; the slot holds the sum without its start, so that it may begin with zeros. */
  const change = (gradient: tf.Tensor, sum: tf.Tensor, learningRate: number) => {
    const root = tf.sqrt(initialAccumulator > 0 ? tf.add(sum, initialAccumulator) : sum);
    return tf.mul(tf.div(gradient, tf.add(root, epsilon)), -learningRate);
  };
  return {
    name: 'adagrad',
    options: { learningRate, epsilon, initialAccumulator, weightDecay },
    start: (parameters) =>
      startRule(
        'adagrad',
        {
          learningRate,
          slots: ['sum'],
          dense(gradient, { value, slots, learningRate }) {
            const g = weightDecay > 0 ? tf.add(gradient, tf.mul(value, weightDecay)) : gradient;
            const sum = tf.add(slots.sum, tf.square(g));
            return { value: tf.add(value, change(g, sum, learningRate)), sum };
          },
          rows:
            weightDecay > 0
              ? undefined
              : (gradient, { value, slots, learningRate }) => {
                  const sum = addRows(slots.sum, gradient, tf.square(gradient.values));
                  const moved = change(gradient.values, readRows(sum, gradient), learningRate);
                  return { value: addRows(value, gradient, moved), sum };
                },
        },
        parameters,
      ),
  };
}

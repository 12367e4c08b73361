/** Adagrad with momentum, the optimizer of GRU4Rec. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { checkRate, type Schedule } from '../schedules/schedule.ts';
import { type Optimizer, startRule } from './optimizer.ts';
import { addRows, readRows } from './rows.ts';

/** Options of {@link adagradMomentum}. */
export interface AdagradMomentumOptions {
  /** @defaultValue 0.05 */
  learningRate?: number | Schedule | undefined;
  /** Decay of the last step, at least 0 and below 1. @defaultValue 0 */
  momentum?: number | undefined;
  /** Added under the root. @defaultValue 1e-6 */
  epsilon?: number | undefined;
}

/**
 * The `IndexedAdagradM` of the authors' GRU4Rec (hidasib/GRU4Rec_PyTorch_Official, gru4rec_pytorch.py):
 * sum ← sum + g², velocity ← momentum · velocity - lr · g / √(sum + ε), p ← p + velocity. Of a table only the rows that
 * were read have their sum and velocity updated and move, as in the authors' sparse embeddings; a dense gradient moves
 * every row by its velocity.
 */
export function adagradMomentum(options: AdagradMomentumOptions = {}): Optimizer {
  const { learningRate = 0.05, momentum = 0, epsilon = 1e-6, ...others } = options;
  refuseOthers('adagradMomentum', others, options);
  checkRate('adagradMomentum', learningRate);
  checkNumber('adagradMomentum: momentum', momentum, { min: 0, below: 1 });
  checkNumber('adagradMomentum: epsilon', epsilon, { min: 0 });
  const step = (gradient: tf.Tensor, sum: tf.Tensor, learningRate: number) =>
    tf.mul(tf.div(gradient, tf.sqrt(tf.add(sum, epsilon))), -learningRate);
  return {
    name: 'adagradMomentum',
    options: { learningRate, momentum, epsilon },
    start: (parameters) =>
      startRule(
        'adagradMomentum',
        {
          learningRate,
          slots: ['sum', 'velocity'],
          dense(gradient, { value, slots, learningRate }) {
            const sum = tf.add(slots.sum, tf.square(gradient));
            const velocity = tf.add(tf.mul(slots.velocity, momentum), step(gradient, sum, learningRate));
            return { value: tf.add(value, velocity), sum, velocity };
          },
          rows(gradient, { value, slots, learningRate }) {
            const sum = addRows(slots.sum, gradient, tf.square(gradient.values));
            const before = readRows(slots.velocity, gradient);
            const after = tf.add(
              tf.mul(before, momentum),
              step(gradient.values, readRows(sum, gradient), learningRate),
            );
            return {
              value: addRows(value, gradient, after),
              sum,
              velocity: addRows(slots.velocity, gradient, tf.sub(after, before)),
            };
          },
        },
        parameters,
      ),
  };
}

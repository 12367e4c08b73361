/** RMSprop (Tieleman & Hinton, 2012), to PyTorch's formula. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { checkRate, type Schedule } from '../schedules/schedule.ts';
import { type Optimizer, startRule } from './optimizer.ts';

/** Options of {@link rmsProp}. */
export interface RmsPropOptions {
  /** @defaultValue 0.01 */
  learningRate?: number | Schedule | undefined;
  /** Decay of the mean of squared gradients, at least 0 and below 1. @defaultValue 0.99 */
  alpha?: number | undefined;
  /** Added to the root. @defaultValue 1e-8 */
  epsilon?: number | undefined;
  /** Decay of the buffer of past steps, at least 0 and below 1. @defaultValue 0 */
  momentum?: number | undefined;
  /** L2: added to the gradient times the weights. @defaultValue 0 */
  weightDecay?: number | undefined;
}

/** RMSprop as `torch.optim.RMSprop`, not centered: v ← α·v + (1-α)·g², p ← p - lr · g / (√v + ε). */
export function rmsProp(options: RmsPropOptions = {}): Optimizer {
  const { learningRate = 0.01, alpha = 0.99, epsilon = 1e-8, momentum = 0, weightDecay = 0, ...others } = options;
  refuseOthers('rmsProp', others, options);
  checkRate('rmsProp', learningRate);
  checkNumber('rmsProp: alpha', alpha, { min: 0, below: 1 });
  checkNumber('rmsProp: epsilon', epsilon, { min: 0 });
  checkNumber('rmsProp: momentum', momentum, { min: 0, below: 1 });
  checkNumber('rmsProp: weightDecay', weightDecay, { min: 0 });
  const scaled = (gradient: tf.Tensor, value: tf.Tensor, before: tf.Tensor) => {
    const g = weightDecay > 0 ? tf.add(gradient, tf.mul(value, weightDecay)) : gradient;
    const v = tf.add(tf.mul(before, alpha), tf.mul(tf.square(g), 1 - alpha));
    return { v, direction: tf.div(g, tf.add(tf.sqrt(v), epsilon)) };
  };
  return {
    name: 'rmsProp',
    options: { learningRate, alpha, epsilon, momentum, weightDecay },
    start(parameters) {
      if (momentum === 0) {
        return startRule(
          'rmsProp',
          {
            learningRate,
            slots: ['v'],
            dense(gradient, { value, slots, learningRate }) {
              const { v, direction } = scaled(gradient, value, slots.v);
              return { value: tf.sub(value, tf.mul(direction, learningRate)), v };
            },
          },
          parameters,
        );
      }
      return startRule(
        'rmsProp',
        {
          learningRate,
          slots: ['v', 'buffer'],
          dense(gradient, { value, slots, learningRate }) {
            const { v, direction } = scaled(gradient, value, slots.v);
            const buffer = tf.add(tf.mul(slots.buffer, momentum), direction);
            return { value: tf.sub(value, tf.mul(buffer, learningRate)), v, buffer };
          },
        },
        parameters,
      );
    },
  };
}

/** Stochastic gradient descent, with momentum (Sutskever et al., 2013), to PyTorch's formula. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { checkRate, type Schedule } from '../schedules/schedule.ts';
import { type Optimizer, startRule } from './optimizer.ts';
import { addRows } from './rows.ts';

/** Options of {@link sgd}. */
export interface SgdOptions {
  /** @defaultValue 0.01 */
  learningRate?: number | Schedule | undefined;
  /** Decay of the buffer of past gradients, at least 0 and below 1. @defaultValue 0 */
  momentum?: number | undefined;
  /** Look ahead along the buffer; needs momentum. @defaultValue false */
  nesterov?: boolean | undefined;
  /** L2: added to the gradient times the weights. @defaultValue 0 */
  weightDecay?: number | undefined;
}

/**
 * Gradient descent as `torch.optim.SGD` without dampening: buffer ← momentum · buffer + g, p ← p - lr · buffer. The rate
 * multiplies after the buffer, so a schedule acts at once. Without momentum and weight decay only the rows of a table
 * that were read are touched.
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { learningRate = 0.01, momentum = 0, nesterov = false, weightDecay = 0, ...others } = options;
  refuseOthers('sgd', others, options);
  checkRate('sgd', learningRate);
  checkNumber('sgd: momentum', momentum, { min: 0, below: 1 });
  checkNumber('sgd: weightDecay', weightDecay, { min: 0 });
  if (nesterov && momentum === 0) throw new RangeError('sgd: nesterov needs a momentum greater than 0, got 0.');
  return {
    name: 'sgd',
    options: { learningRate, momentum, nesterov, weightDecay },
    start(parameters) {
      if (momentum > 0) {
        return startRule(
          'sgd',
          {
            learningRate,
            slots: ['buffer'],
            dense(gradient, { value, slots, learningRate }) {
              const g = weightDecay > 0 ? tf.add(gradient, tf.mul(value, weightDecay)) : gradient;
              const buffer = tf.add(tf.mul(slots.buffer, momentum), g);
              const direction = nesterov ? tf.add(g, tf.mul(buffer, momentum)) : buffer;
              return { value: tf.sub(value, tf.mul(direction, learningRate)), buffer };
            },
          },
          parameters,
        );
      }
      return startRule<never>(
        'sgd',
        {
          learningRate,
          slots: [],
          dense(gradient, { value, learningRate }) {
            const g = weightDecay > 0 ? tf.add(gradient, tf.mul(value, weightDecay)) : gradient;
            return { value: tf.sub(value, tf.mul(g, learningRate)) };
          },
          rows:
            weightDecay > 0
              ? undefined
              : (gradient, { value, learningRate }) => ({
                  value: addRows(value, gradient, tf.mul(gradient.values, -learningRate)),
                }),
        },
        parameters,
      );
    },
  };
}

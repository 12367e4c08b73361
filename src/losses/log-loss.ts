/** Binary cross-entropy of given labels. */
import * as tf from '@tensorflow/tfjs-core';
import { tensorOf } from '../core/parameter.ts';
import { expectShape } from '../core/shape.ts';
import { softplus } from '../ops/activations.ts';
import { linear } from '../ops/linear.ts';
import type { Loss } from './loss.ts';

/**
 * -y ln σ(s) - (1 - y) ln(1 - σ(s)) for labels y from 0 to 1: the loss of click models (BST: Chen et al., 2019, equation
 * 9). For models whose output is one score of each state, as {@link BST}, and objectives that give labels, as
 * `pointwise()`. `bce()` is the loss over a catalogue, with negatives.
 */
export function logLoss(): Loss {
  return {
    name: 'logLoss',
    options: {},
    forward(states, { weight, bias, scale = 1 }, targets) {
      if (!targets.label)
        throw new Error('logLoss needs labels: use an objective that gives them, such as pointwise().');
      expectShape(tensorOf(weight), [1, -1], 'The output of a model that is trained with logLoss');
      const score = tf.mul(linear(states, weight, bias), scale); // [M, 1]
      const column = (values: Float32Array) => tf.tensor2d(values, [values.length, 1]);
      const loss = tf.sub(softplus(score), tf.mul(score, column(targets.label)));
      return tf.sum(tf.mul(loss, column(targets.weight)));
    },
  };
}

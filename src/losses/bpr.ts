/** Bayesian personalised ranking. */
import * as tf from '@tensorflow/tfjs-core';
import { refuseOthers } from '../core/shape.ts';
import { uniform } from '../data/negatives/uniform.ts';
import type { Loss } from './loss.ts';
import { drawing, type NegativesOptions, overNegatives } from './sampled.ts';

/** Options of {@link bpr}: 1 negative by default, drawn by `uniform({ excludeSeen: true })`. */
export type BprOptions = NegativesOptions;

/**
 * -ln σ(p - n), the mean over the negatives (Rendle et al., 2009). Some codes guard the logarithm with an ε (RecBole
 * 1e-10) and some sum over negatives (d2l); softplus needs no guard.
 */
export function bpr(options: BprOptions = {}): Loss {
  const { negatives = 1, sampler = uniform({ excludeSeen: true }), ...others } = options;
  refuseOthers('bpr', others, options);
  return {
    name: 'bpr',
    options: { negatives, sampler },
    negatives: drawing('bpr', negatives, sampler),
    forward: (states, output, targets) =>
      overNegatives('bpr', states, output, targets, ({ positive, negative, counted }) => {
        const lead = tf.sub(negative, positive);
        const slope = tf.div(tf.sigmoid(lead), counted);
        return {
          loss: tf.div(tf.sum(tf.softplus(lead), 1, true), counted),
          positive: tf.neg(tf.sum(slope, 1, true)),
          negative: slope,
        };
      }),
  };
}

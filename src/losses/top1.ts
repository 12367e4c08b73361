/** TOP1, the ranking loss of GRU4Rec. */
import * as tf from '@tensorflow/tfjs-core';
import { refuseOthers } from '../core/shape.ts';
import { uniform } from '../data/negatives/uniform.ts';
import type { Loss } from './loss.ts';
import { drawing, type NegativesOptions, overNegatives } from './sampled.ts';

/** Options of {@link top1}: 1 negative by default, drawn by `uniform({ excludeSeen: true })`. */
export type Top1Options = NegativesOptions;

/**
 * σ(n - p) + σ(n²), the mean over the negatives: the share of negatives ranked above the target, and a pull of their
 * scores to zero (Hidasi et al., ICLR 2016, section 3.3.1). The paper's negatives are `inBatch()`.
 */
export function top1(options: Top1Options = {}): Loss {
  const { negatives = 1, sampler = uniform({ excludeSeen: true }), ...others } = options;
  refuseOthers('top1', others, options);
  return {
    name: 'top1',
    options: { negatives, sampler },
    negatives: drawing('top1', negatives, sampler),
    forward: (states, output, targets) =>
      overNegatives('top1', states, output, targets, ({ positive, negative, counts, counted }) => {
        const share = tf.div(counts ?? 1, counted);
        const ahead = tf.sigmoid(tf.sub(negative, positive));
        const size = tf.sigmoid(tf.square(negative));
        const aheadSlope = tf.mul(tf.mul(ahead, tf.sub(1, ahead)), share);
        const sizeSlope = tf.mul(tf.mul(tf.mul(size, tf.sub(1, size)), tf.mul(negative, 2)), share);
        return {
          loss: tf.sum(tf.mul(tf.add(ahead, size), share), 1, true),
          positive: tf.neg(tf.sum(aheadSlope, 1, true)),
          negative: tf.add(aheadSlope, sizeSlope),
        };
      }),
  };
}

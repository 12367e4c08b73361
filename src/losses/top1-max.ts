/** TOP1-max, the other ranking loss of GRU4Rec's second paper. */
import * as tf from '@tensorflow/tfjs-core';
import { refuseOthers } from '../core/shape.ts';
import { uniform } from '../data/negatives/uniform.ts';
import type { Loss } from './loss.ts';
import { drawing, type NegativesOptions, overNegatives, shareOfNegatives } from './sampled.ts';

/** Options of {@link top1Max}: 256 negatives by default, drawn by `uniform()`. */
export interface Top1MaxOptions extends NegativesOptions {
  /** Leave out negatives that equal the target. @defaultValue false */
  maskHits?: boolean | undefined;
}

/**
 * Σ sⱼ (σ(nⱼ - p) + σ(nⱼ²)), where s is the softmax over the negatives: {@link top1} with the hardest negatives counting
 * most (Hidasi & Karatzoglou, CIKM 2018, section 4). Gradients flow through s too. The authors' PyTorch code has no TOP1-max;
 * the formula is the paper's.
 */
export function top1Max(options: Top1MaxOptions = {}): Loss {
  const { negatives = 256, sampler = uniform(), maskHits = false, ...others } = options;
  refuseOthers('top1Max', others, options);
  return {
    name: 'top1Max',
    options: { negatives, sampler, maskHits },
    negatives: drawing('top1Max', negatives, sampler),
    forward: (states, output, targets) =>
      overNegatives(
        'top1Max',
        states,
        output,
        targets,
        ({ positive, negative, counts }) => {
          const share = shareOfNegatives(negative, counts);
          const ahead = tf.sigmoid(tf.sub(negative, positive));
          const size = tf.sigmoid(tf.square(negative));
          const each = tf.add(ahead, size);
          const loss = tf.sum(tf.mul(share, each), 1, true);
          const aheadSlope = tf.mul(share, tf.mul(ahead, tf.sub(1, ahead)));
          const sizeSlope = tf.mul(share, tf.mul(tf.mul(size, tf.sub(1, size)), tf.mul(negative, 2)));
          const shareSlope = tf.mul(share, tf.sub(each, loss));
          return {
            loss,
            positive: tf.neg(tf.sum(aheadSlope, 1, true)),
            negative: tf.add(shareSlope, tf.add(aheadSlope, sizeSlope)),
          };
        },
        { maskHits },
      ),
  };
}

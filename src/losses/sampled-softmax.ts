/** Softmax cross-entropy of a target against its negatives. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { uniform } from '../data/negatives/uniform.ts';
import { softmaxOverNegatives } from '../ops/sampled-formulas.ts';
import type { Loss } from './loss.ts';
import { drawing, type NegativesOptions, overNegatives, type Scores } from './sampled.ts';

/** Options of {@link sampledSoftmax}: 256 negatives by default, drawn by `uniform()`. */
export interface SampledSoftmaxOptions extends NegativesOptions {
  /**
   * Subtract ln q, the probability of being drawn, from the scores, where the sampler tells it; a number is a factor of
   * ln q, as `logq` of the authors' GRU4Rec. @defaultValue true
   */
  logQ?: boolean | number | undefined;
  /** Leave out negatives that equal the target. @defaultValue false */
  maskHits?: boolean | undefined;
}

/**
 * -ln of the target's share in the softmax over itself and its negatives (Bengio & Senécal, 2008; the loss of eSASRec,
 * Tikhonovich et al., 2025). With `logQ` scores are corrected by ln q, so that in the limit of many negatives it is the
 * full softmax whatever the sampler: popular items, drawn often, are not pushed down for that. A sampler to which all
 * items are alike tells no q, for it would cancel.
 *
 * By default a negative may equal the target, as in RecTools, WarpRec and the authors' GRU4Rec; TensorFlow's
 * `sampled_softmax_loss` leaves such hits out, as `maskHits` does. The target itself among shared negatives
 * ({@link inBatch}) never counts.
 */
export function sampledSoftmax(options: SampledSoftmaxOptions = {}): Loss {
  const { negatives = 256, sampler = uniform(), logQ = true, maskHits = false, ...others } = options;
  refuseOthers('sampledSoftmax', others, options);
  const factor = checkNumber('sampledSoftmax: logQ', Number(logQ), { min: 0 });
  return {
    name: 'sampledSoftmax',
    options: { negatives, sampler, logQ, maskHits },
    negatives: drawing('sampledSoftmax', negatives, sampler),
    forward: (states, output, targets) => {
      const formula = (scores: Scores) => softmaxOverNegatives(factor > 0 ? corrected(scores, factor) : scores);
      return overNegatives('sampledSoftmax', states, output, targets, formula, { maskHits });
    },
  };
}

/** Scores less factor · ln q. */
function corrected(
  { positive, negative, negatives, from, to }: Scores,
  factor: number,
): { positive: tf.Tensor2D; negative: tf.Tensor2D } {
  const { logQ, targetLogQ, shared } = negatives;
  if (!logQ || !targetLogQ) return { positive, negative };
  const [rows, width] = negative.shape;
  const ofNegatives = shared
    ? tf.tensor2d(logQ, [1, width])
    : tf.tensor2d(logQ.subarray(from * width, to * width), [rows, width]);
  return {
    positive: tf.sub(positive, tf.mul(tf.tensor2d(targetLogQ.subarray(from, to), [rows, 1]), factor)),
    negative: tf.sub(negative, tf.mul(ofNegatives, factor)),
  };
}

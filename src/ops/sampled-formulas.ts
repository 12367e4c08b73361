/** Formulas for `sampledLoss` that have a fused kernel: the loss of each target with its slopes by the scores. */
import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernel.ts';
import type { SampledScores, SampledSlopes } from './sampled-loss.ts';

type Scores = Pick<SampledScores, 'positive' | 'negative'>;

export interface LogisticOptions {
  /** `[c, 1]`, or a number for all. @defaultValue 1 */
  beta?: tf.Tensor2D | number | undefined;
  /** `[c, 1]`, or a number for all. @defaultValue 1 */
  share?: tf.Tensor2D | number | undefined;
}

/** share · (beta · ln(1 + e^-p) + Σ ln(1 + e^n)) */
export function logistic({ positive, negative }: Scores, { beta = 1, share = 1 }: LogisticOptions = {}): SampledSlopes {
  if (hasKernel('SeqrecLogistic')) {
    const [betas, shares] = [beta, share].map((x) => (typeof x === 'number' ? undefined : { tensor: x }));
    return named(
      runKernel(
        'SeqrecLogistic',
        { positive, negative, ...(betas && { betas: betas.tensor }), ...(shares && { shares: shares.tensor }) },
        { beta: betas ? 1 : beta, share: shares ? 1 : share },
      ),
    );
  }
  const ofPositive = tf.mul(beta, tf.softplus(tf.neg(positive)));
  return {
    loss: tf.mul(share, tf.add(ofPositive, tf.sum(tf.softplus(negative), 1, true))),
    positive: tf.mul(tf.mul(share, tf.neg(beta)), tf.sigmoid(tf.neg(positive))),
    negative: tf.mul(share, tf.sigmoid(negative)),
  };
}

/** ln(e^p + Σ e^n) - p */
export function softmaxOverNegatives({ positive, negative }: Scores): SampledSlopes {
  if (hasKernel('SeqrecSoftmaxOverNegatives')) {
    return named(runKernel('SeqrecSoftmaxOverNegatives', { positive, negative }));
  }
  const max = tf.maximum(positive, tf.max(negative, 1, true));
  const ofPositive = tf.exp(tf.sub(positive, max));
  const ofNegative = tf.exp(tf.sub(negative, max));
  const total = tf.add(ofPositive, tf.sum(ofNegative, 1, true));
  return {
    loss: tf.sub(tf.add(tf.log(total), max), positive),
    positive: tf.sub(tf.div(ofPositive, total), 1),
    negative: tf.div(ofNegative, total),
  };
}

function named([loss, positive, negative]: tf.Tensor[]): SampledSlopes {
  return { loss, positive, negative } as SampledSlopes;
}

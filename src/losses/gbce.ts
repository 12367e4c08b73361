/** Generalised binary cross-entropy, the loss of gSASRec. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { uniform } from '../data/negatives/uniform.ts';
import { logistic } from '../ops/sampled-formulas.ts';
import type { Loss } from './loss.ts';
import { drawing, type NegativesOptions, overNegatives } from './sampled.ts';

/** Options of {@link gbce}: 256 negatives by default, drawn by `uniform()`. */
export interface GbceOptions extends NegativesOptions {
  /** Calibration from 0 (plain binary cross-entropy) to 1 (scores as of the full softmax). @defaultValue 0.75 */
  t?: number | undefined;
}

/**
 * Binary cross-entropy with σ(p)^β as the target's probability, which undoes the overconfidence that few negatives cause
 * (Petrov & Macdonald, RecSys 2023): β = α((1 - 1/α)t + 1/α) with α = K / (V - 1), at most 1.
 *
 * As the authors' code (asash/gSASRec-pytorch, train_gsasrec.py) the mean over the 1 + K scores, and negatives may equal
 * the target. Theirs transforms the target's score in float64; -ln σ(p)^β = β · softplus(-p) needs no such care.
 */
export function gbce(options: GbceOptions = {}): Loss {
  const { negatives = 256, t = 0.75, sampler = uniform(), ...others } = options;
  refuseOthers('gbce', others, options);
  checkNumber('gbce: t', t, { min: 0, max: 1 });
  return {
    name: 'gbce',
    options: { negatives, t, sampler },
    negatives: drawing('gbce', negatives, sampler),
    forward: (states, output, targets) => {
      const items = output.weight.shape[0] as number;
      return overNegatives('gbce', states, output, targets, ({ positive, negative, counted }) => {
        if (typeof counted === 'number') {
          const alpha = Math.min(counted / Math.max(items - 1, 1), 1);
          return logistic({ positive, negative }, { beta: (alpha - 1) * t + 1, share: 1 / (counted + 1) });
        }
        const alpha = tf.minimum(tf.div(counted, Math.max(items - 1, 1)), 1);
        const beta: tf.Tensor2D = tf.add(tf.mul(tf.sub(alpha, 1), t), 1);
        return logistic({ positive, negative }, { beta, share: tf.div(1, tf.add(counted, 1)) });
      });
    },
  };
}

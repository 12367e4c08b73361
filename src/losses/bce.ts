/** Binary cross-entropy of a target and its negatives. */
import * as tf from '@tensorflow/tfjs-core';
import { refuseOthers } from '../core/shape.ts';
import { uniform } from '../data/negatives/uniform.ts';
import { logistic } from '../ops/sampled-formulas.ts';
import type { Loss } from './loss.ts';
import { drawing, type NegativesOptions, overNegatives } from './sampled.ts';

/** Options of {@link bce}: 1 negative by default, drawn by `uniform({ excludeSeen: true })`. */
export interface BceOptions extends NegativesOptions {
  /** Takes the mean over the negatives instead of their sum, as Caser's authors. @defaultValue false */
  mean?: boolean | undefined;
}

/**
 * -ln σ(p) - Σ ln(1 - σ(n)): the sum over the target and its negatives, as in SASRec (Kang & McAuley, 2018, equation 7).
 * The authors' code adds 1e-24 inside the logarithms; softplus needs no such guard. RecTools takes the mean over the
 * 1 + K scores instead, which is `gbce({ t: 0 })`; Caser's (graytowne/caser_pytorch, `train_caser.py`) adds the mean over
 * all targets to the mean over all negatives, which is `mean: true`.
 */
export function bce(options: BceOptions = {}): Loss {
  const { negatives = 1, sampler = uniform({ excludeSeen: true }), mean = false, ...others } = options;
  refuseOthers('bce', others, options);
  return {
    name: 'bce',
    options: { negatives, sampler, mean },
    negatives: drawing('bce', negatives, sampler),
    forward: (states, output, targets) =>
      overNegatives('bce', states, output, targets, ({ counted, ...scores }) => {
        if (!mean) return logistic(scores);
        return logistic(scores, {
          beta: counted,
          share: typeof counted === 'number' ? 1 / counted : tf.div(1, counted),
        });
      }),
  };
}

/** Binary cross-entropy of a target and its negatives. */
import { uniform } from '../data/negatives/uniform.ts';
import { logistic } from '../ops/sampled-formulas.ts';
import type { Loss } from './loss.ts';
import { drawing, type NegativesOptions, overNegatives } from './sampled.ts';

/** Options of {@link bce}: 1 negative by default, drawn by `uniform({ excludeSeen: true })`. */
export type BceOptions = NegativesOptions;

/**
 * -ln σ(p) - Σ ln(1 - σ(n)): the sum over the target and its negatives, as in SASRec (Kang & McAuley, 2018, equation 7).
 * The authors' code adds 1e-24 inside the logarithms; softplus needs no such guard. RecTools takes the mean over the
 * 1 + K scores instead, which is `gbce({ t: 0 })`.
 */
export function bce({ negatives = 1, sampler = uniform({ excludeSeen: true }) }: BceOptions = {}): Loss {
  return {
    name: 'bce',
    options: { negatives, sampler },
    negatives: drawing('bce', negatives, sampler),
    forward: (states, output, targets) => overNegatives('bce', states, output, targets, (scores) => logistic(scores)),
  };
}

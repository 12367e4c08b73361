/** Area under the ROC curve. */
import type { Metric } from '../metric.ts';

/** AUC: the share of the pairs of a target and another candidate in which the target has the better score; a tie does not. */
export function auc(): Metric<'AUC'> {
  const user = (ranks: Int32Array, candidates: number): number => {
    const others = candidates - ranks.length;
    if (others === 0)
      throw new RangeError('AUC compares targets with other candidates, but a user has none: leave auc() out.');
    let right = 0;
    // Below target i stand the candidates after its rank, without the other targets among them.
    ranks.forEach((rank, i) => {
      right += candidates - rank - (ranks.length - 1 - i);
    });
    return right / (ranks.length * others);
  };
  return { name: 'auc', options: {}, key: 'AUC', user };
}

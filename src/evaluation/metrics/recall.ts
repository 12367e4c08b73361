/** Recall. */
import { checkCutoff, hitsWithin, type Metric } from '../metric.ts';

/** Recall@k: the share of the targets that are among the first `k`; with one target it equals HR@k. */
export function recall<K extends number>(k: K): Metric<`Recall@${K}`> {
  checkCutoff(k);
  return { name: 'recall', options: { k }, key: `Recall@${k}`, user: (ranks) => hitsWithin(ranks, k) / ranks.length };
}

/** Precision. */
import { checkCutoff, hitsWithin, type Metric } from '../metric.ts';

/** Precision@k: the share of the first `k` that are targets. */
export function precision<K extends number>(k: K): Metric<`Precision@${K}`> {
  checkCutoff(k);
  return { name: 'precision', options: { k }, key: `Precision@${k}`, user: (ranks) => hitsWithin(ranks, k) / k };
}

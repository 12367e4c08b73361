/** Mean average precision. */
import { checkCutoff, hitsWithin, type Metric } from '../metric.ts';

/**
 * MAP@k: the precision at the rank of each target among the first `k`, summed and divided by min(targets, k), as
 * RecBole and WarpRec do; others divide by the number of targets, which keeps a perfect list below 1. Without `k` the whole
 * list counts, as in Caser's paper.
 */
export function map(): Metric<'MAP'>;
export function map<K extends number>(k: K): Metric<`MAP@${K}`>;
export function map(k?: number): Metric {
  if (k !== undefined) checkCutoff(k);
  const limit = k ?? Infinity;
  const user = (ranks: Int32Array): number => {
    let sum = 0;
    for (let i = hitsWithin(ranks, limit) - 1; i >= 0; i--) sum += (i + 1) / (ranks[i] as number);
    return sum / Math.min(ranks.length, limit);
  };
  return { name: 'map', options: { k }, key: k === undefined ? 'MAP' : `MAP@${k}`, user };
}

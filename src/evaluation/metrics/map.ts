/** Mean average precision. */
import { checkCutoff, hitsWithin, type Metric } from '../metric.ts';

/**
 * MAP@k: the precision at the rank of each target among the first `k`, summed and divided by min(targets, k), as
 * RecBole and WarpRec do; others divide by the number of targets, which keeps a perfect list below 1.
 */
export function map<K extends number>(k: K): Metric<`MAP@${K}`> {
  checkCutoff(k);
  const user = (ranks: Int32Array): number => {
    let sum = 0;
    for (let i = hitsWithin(ranks, k) - 1; i >= 0; i--) sum += (i + 1) / (ranks[i] as number);
    return sum / Math.min(ranks.length, k);
  };
  return { name: 'map', options: { k }, key: `MAP@${k}`, user };
}

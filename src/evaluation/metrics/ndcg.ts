/** Normalised discounted cumulative gain. */
import { checkCutoff, hitsWithin, type Metric } from '../metric.ts';

/**
 * NDCG@k: each target among the first `k` gains 1 / log2(rank + 1); divided by the gain of the best possible list,
 * which has min(targets, k) of them on top (as RecBole's and WarpRec's; Järvelin & Kekäläinen, 2002).
 */
export function ndcg<K extends number>(k: K): Metric<`NDCG@${K}`> {
  checkCutoff(k);
  const user = (ranks: Int32Array): number => {
    let gain = 0;
    let ideal = 0;
    for (let i = hitsWithin(ranks, k) - 1; i >= 0; i--) gain += 1 / Math.log2((ranks[i] as number) + 1);
    for (let i = Math.min(ranks.length, k); i >= 1; i--) ideal += 1 / Math.log2(i + 1);
    return gain / ideal;
  };
  return { name: 'ndcg', options: { k }, key: `NDCG@${k}`, user };
}

/** Hit rate. */
import { checkCutoff, type Metric } from '../metric.ts';

/** HR@k: 1 if a target is among the first `k`, else 0. */
export function hitRate<K extends number>(k: K): Metric<`HR@${K}`> {
  checkCutoff(k);
  return { name: 'hitRate', options: { k }, key: `HR@${k}`, user: (ranks) => ((ranks[0] as number) <= k ? 1 : 0) };
}

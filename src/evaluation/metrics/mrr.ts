/** Mean reciprocal rank. */
import { checkCutoff, type Metric } from '../metric.ts';

/** MRR: 1 / the rank of the best target. With `k`, 0 for ranks beyond it. */
export function mrr(): Metric<'MRR'>;
export function mrr<K extends number>(k: K): Metric<`MRR@${K}`>;
export function mrr(k?: number): Metric {
  if (k !== undefined) checkCutoff(k);
  const limit = k ?? Infinity;
  return {
    name: 'mrr',
    options: { k },
    key: k === undefined ? 'MRR' : `MRR@${k}`,
    user: ([best = Infinity]) => (best <= limit ? 1 / best : 0),
  };
}

/** Catalogue coverage. */
import { type CatalogMetric, checkCutoff } from '../metric.ts';

/** Coverage@k: the share of the catalogue that is in the first `k` of at least one user. */
export function coverage<K extends number>(k: K): CatalogMetric<`Coverage@${K}`> {
  checkCutoff(k);
  const catalog = (counts: Int32Array): number =>
    counts.reduce((sum, count) => sum + Math.min(count, 1), 0) / counts.length;
  return { name: 'coverage', options: { k }, key: `Coverage@${k}`, k, catalog };
}

/** What a metric is: a number for each user, or one for all recommended lists together. */
import type { Part } from '../core/part.ts';
import { checkNumber } from '../core/shape.ts';

/** A metric of each user's ranks; the report shows its mean over the users. Higher is better. */
export interface Metric<Key extends string = string> extends Part {
  /** Its name in reports, such as `NDCG@10`. */
  readonly key: Key;
  /**
   * @param ranks      the ranks of the user's targets, 1 = best, ascending, all different
   * @param candidates the number of items that were ranked, targets included
   */
  user(ranks: Int32Array, candidates: number): number;
}

/** A metric of the recommended lists of all users together. */
export interface CatalogMetric<Key extends string = string> extends Part {
  readonly key: Key;
  /** The length of the lists. */
  readonly k: number;
  /** @param counts for each item of the catalogue, the number of lists that it is in */
  catalog(counts: Int32Array): number;
}

export type AnyMetric<Key extends string = string> = Metric<Key> | CatalogMetric<Key>;

/** The number of ranks of at most `k`. @param ranks ascending */
export function hitsWithin(ranks: Int32Array, k: number): number {
  let hits = 0;
  while (hits < ranks.length && (ranks[hits] as number) <= k) hits++;
  return hits;
}

export function checkCutoff<K extends number>(k: K): K {
  return checkNumber('k', k, { min: 1, integer: true }) as K;
}

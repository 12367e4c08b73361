/** Recommended items. */
import type { Catalog, ItemId } from '../../data/catalog.ts';
import type { TopK } from '../../evaluation/scorer.ts';

/** One recommended item. */
export interface Recommendation {
  item: ItemId;
  /** Higher is better; what it measures depends on the model. */
  score: number;
}

/** The list of at most `k` that begins at `start`. */
export function listOf(catalog: Catalog, { items, scores }: TopK, start: number, k: number): Recommendation[] {
  const list: Recommendation[] = [];
  for (let i = start; i < start + k && (items[i] as number) >= 0; i++) {
    list.push({ item: catalog.id(items[i] as number), score: scores[i] as number });
  }
  return list;
}

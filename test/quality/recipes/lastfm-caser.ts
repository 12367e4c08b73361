import { Caser, hitRate, ndcg } from 'seqrec';
import { lastfm } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'LastFM',
  label: 'Caser',
  data: lastfm,
  model: (items, { train }) => new Caser({ items, users: train.users }),
  fit: { epochs: 100 },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), ndcg(5), ndcg(20)],
  published: [{ source: "Caser (S3-Rec's table)", values: { 'HR@5': 0.0303, 'HR@10': 0.0413, 'HR@20': 0.0651 } }],
};

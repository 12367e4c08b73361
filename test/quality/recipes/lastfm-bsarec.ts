import { adam, BSARec, bsarecBlock, hitRate, ndcg } from 'seqrec';
import { lastfm } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'LastFM',
  label: 'BSARec',
  data: lastfm,
  model: (items) =>
    new BSARec({
      items,
      maxLength: 50,
      dim: 64,
      layers: 2,
      heads: 1,
      dropout: 0.5,
      block: bsarecBlock({ alpha: 0.9, c: 3 }),
    }),
  fit: { optimizer: adam({ learningRate: 0.001 }), epochs: 100 },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), ndcg(5), ndcg(20)],
  published: [
    {
      source: "BSARec (its authors' log)",
      values: {
        'HR@5': 0.0523,
        'HR@10': 0.0807,
        'HR@20': 0.1174,
        'NDCG@5': 0.0344,
        'NDCG@10': 0.0435,
        'NDCG@20': 0.0526,
      },
    },
  ],
};

import { adam, BSARec, bsarecBlock, hitRate, ndcg } from 'seqrec';
import { beauty } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'Beauty',
  label: 'BSARec',
  data: beauty,
  model: (items) =>
    new BSARec({
      items,
      maxLength: 50,
      dim: 64,
      layers: 2,
      heads: 1,
      dropout: 0.5,
      block: bsarecBlock({ alpha: 0.7, c: 5 }),
    }),
  fit: { optimizer: adam({ learningRate: 0.0005 }), epochs: 100 },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), ndcg(5), ndcg(20)],
  published: [
    {
      source: "BSARec (its authors' log)",
      values: {
        'HR@5': 0.0736,
        'HR@10': 0.1008,
        'HR@20': 0.1373,
        'NDCG@5': 0.0523,
        'NDCG@10': 0.0611,
        'NDCG@20': 0.0703,
      },
    },
  ],
};

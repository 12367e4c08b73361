import { adam, BERT4Rec, hitRate, ndcg } from 'seqrec';
import { beauty } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'Beauty',
  label: 'BERT4Rec',
  data: beauty,
  model: (items) => new BERT4Rec({ items, maxLength: 50, dim: 64, layers: 2, heads: 2, dropout: 0.2 }),
  fit: { optimizer: adam({ learningRate: 0.001 }), batchSize: 64, epochs: 100 },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), ndcg(5), ndcg(20)],
  published: [
    {
      source: "BERT4Rec (S3-Rec's table)",
      values: {
        'HR@5': 0.0203,
        'HR@10': 0.0347,
        'HR@20': 0.0599,
        'NDCG@5': 0.0124,
        'NDCG@10': 0.017,
        'NDCG@20': 0.0233,
      },
    },
  ],
};

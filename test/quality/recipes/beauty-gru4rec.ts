import { adam, crossEntropy, GRU4Rec, hitRate, ndcg, nextItem } from 'seqrec';
import { beauty } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'Beauty',
  label: 'GRU4Rec, every position, cross-entropy',
  data: beauty,
  model: (items) => new GRU4Rec({ items, hidden: 64, embeddingDropout: 0.5 }),
  fit: {
    objective: nextItem(),
    loss: crossEntropy(),
    optimizer: adam({ learningRate: 0.001 }),
    batchSize: 128,
    epochs: 100,
  },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), ndcg(5), ndcg(20)],
  published: [
    {
      source: "GRU4Rec (S3-Rec's table)",
      values: {
        'HR@5': 0.0164,
        'HR@10': 0.0283,
        'HR@20': 0.0479,
        'NDCG@5': 0.0099,
        'NDCG@10': 0.0137,
        'NDCG@20': 0.0187,
      },
    },
  ],
};

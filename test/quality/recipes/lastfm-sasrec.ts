import { adam, crossEntropy, hitRate, ndcg, SASRec } from 'seqrec';
import { lastfm } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'LastFM',
  label: 'SASRec, cross-entropy',
  data: lastfm,
  model: (items) => new SASRec({ items, maxLength: 50, dim: 64, layers: 2, heads: 2, dropout: 0.4 }),
  fit: {
    loss: crossEntropy(),
    optimizer: adam({ learningRate: 0.003 }),
    batchSize: 32,
    epochs: 100,
  },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), ndcg(5), ndcg(20)],
  published: [
    {
      source: "SASRec with BCE (S3-Rec's table)",
      values: {
        'HR@5': 0.0505,
        'HR@10': 0.0688,
        'HR@20': 0.0972,
        'NDCG@5': 0.0331,
        'NDCG@10': 0.039,
        'NDCG@20': 0.0463,
      },
    },
  ],
};

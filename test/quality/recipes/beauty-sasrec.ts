import { adam, crossEntropy, hitRate, ndcg, SASRec } from 'seqrec';
import { beauty } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'Beauty',
  label: 'SASRec, cross-entropy',
  data: beauty,
  model: (items) => new SASRec({ items, maxLength: 50, dim: 64, layers: 2, heads: 1, dropout: 0.5 }),
  fit: { loss: crossEntropy(), optimizer: adam({ learningRate: 0.001 }), batchSize: 128, epochs: 100 },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), ndcg(5), ndcg(20)],
  published: [
    {
      source: "SASRec with BCE (S3-Rec's table)",
      values: {
        'HR@5': 0.0387,
        'HR@10': 0.0605,
        'HR@20': 0.0902,
        'NDCG@5': 0.0249,
        'NDCG@10': 0.0318,
        'NDCG@20': 0.0394,
      },
    },
    { source: 'SASRec with sampled softmax (eSASRec, width 256)', values: { 'HR@10': 0.0921, 'NDCG@10': 0.0531 } },
  ],
};

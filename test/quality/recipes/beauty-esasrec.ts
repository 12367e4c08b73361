import { adam, hitRate, ligrBlock, ndcg, noNormalization, SASRec, sampledSoftmax } from 'seqrec';
import { beauty } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'Beauty',
  label: 'eSASRec, two blocks, no dropout of items',
  data: beauty,
  model: (items) =>
    new SASRec({
      items,
      maxLength: 50,
      dim: 64,
      layers: 2,
      heads: 1,
      dropout: 0.3,
      scale: 1,
      block: ligrBlock(),
      norm: noNormalization(),
    }),
  fit: {
    loss: sampledSoftmax({ negatives: 256 }),
    optimizer: adam({ learningRate: 0.001 }),
    batchSize: 128,
    epochs: 100,
  },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), ndcg(5), ndcg(20)],
  published: [{ source: 'eSASRec (its authors)', values: { 'HR@10': 0.0928, 'NDCG@10': 0.0523 } }],
};

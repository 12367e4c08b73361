import { adam, gbce, hitRate, ndcg, SASRec } from 'seqrec';
import { beauty } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'Beauty',
  label: 'gSASRec',
  data: beauty,
  // The scale of items and the memory of Adam are those that validation chose on LastFM (docs/results.md).
  model: (items) => new SASRec({ items, maxLength: 50, dim: 64, layers: 2, heads: 1, dropout: 0.3 }),
  fit: {
    loss: gbce({ negatives: 256, t: 0.75 }),
    optimizer: adam({ learningRate: 0.001, beta2: 0.98 }),
    batchSize: 128,
    epochs: 100,
  },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), ndcg(5), ndcg(20)],
};

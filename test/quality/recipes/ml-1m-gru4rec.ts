import { adam, crossEntropy, GRU4Rec, hitRate, ndcg, nextItem } from 'seqrec';
import { ml1m } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'MovieLens 1M',
  label: 'GRU4Rec, every position, cross-entropy',
  data: ml1m,
  model: (items) => new GRU4Rec({ items, maxLength: 200, hidden: 128, embeddingDropout: 0.2 }),
  fit: {
    objective: nextItem(),
    loss: crossEntropy(),
    optimizer: adam({ learningRate: 0.001 }),
    batchSize: 128,
    epochs: 100,
  },
  metrics: [ndcg(10), hitRate(1), hitRate(5), hitRate(10), ndcg(5)],
};

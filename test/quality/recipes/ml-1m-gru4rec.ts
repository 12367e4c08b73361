import { adam, crossEntropy, GRU4Rec, hitRate, ndcg, nextItem } from 'seqrec';
import { ml1m } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'MovieLens 1M',
  label: 'GRU4Rec, every position, cross-entropy',
  data: ml1m,
  // src/configs/RNN.yaml of antklen/sasrec-bert4rec-recsys23, whose dropout has no effect on a single layer.
  model: (items) => new GRU4Rec({ items, maxLength: 200, hidden: 64 }),
  fit: {
    objective: nextItem(),
    loss: crossEntropy(),
    optimizer: adam({ learningRate: 0.001 }),
    // A quarter of theirs: four times as many steps in an epoch, which takes as long.
    batchSize: 32,
    epochs: 100,
  },
  metrics: [ndcg(10), hitRate(1), hitRate(5), hitRate(10), ndcg(5)],
};

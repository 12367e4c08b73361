import { adam, hitRate, ligrBlock, ndcg, noNormalization, SASRec, sampledSoftmax } from 'seqrec';
import { lastfm } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'LastFM',
  label: 'eSASRec',
  data: lastfm,
  // The authors do not scale items (scale: 1); why this does is said in docs/results.md.
  model: (items) =>
    new SASRec({
      items,
      maxLength: 50,
      dim: 64,
      layers: 2,
      heads: 1,
      dropout: 0.4,
      itemDropout: 0.4,
      block: ligrBlock(),
      norm: noNormalization(),
    }),
  fit: {
    loss: sampledSoftmax({ negatives: 256 }),
    optimizer: adam({ learningRate: 0.003 }),
    batchSize: 32,
    epochs: 100,
  },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), ndcg(5), ndcg(20)],
};

import { adam, gbce, hitRate, ndcg, SASRec } from 'seqrec';
import { lastfm } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'LastFM',
  label: 'gSASRec',
  data: lastfm,
  // The network of lastfm-sasrec; what was tried on validation stands in docs/results.md.
  model: (items) => new SASRec({ items, maxLength: 50, dim: 64, layers: 2, heads: 2, dropout: 0.4 }),
  fit: {
    loss: gbce({ negatives: 256, t: 0.75 }),
    optimizer: adam({ learningRate: 0.001, beta2: 0.98 }),
    batchSize: 32,
    epochs: 300,
    earlyStopping: { metric: ndcg(10), patience: 40 },
  },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), ndcg(5), ndcg(20)],
};

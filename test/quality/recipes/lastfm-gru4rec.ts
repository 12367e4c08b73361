import { adam, crossEntropy, GRU4Rec, hitRate, ndcg, nextItem } from 'seqrec';
import { lastfm } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'LastFM',
  label: 'GRU4Rec, every position, cross-entropy',
  data: lastfm,
  model: (items) => new GRU4Rec({ items, hidden: 64, embeddingDropout: 0.4 }),
  fit: {
    objective: nextItem(),
    loss: crossEntropy(),
    optimizer: adam({ learningRate: 0.003 }),
    batchSize: 32,
    epochs: 100,
  },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), ndcg(5), ndcg(20)],
  published: [{ source: "GRU4Rec (S3-Rec's table)", values: { 'HR@5': 0.0275, 'HR@10': 0.0367, 'HR@20': 0.0606 } }],
};

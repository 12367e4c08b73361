import { adam, bce, hitRate, ndcg, SASRec, sampledCandidates } from 'seqrec';
import { ml1m } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'MovieLens 1M among 100 sampled items',
  label: 'SASRec, BCE with one negative',
  data: ml1m,
  model: (items) => new SASRec({ items, maxLength: 200, dim: 50, layers: 2, heads: 1, dropout: 0.2 }),
  fit: { loss: bce(), optimizer: adam({ learningRate: 0.001, beta2: 0.98 }), batchSize: 128, epochs: 200 },
  metrics: [ndcg(10), hitRate(10)],
  evaluation: { candidates: sampledCandidates({ count: 100 }) },
  published: [
    { source: 'SASRec (its paper)', values: { 'HR@10': 0.8245, 'NDCG@10': 0.5905 } },
    { source: "SASRec, pmixer's port", values: { 'HR@10': 0.8252, 'NDCG@10': 0.594 } },
  ],
};

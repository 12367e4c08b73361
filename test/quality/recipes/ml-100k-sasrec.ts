import { adam, crossEntropy, hitRate, ndcg, SASRec } from 'seqrec';
import { ml100k } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'MovieLens 100K, with and without features',
  label: 'SASRec, cross-entropy',
  data: ml100k,
  // The options of ml-1m-sasrec-ce (Klenitskiy & Vasilev, 2023), with 32 sequences a step for the smaller data.
  model: (items) => new SASRec({ items, maxLength: 200, dim: 64, layers: 2, heads: 1, dropout: 0.2 }),
  fit: { loss: crossEntropy(), optimizer: adam({ learningRate: 0.001 }), batchSize: 32, epochs: 200 },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), hitRate(50)],
};

import { adam, BERT4Rec, hitRate, ndcg } from 'seqrec';
import { ml100k } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'MovieLens 100K, with and without features',
  label: 'BERT4Rec',
  data: ml100k,
  // The options of ml-1m-bert4rec (Klenitskiy & Vasilev, 2023), with 32 sequences a step for the smaller data.
  model: (items) => new BERT4Rec({ items, maxLength: 200, dim: 64, layers: 2, heads: 2, dropout: 0.1 }),
  fit: { optimizer: adam({ learningRate: 0.001 }), batchSize: 32, epochs: 400 },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), hitRate(50)],
};

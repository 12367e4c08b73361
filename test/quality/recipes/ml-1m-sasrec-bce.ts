import { adam, bce, hitRate, ndcg, SASRec } from 'seqrec';
import { ml1m } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'MovieLens 1M',
  label: 'SASRec, BCE with one negative',
  data: ml1m,
  // src/configs/SASRec.yaml of antklen/sasrec-bert4rec-recsys23.
  model: (items) => new SASRec({ items, maxLength: 200, dim: 64, layers: 2, heads: 1, dropout: 0.1 }),
  fit: { loss: bce(), optimizer: adam({ learningRate: 0.001 }), batchSize: 128, epochs: 100 },
  metrics: [ndcg(10), hitRate(1), hitRate(5), hitRate(10), ndcg(5)],
  published: [
    { source: 'SASRec with BCE, width 64 (Klenitskiy & Vasilev, 2023)', values: { 'HR@10': 0.25, 'NDCG@10': 0.1341 } },
    { source: 'SASRec with BCE, width 128 (gSASRec)', values: { 'HR@1': 0.0442, 'HR@10': 0.2392, 'NDCG@10': 0.1259 } },
  ],
};

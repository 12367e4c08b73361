import { adam, crossEntropy, hitRate, mrr, SASRec } from 'seqrec';
import { rsc15 } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'RSC15, 100,000 events',
  label: 'SASRec, cross-entropy',
  data: rsc15,
  model: (items) => new SASRec({ items, maxLength: 20, dim: 100, layers: 1, heads: 1, dropout: 0.3 }),
  fit: { loss: crossEntropy(), optimizer: adam({ learningRate: 0.001 }), batchSize: 128, epochs: 50 },
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
};

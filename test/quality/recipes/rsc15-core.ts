import { adam, CORE, hitRate, mrr } from 'seqrec';
import { rsc15 } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'RSC15, 100,000 events',
  label: 'CORE',
  data: rsc15,
  model: (items) => new CORE({ items, maxLength: 20 }),
  fit: { optimizer: adam({ learningRate: 0.001 }), batchSize: 128, epochs: 100 },
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
};

import { adam, hitRate, mrr, NARM } from 'seqrec';
import { rsc15 } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'RSC15, 100,000 events',
  label: 'NARM',
  data: rsc15,
  model: (items) => new NARM({ items, maxLength: 20 }),
  fit: { optimizer: adam({ learningRate: 0.001 }), epochs: 30 },
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
};

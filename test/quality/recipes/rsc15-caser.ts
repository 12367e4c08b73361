import { Caser, hitRate, mrr } from 'seqrec';
import { rsc15 } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'RSC15, 100,000 events',
  label: 'Caser without users',
  data: rsc15,
  model: (items) => new Caser({ items }),
  fit: { epochs: 300 },
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
};

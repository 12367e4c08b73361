import { Caser, hitRate, mrr } from 'seqrec';
import { rsc15 } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'RSC15, 100,000 events',
  label: 'Caser without users',
  data: rsc15,
  model: (items) => new Caser({ items }),
  // The authors' loss and rate in smaller steps for the smaller data: 512 examples a step are 78 steps an epoch here.
  fit: { batchSize: 100, epochs: 150 },
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
};

import { AssociationRules, hitRate, mrr } from 'seqrec';
import { rsc15Whole } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'RSC15, 100,000 events, without training',
  label: 'Association rules',
  data: rsc15Whole,
  model: (items) => new AssociationRules({ items }),
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
};

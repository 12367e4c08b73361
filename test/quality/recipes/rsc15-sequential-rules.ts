import { hitRate, mrr, quadraticDecay, SequentialRules } from 'seqrec';
import { rsc15Whole } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'RSC15, 100,000 events, without training',
  label: 'Sequential rules, 20 steps, 1/d²',
  data: rsc15Whole,
  model: (items) => new SequentialRules({ items, steps: 20, decay: quadraticDecay() }),
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
};

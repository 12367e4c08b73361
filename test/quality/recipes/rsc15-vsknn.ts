import { hitRate, mrr, shareDecay, VSKNN } from 'seqrec';
import { rsc15Whole } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'RSC15, 100,000 events, without training',
  label: 'V-SkNN',
  data: rsc15Whole,
  model: (items) => new VSKNN({ items, k: 500, sample: 5000, position: shareDecay({ power: 2 }), idf: 5 }),
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
  remarks: 'The options are those of the lists that session-rec ships.',
};

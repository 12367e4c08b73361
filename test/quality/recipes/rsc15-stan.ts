import { exponentialDecay, hitRate, mrr, STAN } from 'seqrec';
import { rsc15Whole } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'RSC15, 100,000 events, without training',
  label: 'STAN',
  data: rsc15Whole,
  model: (items) => new STAN({ items, recency: 5 * 86_400, proximity: exponentialDecay({ scale: 4 }) }),
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
  published: [{ source: "session-rec's defaults in an independent implementation", values: { 'HR@20': 0.6874 } }],
  remarks:
    "session-rec's defaults but for the proximity, which has the best HR@20 of 1.5, 2.05 (the default), 3, 4 and 5 on the validation sessions (test/quality/rsc15.test.ts).",
};

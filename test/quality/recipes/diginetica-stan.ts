import { hitRate, mrr, STAN } from 'seqrec';
import { diginetica } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'Diginetica',
  label: 'STAN without times',
  data: diginetica,
  // session-rec's defaults but for the sample of 2,000; the file has no times, so nothing decays with them.
  model: (items) => new STAN({ items, k: 500, sample: 2000 }),
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
};

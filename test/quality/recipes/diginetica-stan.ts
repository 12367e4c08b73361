import { hitRate, mrr, STAN } from 'seqrec';
import { digineticaWhole } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'Diginetica, without training',
  label: 'STAN without times',
  data: digineticaWhole,
  // session-rec's defaults but for the sample of 2,000; the file has no times, so nothing decays with them.
  model: (items) => new STAN({ items, k: 500, sample: 2000 }),
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
  published: [
    {
      source: 'STAN without times, an independent implementation, 3,000 of the sessions',
      values: { 'HR@20': 0.5077, 'MRR@20': 0.1839 },
    },
  ],
};

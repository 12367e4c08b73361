import { adam, CORE, hitRate, mrr } from 'seqrec';
import { diginetica } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'Diginetica',
  label: 'CORE',
  data: diginetica,
  // The model's defaults are the authors' (RUCAIBox/CORE, props/core_trm.yaml), Adam at 0.001 with 2,048 examples a step are RecBole's.
  model: (items) => new CORE({ items, maxLength: 50 }),
  fit: { optimizer: adam({ learningRate: 0.001 }), batchSize: 2048, epochs: 30 },
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
  remarks:
    "CORE's authors split the sessions otherwise (8:1:1 by time) and report HR@20 0.5289 and MRR@20 0.1858 there.",
};

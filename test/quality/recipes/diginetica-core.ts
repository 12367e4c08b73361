import { adam, CORE, hitRate, mrr } from 'seqrec';
import { diginetica } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'Diginetica',
  label: 'CORE',
  data: diginetica,
  // The model's defaults are the authors' (RUCAIBox/CORE, props/core_trm.yaml); 512 sessions ask about what RecBole's 2,048 examples do.
  model: (items) => new CORE({ items, maxLength: 50 }),
  fit: {
    optimizer: adam({ learningRate: 0.001 }),
    batchSize: 512,
    epochs: 10,
    earlyStopping: { metric: mrr(20), patience: 2 },
  },
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
  remarks:
    "CORE's authors split the sessions otherwise (8:1:1 by time) and report HR@20 0.5289 and MRR@20 0.1858 there.",
};

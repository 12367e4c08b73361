import { adam, hitRate, mrr, NARM } from 'seqrec';
import { diginetica } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'Diginetica',
  label: 'NARM',
  data: diginetica,
  // The paper's options (Li et al., CIKM 2017): width 50, 100 hidden, dropout 0.25 and 0.5, Adam at 0.001, 512 a step.
  model: (items) => new NARM({ items, maxLength: 20 }),
  fit: {
    optimizer: adam({ learningRate: 0.001 }),
    batchSize: 512,
    epochs: 10,
    earlyStopping: { metric: mrr(20), patience: 2 },
  },
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
  published: [{ source: "NARM (SR-GNN's paper)", values: { 'HR@20': 0.497, 'MRR@20': 0.1617 } }],
};

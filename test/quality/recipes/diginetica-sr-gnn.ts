import { adam, hitRate, mrr, SRGNN, stepDecay } from 'seqrec';
import { diginetica } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'Diginetica',
  label: 'SR-GNN',
  data: diginetica,
  model: (items) => new SRGNN({ items, maxLength: 50, dim: 100 }),
  fit: {
    // The authors' (CRIPAC-DIG/SR-GNN, main.py): a tenth of the rate after every third epoch of 6,475 steps.
    optimizer: adam({ learningRate: stepDecay({ learningRate: 0.001, every: 3 * 6475 }), weightDecay: 1e-5 }),
    batchSize: 100,
    epochs: 9,
    earlyStopping: { metric: mrr(20), patience: 2 },
  },
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
  published: [
    { source: 'SR-GNN (its paper, best epoch on test)', values: { 'HR@20': 0.5073, 'MRR@20': 0.1759 } },
    { source: "NARM (SR-GNN's paper)", values: { 'HR@20': 0.497, 'MRR@20': 0.1617 } },
  ],
  remarks: 'The authors train on all sessions, the tenth that validates here too.',
};

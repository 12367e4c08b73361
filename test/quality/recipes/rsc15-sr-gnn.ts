import { adam, hitRate, mrr, SRGNN, stepDecay } from 'seqrec';
import { rsc15 } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'RSC15, 100,000 events',
  label: 'SR-GNN',
  data: rsc15,
  model: (items) => new SRGNN({ items, maxLength: 20, dim: 100 }),
  fit: {
    // The authors' (CRIPAC-DIG/SR-GNN, main.py): a tenth of the rate after every third epoch of 398 steps.
    optimizer: adam({ learningRate: stepDecay({ learningRate: 0.001, every: 3 * 398 }), weightDecay: 1e-5 }),
    batchSize: 100,
    epochs: 30,
  },
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
};

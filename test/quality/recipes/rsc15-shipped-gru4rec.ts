import { adagradMomentum, GRU4Rec, hitRate, inBatch, mixed, mrr, popularity, sampledSoftmax } from 'seqrec';
import { rsc15Shipped } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'RSC15, the positions with shipped lists',
  label: 'GRU4Rec',
  data: rsc15Shipped,
  // The authors' parameters for the whole of RSC15 (paramfiles, softmax over targets and samples).
  model: (items) => new GRU4Rec({ items, hidden: 100, dropout: 0.4 }),
  fit: {
    loss: sampledSoftmax({
      negatives: 2048,
      sampler: mixed({ samplers: [inBatch(), popularity({ alpha: 0.5, shared: true })] }),
    }),
    optimizer: adagradMomentum({ learningRate: 0.2, momentum: 0.2 }),
    batchSize: 32,
    epochs: 30,
  },
  metrics: [mrr(20), hitRate(20), mrr(5), hitRate(5)],
  evaluation: { excludeSeen: false },
  published: [
    {
      source: 'GRU4Rec, shipped lists',
      values: { 'HR@5': 0.4574, 'MRR@5': 0.3171, 'HR@20': 0.5711, 'MRR@20': 0.3289 },
    },
    { source: 'V-SkNN, shipped lists', values: { 'HR@5': 0.4755, 'MRR@5': 0.3202, 'HR@20': 0.6098, 'MRR@20': 0.3342 } },
  ],
  remarks: 'The shipped lists come from a model that has learned from the validation sessions, too.',
};

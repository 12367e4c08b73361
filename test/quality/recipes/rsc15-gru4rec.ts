import { adagradMomentum, GRU4Rec, hitRate, inBatch, mixed, mrr, popularity, sampledSoftmax } from 'seqrec';
import { rsc15 } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'RSC15, 100,000 events',
  label: 'GRU4Rec',
  data: rsc15,
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
};

import { adam, BST, hitRate, ndcg, pointwise } from 'seqrec';
import { everyNth, ml100k } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'MovieLens 100K, with and without features',
  label: 'BST',
  // A candidate is a run of the network: 1,682 for each history.
  data: async (directory) => {
    const data = await ml100k(directory);
    return { ...data, validation: everyNth(data.validation, 10) };
  },
  // The paper's sizes (Chen et al., 2019, table 2): 20 events, one block, 8 heads, dropout 0.2, MLP 1024-512-256, batch 256.
  model: (items) => new BST({ items }),
  fit: {
    objective: pointwise({ negatives: 4 }),
    optimizer: adam({ learningRate: 0.001 }),
    batchSize: 256,
    epochs: 10,
    earlyStopping: { metric: ndcg(10), patience: 3 },
  },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), hitRate(50)],
};

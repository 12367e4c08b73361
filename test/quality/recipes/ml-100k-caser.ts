import { adam, auc, bpr, Caser, hitRate, slidingWindows } from 'seqrec';
import { ml100k } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'MovieLens 100K',
  label: 'Caser with the sizes of Dive into Deep Learning',
  data: ml100k,
  model: (items, { train }) =>
    new Caser({
      items,
      users: train.users,
      dim: 10,
      maxLength: 5,
      verticalFilters: 4,
      horizontalFilters: 16,
      dropout: 0.05,
    }),
  fit: {
    objective: slidingWindows({ length: 5 }),
    loss: bpr(),
    optimizer: adam({ learningRate: 0.004, weightDecay: 1e-5 }),
    batchSize: 512,
    epochs: 30,
  },
  metrics: [hitRate(50), auc()],
  remarks:
    'Options of the book but for a tenth of its learning rate, smaller steps and more epochs; its own protocol and options have a table of their own.',
};

import { adam, auc, bpr, hitRate } from 'seqrec';
import { ml100kBook } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';
import { recipe as selected } from './ml-100k-caser.ts';

export const recipe: Recipe = {
  ...selected,
  section: 'MovieLens 100K, Dive into Deep Learning',
  label: "Caser, the book's options",
  data: ml100kBook,
  // The book's seqrec.md: 4,096 windows a step, Adam at 0.04 with an L2 of 1e-5, 8 epochs, BPR.
  fit: {
    ...selected.fit,
    loss: bpr(),
    optimizer: adam({ learningRate: 0.04, weightDecay: 1e-5 }),
    batchSize: 4096,
    epochs: 8,
  },
  metrics: [hitRate(50), auc()],
  published: [{ source: 'Caser (Dive into Deep Learning)', values: { 'HR@50': 0.347, AUC: 0.883 } }],
  remarks:
    'The book has no validation part and names the number of epochs; earlier editions ranked films with ids up to 943 only.',
};

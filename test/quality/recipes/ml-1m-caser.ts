import { Caser, map, precision, recall } from 'seqrec';
import { ml1mCaser } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: "MovieLens 1M, the last 20 % of each user's events",
  label: 'Caser, 20 epochs',
  data: ml1mCaser,
  // train_caser.py of graytowne/caser_pytorch: the model's defaults are the authors' (d 50, L 5, T 3, 3 negatives, L2 1e-6).
  model: (items, { train }) => new Caser({ items, users: train.users }),
  fit: { epochs: 20 },
  metrics: [map(), precision(1), precision(5), precision(10), recall(1), recall(5), recall(10)],
  published: [{ source: "Caser, 20 epochs (its authors' code, README)", values: { MAP: 0.17 } }],
  remarks: 'The authors have no validation part and name the number of epochs.',
};

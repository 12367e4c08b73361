import { ndcg } from 'seqrec';
import type { Recipe } from '../recipe.ts';
import { recipe as hasty } from './lastfm-bert4rec.ts';

/** BERT4Rec learns slowly (Petrov & Macdonald, 2022), and validation on 1,090 users is noisy. */
export const recipe: Recipe = {
  ...hasty,
  label: 'BERT4Rec, patience 50',
  fit: { ...hasty.fit, earlyStopping: { metric: ndcg(10), patience: 50 } },
  remarks: 'The other run of BERT4Rec, with patience 10, ends before it has learned, after 26 to 49 epochs.',
};

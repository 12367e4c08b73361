import { ndcg } from 'seqrec';
import type { Recipe } from '../recipe.ts';
import { recipe as shorter } from './ml-1m-sasrec-sampled.ts';

/** Its authors train for hundreds of epochs: a quarter of their batch takes four times as many steps in one. */
export const recipe: Recipe = {
  ...shorter,
  label: 'SASRec, BCE with one negative, 32 sequences a step',
  fit: { ...shorter.fit, batchSize: 32, epochs: 60, earlyStopping: { metric: ndcg(10), patience: 20 } },
};

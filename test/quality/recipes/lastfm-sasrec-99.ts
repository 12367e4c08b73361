import { hitRate, mrr, ndcg } from 'seqrec';
import { lastfm99 } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';
import { recipe as full } from './lastfm-sasrec.ts';

export const recipe: Recipe = {
  ...full,
  section: 'LastFM among 99 given items',
  data: lastfm99,
  metrics: [ndcg(10), hitRate(1), hitRate(5), hitRate(10), ndcg(5), mrr()],
  published: [
    {
      source: "S3-Rec, pre-trained with the attributes of the items (its authors' log)",
      values: { 'HR@10': 0.6083, 'NDCG@10': 0.3577 },
    },
  ],
  remarks: 'Selected by NDCG@10 on the validation split, ranked among all items.',
};

import { rsc15Shipped } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';
import { recipe as selected } from './rsc15-gru4rec.ts';

export const recipe: Recipe = {
  ...selected,
  section: 'RSC15, the positions with shipped lists',
  data: rsc15Shipped,
  published: [
    {
      source: 'GRU4Rec, shipped lists',
      values: { 'HR@5': 0.4574, 'MRR@5': 0.3171, 'HR@20': 0.5711, 'MRR@20': 0.3289 },
    },
    { source: 'V-SkNN, shipped lists', values: { 'HR@5': 0.4755, 'MRR@5': 0.3202, 'HR@20': 0.6098, 'MRR@20': 0.3342 } },
  ],
  remarks: 'The shipped lists come from a model that has learned from the validation sessions, too.',
};

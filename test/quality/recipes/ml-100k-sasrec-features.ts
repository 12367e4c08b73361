import { learnedFromEnd, summed } from 'seqrec';
import { ml100kFeatures } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';
import { FeatureSASRec, sideFeatures } from '../side-features.ts';
import { recipe as without } from './ml-100k-sasrec.ts';

export const recipe: Recipe = {
  ...without,
  label: 'SASRec, cross-entropy, with features',
  data: ml100kFeatures,
  model: (items) =>
    new FeatureSASRec({
      items,
      maxLength: 200,
      dim: 64,
      layers: 2,
      heads: 1,
      dropout: 0.2,
      positions: summed({ of: [learnedFromEnd(), sideFeatures(items)] }),
    }),
  remarks: 'The embeddings of the features are added to the input of every event.',
};

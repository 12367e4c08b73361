import { learnedFromStart, summed } from 'seqrec';
import { ml100kFeatures } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';
import { FeatureBERT4Rec, sideFeatures } from '../side-features.ts';
import { recipe as without } from './ml-100k-bert4rec.ts';

export const recipe: Recipe = {
  ...without,
  label: 'BERT4Rec, with features',
  data: ml100kFeatures,
  model: (items) =>
    new FeatureBERT4Rec({
      items,
      maxLength: 200,
      dim: 64,
      layers: 2,
      heads: 2,
      dropout: 0.1,
      positions: summed({ of: [learnedFromStart({ std: 0.02 }), sideFeatures(items)] }),
    }),
  remarks: 'The embeddings of the features are added to the input of every event that is not hidden.',
};

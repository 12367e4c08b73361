import { everyNth, ml100kFeatures } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';
import { recipe as without } from './ml-100k-bst.ts';

export const recipe: Recipe = {
  ...without,
  label: 'BST, with features',
  data: async (directory) => {
    const data = await ml100kFeatures(directory);
    return { ...data, validation: everyNth(data.validation, 10) };
  },
};

import { beautyBegun } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';
import { recipe as own } from './beauty-bsarec.ts';

export const recipe: Recipe = {
  ...own,
  section: 'Beauty, first items asked for',
  label: 'BSARec that is asked for first items, too',
  data: beautyBegun,
};

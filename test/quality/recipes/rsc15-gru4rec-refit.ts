import type { Recipe } from '../recipe.ts';
import { recipe as selected } from './rsc15-gru4rec.ts';

export const recipe: Recipe = {
  ...selected,
  section: `${selected.section}, learned from the validation sessions, too`,
  refit: true,
};

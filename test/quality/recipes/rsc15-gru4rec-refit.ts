import type { Recipe } from '../recipe.ts';
import { recipe as selected } from './rsc15-gru4rec.ts';

export const recipe: Recipe = {
  ...selected,
  label: `${selected.label}, learned from the validation sessions, too`,
  refit: true,
};

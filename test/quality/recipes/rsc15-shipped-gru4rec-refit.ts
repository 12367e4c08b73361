import type { Recipe } from '../recipe.ts';
import { recipe as selected } from './rsc15-shipped-gru4rec.ts';

export const recipe: Recipe = {
  ...selected,
  label: `${selected.label}, learned from the validation sessions, too`,
  refit: true,
  remarks: 'As the model of the shipped lists.',
};

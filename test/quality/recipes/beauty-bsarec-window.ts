import type { Recipe } from '../recipe.ts';
import { overWindows } from '../window-bsarec.ts';
import { recipe as own } from './beauty-bsarec.ts';

export const recipe: Recipe = overWindows(own);

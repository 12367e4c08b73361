import type { Recipe } from '../recipe.ts';
import { overWindows } from '../window-bsarec.ts';
import { recipe as own } from './lastfm-bsarec.ts';

export const recipe: Recipe = overWindows(own);

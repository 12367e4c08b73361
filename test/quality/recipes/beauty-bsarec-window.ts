import { bsarecBlock } from 'seqrec';
import type { Recipe } from '../recipe.ts';
import { WindowBSARec } from '../window-bsarec.ts';
import { recipe as own } from './beauty-bsarec.ts';

export const recipe: Recipe = {
  ...own,
  label: "BSARec over the authors' windows with pads",
  model: (items) =>
    new WindowBSARec({ items, maxLength: 50, heads: 1, dropout: 0.5, block: bsarecBlock({ alpha: 0.7, c: 5 }) }),
  remarks: 'The filter transforms 50 slots of which the empty ones, trained positions, come first.',
};

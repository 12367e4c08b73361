import { hitRate } from 'seqrec';
import type { Recipe } from '../recipe.ts';
import { oneBlock, recipe as wide } from './beauty-esasrec-256.ts';

/** The width of the README of blondered/transformer_benchmark, and the epoch chosen as its trainer chooses it. */
export const recipe: Recipe = {
  ...wide,
  label: 'eSASRec, one block',
  model: oneBlock(64),
  fit: { ...wide.fit, earlyStopping: { metric: hitRate(10), patience: 50 } },
};

import { adam, hitRate, ligrBlock, ndcg, noNormalization, SASRec, sampledSoftmax } from 'seqrec';
import { beauty } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'Beauty',
  label: 'eSASRec, one block',
  data: beauty,
  // The table of options in the README of blondered/transformer_benchmark, whose configuration file has width 256; rate,
  // β₂, batch and the dropout of items are RecTools', and the epoch is chosen as its trainer chooses it.
  model: (items) =>
    new SASRec({
      items,
      maxLength: 50,
      dim: 64,
      layers: 1,
      heads: 1,
      dropout: 0.2,
      itemDropout: 0.2,
      scale: 1,
      block: ligrBlock(),
      norm: noNormalization(),
    }),
  fit: {
    loss: sampledSoftmax({ negatives: 256 }),
    optimizer: adam({ learningRate: 0.001, beta2: 0.98 }),
    batchSize: 128,
    epochs: 200,
    earlyStopping: { metric: hitRate(10), patience: 50 },
  },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), ndcg(5), ndcg(20)],
};

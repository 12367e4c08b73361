import { adam, hitRate, ligrBlock, ndcg, noNormalization, SASRec, sampledSoftmax } from 'seqrec';
import { beauty } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

/** eSASRec of one block, as its authors have it on Beauty but for the width. */
export function oneBlock(dim: number): Recipe['model'] {
  return (items) =>
    new SASRec({
      items,
      maxLength: 50,
      dim,
      layers: 1,
      heads: 1,
      dropout: 0.2,
      itemDropout: 0.2,
      scale: 1,
      block: ligrBlock(),
      norm: noNormalization(),
    });
}

export const recipe: Recipe = {
  section: 'Beauty',
  label: 'eSASRec, width 256, one block',
  data: beauty,
  // configs/paper/loo/s3_beauty_ligr.yaml of blondered/transformer_benchmark; rate, β₂, batch
  // and the dropout of items are RecTools'.
  model: oneBlock(256),
  fit: {
    loss: sampledSoftmax({ negatives: 256 }),
    optimizer: adam({ learningRate: 0.001, beta2: 0.98 }),
    batchSize: 128,
    epochs: 200,
  },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), ndcg(5), ndcg(20)],
};

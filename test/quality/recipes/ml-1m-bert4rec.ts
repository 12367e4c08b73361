import { adam, BERT4Rec, hitRate, ndcg } from 'seqrec';
import { ml1m } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'MovieLens 1M',
  label: 'BERT4Rec',
  data: ml1m,
  // src/configs/BERT4Rec.yaml of antklen/sasrec-bert4rec-recsys23: mask 0.2, the dropout of 0.1 is Hugging Face's default.
  model: (items) => new BERT4Rec({ items, maxLength: 200, dim: 64, layers: 2, heads: 2, dropout: 0.1 }),
  fit: {
    optimizer: adam({ learningRate: 0.001 }),
    // A quarter of theirs: four times as many steps in an epoch, which takes as long; half of their epochs.
    batchSize: 32,
    epochs: 100,
    earlyStopping: { metric: ndcg(10), patience: 20 },
  },
  metrics: [ndcg(10), hitRate(1), hitRate(5), hitRate(10), ndcg(5)],
  published: [
    { source: 'BERT4Rec (Klenitskiy & Vasilev, 2023)', values: { 'HR@10': 0.2843, 'NDCG@10': 0.1537 } },
    { source: 'BERT4Rec (Petrov & Macdonald, 2022)', values: { 'HR@10': 0.2821, 'NDCG@10': 0.1516 } },
  ],
};

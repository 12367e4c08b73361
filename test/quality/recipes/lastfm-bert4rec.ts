import { adam, BERT4Rec, hitRate, ndcg } from 'seqrec';
import { lastfm } from '../data-sets.ts';
import type { Recipe } from '../recipe.ts';

export const recipe: Recipe = {
  section: 'LastFM',
  label: 'BERT4Rec',
  data: lastfm,
  model: (items) => new BERT4Rec({ items, maxLength: 50, dim: 64, layers: 2, heads: 2, dropout: 0.2 }),
  fit: { optimizer: adam({ learningRate: 0.001 }), batchSize: 64, epochs: 200 },
  metrics: [ndcg(10), hitRate(5), hitRate(10), hitRate(20), ndcg(5), ndcg(20)],
  published: [
    {
      source: "BERT4Rec (S3-Rec's table)",
      values: { 'HR@5': 0.0422, 'HR@10': 0.0633, 'HR@20': 0.1055, 'NDCG@10': 0.0337 },
    },
  ],
};

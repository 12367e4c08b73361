/**
 * Order matters in the synthetic shop: a first-order Markov chain (with popularity where it has no rule) clearly beats
 * popularity, and SASRec the chain.
 */
import {
  adam,
  evaluate,
  leaveLastOut,
  MultiStepMarkov,
  ndcg,
  Popularity,
  type Recommender,
  SASRec,
  syntheticShop,
} from 'seqrec';
import { beforeAll, expect, test } from 'vitest';
import { use } from '../support/backends.ts';

beforeAll(() => use('wasm'));

// Seeds that were not looked at while the shop was written.
test.each([7001, 7002, 7003])('with seed %i', { timeout: 240_000 }, async (seed) => {
  const { log } = syntheticShop({ seed, users: 1000, items: 300 });
  const { train, test } = leaveLastOut(log);
  const measure = async (model: Recommender) =>
    (await evaluate(model, test, { metrics: [ndcg(10)] })).metrics['NDCG@10'];
  const [popularity, markov] = [
    new Popularity({ items: log.items }),
    new MultiStepMarkov({ items: log.items, steps: 1 }),
  ];
  await popularity.fit(train);
  await markov.fit(train);
  using sasrec = new SASRec({ items: log.items, maxLength: 30, dim: 32, heads: 2, dropout: 0.1 });
  await sasrec.fit(train, { epochs: 16, batchSize: 32, seed, optimizer: adam({ learningRate: 0.004 }) });
  const figures = {
    popularity: await measure(popularity),
    markov: await measure(markov),
    sasrec: await measure(sasrec),
  };
  console.log(`seed ${seed}, NDCG@10 on the test split:`, figures);
  expect(figures.markov / figures.popularity).toBeGreaterThanOrEqual(1.15);
  expect(figures.sasrec / figures.markov).toBeGreaterThanOrEqual(1.15);
});

/**
 * How many programs a GPU runs for one training step and for one request: each costs its launch. Without the fused
 * kernels they are 720 and 145.
 */
import * as tf from '@tensorflow/tfjs-core';
import { crossEntropy, Interactions, ready, SASRec, sampledSoftmax } from 'seqrec';
import { beforeAll, expect, test } from 'vitest';
import { countDispatches, listDispatches } from '../support/dispatches.ts';

const log = Interactions.from(
  Array.from({ length: 120 }, (_, i) => ({ user: i % 12, item: `i${(i % 12) + Math.floor(i / 12)}`, time: i })),
);
const make = () => new SASRec({ items: log.items, maxLength: 8, dim: 16, layers: 2, heads: 2, dropout: 0.2 });

beforeAll(async () => {
  for (const name of tf.engine().backendNames()) tf.removeBackend(name);
  Object.assign(globalThis, { SEQREC_BACKEND: 'webgpu' });
  await ready();
});

test.each([
  ['binary cross-entropy', undefined, 150],
  ['softmax over all items', crossEntropy(), 150],
  ['sampled softmax', sampledSoftmax({ negatives: 16 }), 150],
] as const)('a step of training: %s', async (_, loss, most) => {
  const model = make();
  await model.fit(log, { epochs: 1, batchSize: 12, seed: 1, loss });
  const counts = await countDispatches(() => model.fit(log, { epochs: 2, batchSize: 12, seed: 1, loss }));
  const one = await countDispatches(() => model.fit(log, { epochs: 1, batchSize: 12, seed: 1, loss }));
  for (const [label, count] of one) counts.set(label, (counts.get(label) ?? 0) - count);
  const { total, list } = listDispatches(counts);
  expect(total, list).toBeLessThanOrEqual(most);
});

test('a request', async () => {
  const model = make().init(1);
  const request = () => model.recommend(['i3', 'i4', 'i5'], { k: 5 });
  await request();
  const { total, list } = listDispatches(await countDispatches(request));
  expect(total, list).toBeLessThanOrEqual(30);
});

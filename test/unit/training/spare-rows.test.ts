/** Batches with rows that belong to no sequence, which WebGPU gets; the table of models has them for every model. */
import {
  bce,
  contrastive,
  crop,
  type FitOptions,
  Interactions,
  inBatch,
  nextItem,
  prefixes,
  reorder,
  SASRec,
  sameTarget,
  sampledSoftmax,
  slidingWindows,
  sparseAdam,
  twoOf,
  untiedOutput,
  withContrast,
} from 'seqrec';
import { expect, test } from 'vitest';
import { rowsCapacity, withRowBuckets } from '../../../src/backend/buckets.ts';
import { batchLayout } from '../../../src/core/batch-layout.ts';

test('buckets hold the rows, are few and waste little', async () => {
  await withRowBuckets(true, async () => {
    const sizes = new Set<number>();
    for (let rows = 0; rows <= 4096; rows++) {
      const capacity = rowsCapacity(rows);
      expect(capacity).toBeGreaterThanOrEqual(rows);
      expect(capacity - rows).toBeLessThan(Math.max(16, rows / 8));
      sizes.add(capacity);
    }
    expect(sizes.size).toBe(49);
  });
});

test('a batch has its own size where buffers have no fixed sizes', () => {
  using layout = batchLayout(log.sequences);
  expect(layout.capacity).toBe(log.sequences.rows);
});

/** The first item of the catalogue is read by few batches. */
const log = Interactions.from(
  Array.from({ length: 12 }, (_, user) =>
    Array.from({ length: 3 + (user % 5) }, (_, t) => ({ user, item: user + t === 0 ? 'rare' : (3 * user + t) % 9 })),
  ).flat(),
);

test.each<[string, FitOptions]>([
  [
    'two views of every sequence',
    {
      objective: contrastive({ objective: prefixes(), views: twoOf({ augmentations: [crop(), reorder()] }) }),
      loss: withContrast(),
    },
  ],
  [
    'views with the same target',
    { objective: contrastive({ objective: nextItem(), views: sameTarget() }), loss: withContrast() },
  ],
  ['negatives of the batch', { loss: sampledSoftmax({ sampler: inBatch() }) }],
  [
    'windows, a mean of losses',
    { objective: slidingWindows({ length: 3, targets: 2 }), loss: bce({ negatives: 2, mean: true }) },
  ],
])('%s, and an optimizer that moves the rows that were read', async (_, options) => {
  const run = async () => {
    using model = new SASRec({ items: log.items, maxLength: 5, dim: 6, layers: 1, output: untiedOutput() });
    await model.fit(log, { epochs: 2, batchSize: 3, seed: 1, optimizer: sparseAdam(), ...options });
    return Promise.all([...model.parameters().values()].map((parameter) => parameter.data()));
  };
  expect(await withRowBuckets(true, run)).toEqual(await withRowBuckets(false, run));
});

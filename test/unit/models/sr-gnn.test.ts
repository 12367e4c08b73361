import * as tf from '@tensorflow/tfjs-core';
import { Catalog, Interactions, Layout, nextItem, Ragged, SRGNN, slidingWindows } from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, use } from '../../support/backends.ts';

const log = Interactions.from(
  Array.from({ length: 8 }, (_, user) =>
    Array.from({ length: 2 + (user % 5) }, (_, t) => ({ user, item: `sku-${(user + t * t) % 9}`, time: t })),
  ).flat(),
);
const options = { items: log.items, dim: 6 };

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));

  test('a session is answered alone as among others, whatever the capacity', async () => {
    using model = new SRGNN({ ...options, steps: 2 }).init(1);
    const sessions = [[0, 1, 0, 2], [3], [4, 4, 4, 1, 0]];
    const before = tf.memory().numTensors;
    const states = async (lists: number[][], capacity?: number) => {
      const events = Ragged.from(lists);
      const layout = new Layout(events, { capacity });
      const y = tf.tidy(() => model.encode(events, layout));
      const values = (await y.array()) as number[][];
      y.dispose();
      layout.dispose();
      return values;
    };
    const all = await states(sessions);
    const spread = await states(sessions, 13);
    for (const [b, session] of sessions.entries()) {
      const [alone] = await states([session]);
      alone?.forEach((value, i) => {
        expect(all[b]?.[i]).toBeCloseTo(value, 5);
        expect(spread[b]?.[i]).toBeCloseTo(value, 5);
      });
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test('tells how much each event weighs', async () => {
    using model = new SRGNN(options).init(1);
    const { events } = await model.explain(['sku-1', 'sku-2', 'sku-1']);
    const shares = events.map(({ attention }) => attention as number);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
    expect(shares[0]).toBeCloseTo(shares[2] as number, 6);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0);
  });
});

test('a session of eight times the items takes eight times the values, no matrix of nodes by nodes', async () => {
  await use('cpu');
  const items = new Catalog(Array.from({ length: 1600 }, (_, i) => i));
  using model = new SRGNN({ items, dim: 4, maxLength: 1600 }).init(1);
  const valuesOf = async (length: number) => {
    const events = Ragged.from([Array.from({ length }, (_, t) => (t * 7) % length)]);
    using layout = new Layout(events);
    const { kernels } = await tf.profile(() => tf.tidy(() => void model.encode(events, layout)));
    const made = kernels.flatMap(({ outputShapes }) => outputShapes.map((shape) => tf.util.sizeFromShape(shape)));
    return { total: made.reduce((sum, n) => sum + n, 0), largest: Math.max(...made) };
  };
  const [short, long] = [await valuesOf(200), await valuesOf(1600)];
  expect(long.total / short.total).toBeCloseTo(8, 0);
  expect(long.largest).toBeLessThan(1600 * 1600);
});

describe('objectives', () => {
  beforeAll(() => use('cpu'));

  test('only those that ask at the last event', async () => {
    using model = new SRGNN(options);
    await expect(model.fit(log, { objective: nextItem(), epochs: 1 })).rejects.toThrow(
      'SRGNN has a state for the last event of a sequence only, and nextItem asks all: use prefixes().',
    );
    await model.fit(log, { objective: slidingWindows({ length: 3 }), epochs: 1 });
  });

  test('training repeats with its seed', async () => {
    const run = async () => {
      using model = new SRGNN(options);
      return (await model.fit(log, { epochs: 2, batchSize: 7, seed: 2 })).epochs.map(({ loss }) => loss);
    };
    expect(await run()).toEqual(await run());
  });
});

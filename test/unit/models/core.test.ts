/** What is special about CORE: cosines, its two dropouts, explanations. */
import * as tf from '@tensorflow/tfjs-core';
import { CORE, equalWeights, Interactions, nextItem, prefixes, Ragged, Rng, transformerWeights } from 'seqrec';
import { beforeAll, expect, test } from 'vitest';
import { use } from '../../support/backends.ts';

beforeAll(() => use('wasm'));

const log = Interactions.from(Array.from({ length: 30 }, (_, i) => ({ user: i % 6, item: (i * 7) % 10, time: i })));
const size = { items: log.items, maxLength: 5, dim: 6 };

test('scores are cosines over the temperature', async () => {
  using model = new CORE({ ...size, mixture: equalWeights(), temperature: 0.5 }).init(1);
  const scores = await model.scores(Ragged.from([[3], [1, 2]]));
  expect(scores[3]).toBeCloseTo(2, 5);
  expect(Math.max(...scores)).toBeCloseTo(2, 5);
  const table = await model.items.weight.data();
  const row = (i: number) => table.subarray(6 * i, 6 * i + 6);
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).reduce((sum, value, i) => sum + value * (b[i] as number), 0);
  const session = row(1).map((value, i) => value + (row(2)[i] as number));
  const cosine = dot(session, row(7)) / Math.sqrt(dot(session, session) * dot(row(7), row(7)));
  expect(scores[10 + 7]).toBeCloseTo(cosine / 0.5, 5);
});

test('items are dropped from what is scored in training only', async () => {
  using model = new CORE({ ...size, mixture: equalWeights(), itemDropout: 0.5 }).init(1);
  const zeros = async (rng?: Rng) => {
    const weight = tf.tidy(() => model.output(rng).weight as tf.Tensor2D);
    const values = await weight.data();
    weight.dispose();
    return values.filter((value) => value === 0).length;
  };
  expect(await zeros()).toBe(0);
  expect(await zeros(new Rng(1))).toBeGreaterThan(10);
  const lossWith = async (itemDropout: number) => {
    using model = new CORE({ ...size, mixture: equalWeights(), sessionDropout: 0, itemDropout });
    return (await model.fit(log, { epochs: 1, seed: 1 })).epochs[0]?.loss;
  };
  expect(await lossWith(0.5)).not.toBe(await lossWith(0));
});

test('every event asks what a beginning of the session asks', async () => {
  const lossOf = async (objective: ReturnType<typeof nextItem>) => {
    const mixture = transformerWeights({ layers: 1, heads: 1, dropout: 0 });
    using model = new CORE({ ...size, mixture, sessionDropout: 0, itemDropout: 0 });
    return (await model.fit(log, { epochs: 1, seed: 1, batchSize: 1000, objective })).epochs[0]?.loss;
  };
  expect(await lossOf(prefixes())).toBeCloseTo((await lossOf(nextItem())) as number, 5);
});

test('begins as its authors: items uniform, the matrices of the Transformer normal with 0.02, norms 1', async () => {
  using model = new CORE({ items: log.items, dim: 64 }).init(1);
  for (const [path, parameter] of model.parameters()) {
    const values = await parameter.data();
    const size = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    if (path === 'items.weight') expect(size / (0.125 / Math.sqrt(3))).toBeCloseTo(1, 1);
    else if (parameter.shape.length > 1) expect([path, Math.abs(size / 0.02 - 1) < 0.25]).toEqual([path, true]);
    else expect([path, new Set(values).size]).toEqual([path, 1]);
  }
});

test('explanations tell how much each event counts', async () => {
  using model = new CORE({ ...size, mixture: transformerWeights({ heads: 1 }) }).init(1);
  const { events } = await model.explain([0, 7, 4]);
  const shares = events.map(({ attention }) => attention as number);
  expect(shares.every((share) => share > 0)).toBe(true);
  expect(shares.reduce((sum, share) => sum + share)).toBeCloseTo(1, 5);
});

test('names options that cannot be', () => {
  expect(() => new CORE({ ...size, temperature: 0 })).toThrow('temperature must be a number greater than 0, got 0.');
  expect(() => new CORE({ ...size, itemDropout: 1 })).toThrow(
    'itemDropout must be a number at least 0 and less than 1',
  );
  expect(() => transformerWeights({ layers: -1 })).toThrow('transformerWeights: layers must be an integer at least 0');
});

import * as tf from '@tensorflow/tfjs-core';
import { adam, cosineSimilarity, Interactions, infoNCE, type Objective, Rng, SASRec } from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, use } from '../../support/backends.ts';

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));
  const item = Int32Array.of(4, 4, 2, 2, 4, 4);
  const weight = new Float32Array(6).fill(1);
  const lossOf = async (options: Parameters<typeof infoNCE>[0], values: Float32Array) => {
    const states = tf.tensor2d(values, [6, 5]);
    const loss = infoNCE(options).forward(states, { weight: states }, { item, weight });
    const [value] = await loss.data();
    tf.dispose([states, loss]);
    return value as number;
  };

  test('six views that are alike: the log of how many candidates there are', async () => {
    const alike = new Float32Array(30).fill(0.5);
    expect(await lossOf({}, alike)).toBeCloseTo(6 * Math.log(5), 4);
    expect(await lossOf({ oneWay: true }, alike)).toBeCloseTo(3 * Math.log(3), 4);
    // Two of the three sequences lead to item 4: each of their views is told from two others, those of item 2 from four.
    expect(await lossOf({ maskSameItem: true }, alike)).toBeCloseTo(4 * Math.log(3) + 2 * Math.log(5), 4);
  });

  test('cosines do not know the length of a state', async () => {
    const values = new Rng(1).normals(new Float32Array(30));
    const options = { similarity: cosineSimilarity, temperature: 0.2 };
    const scaled = values.map((value, i) => value * (1 + Math.floor(i / 5)));
    expect(await lossOf(options, scaled)).toBeCloseTo(await lossOf(options, values), 4);
  });
});

test('a network learns to tell sequences apart by two stretches of each', async () => {
  await use('wasm');
  const log = Interactions.from(
    Array.from({ length: 24 }, (_, user) =>
      Array.from({ length: 8 }, (_, t) => ({ user, item: ((user % 6) * 5 + (t % 5)) % 30 })),
    ).flat(),
  );
  const twoStretches: Objective = {
    name: 'twoStretches',
    options: {},
    batch(examples, { stream }) {
      const which = Int32Array.from({ length: 2 * examples.count }, (_, i) => i >> 1);
      const places = Array.from(which, (b, i) => {
        const start = stream(b).int(i % 2, 4);
        return Int32Array.from({ length: 5 }, (_, t) => start + t);
      });
      const inputs = examples.select(which, places);
      const row = inputs.offsets.subarray(1).map((end) => end - 1);
      const item = which.map((b) => examples.items(b).at(-1) as number);
      return { inputs, targets: { row, sequence: which, item, weight: new Float32Array(row.length).fill(1) } };
    },
  };
  using model = new SASRec({ items: log.items, dim: 8, layers: 1, dropout: 0 });
  const optimizer = adam({ learningRate: 0.01 });
  const loss = infoNCE({ similarity: cosineSimilarity, temperature: 0.2, maskSameItem: true });
  const { epochs } = await model.fit(log, { objective: twoStretches, loss, optimizer, epochs: 15, batchSize: 6 });
  const [first, last] = [epochs[0]?.loss as number, epochs.at(-1)?.loss as number];
  expect(last).toBeLessThan(0.2 * first);
});

test('a step of it is not cut, and an odd number of views is refused', () => {
  expect(infoNCE().coupled).toBe(true);
  expect(infoNCE().options).toMatchObject({ temperature: 1, oneWay: false, maskSameItem: false });
  const states = tf.zeros<tf.Rank.R2>([3, 2]);
  const targets = { item: new Int32Array(3), weight: new Float32Array(3) };
  expect(() => infoNCE().forward(states, { weight: states }, targets)).toThrow(
    'two views of each sequence, got 3 states',
  );
  expect(() => infoNCE({ temperature: 0 })).toThrow('infoNCE: temperature must be a number greater than 0, got 0');
});

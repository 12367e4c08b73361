import * as tf from '@tensorflow/tfjs-core';
import { cosineSimilarity, infoNCE, Rng } from 'seqrec';
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

/** FeatureEmbedding against sums written out, its gradients against central differences. */
import * as tf from '@tensorflow/tfjs-core';
import { added, type Codes, concatenated, FeatureEmbedding, GradientSums, Rng, toDense } from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import '../../../src/backend/gradients.ts';
import { backends, use } from '../../support/backends.ts';

const lists = (...rows: number[][]): Codes => ({
  offsets: Int32Array.from([0, ...rows.map((_, i) => rows.slice(0, i + 1).flat().length)]),
  values: Int32Array.from(rows.flat()),
});
const fields = {
  item: { size: 7, dim: 3 },
  tags: { size: 4, dim: 3 },
  bags: { size: 4, dim: 3, combine: 'sum' as const },
};
const all: [string, { [field: string]: Codes }][] = [
  ['one code each', { item: Int32Array.of(6), tags: lists([2]), bags: lists([3]) }],
  [
    'several and none',
    {
      item: Int32Array.of(0, 5, -1, 5, 6),
      tags: lists([0, 3, 1], [], [2], [2, 2], []),
      bags: lists([], [1, 2], [1], [0, 1, 2, 3], []),
    },
  ],
  ['nothing at all', { item: Int32Array.of(-1, -1), tags: lists([], []), bags: lists([], []) }],
];

/** The joined vectors `[capacity, width]` in float64. */
function reference(
  tables: { [field: string]: ArrayLike<number> },
  codes: { [field: string]: Codes },
  capacity: number,
  sum: boolean,
): Float64Array {
  const width = sum ? 3 : 9;
  const out = new Float64Array(capacity * width);
  Object.keys(fields).forEach((name, f) => {
    const given = codes[name] as Codes;
    const rows = given instanceof Int32Array ? given.length : given.offsets.length - 1;
    for (let row = 0; row < rows; row++) {
      const own =
        given instanceof Int32Array
          ? [given[row] as number].filter((code) => code >= 0)
          : [...given.values.subarray(given.offsets[row], given.offsets[row + 1])];
      for (const code of own) {
        for (let d = 0; d < 3; d++) {
          const value = (tables[name]?.[code * 3 + d] as number) / (name === 'tags' ? own.length : 1);
          const at = row * width + (sum ? d : f * 3 + d);
          out[at] = (out[at] as number) + value;
        }
      }
    }
  });
  return out;
}

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));

  describe.each([concatenated(), added()])('$name', (join) => {
    test.each(all)('%s', async (_, codes) => {
      const before = tf.memory().numTensors;
      const rows = (codes.item as Int32Array).length;
      using block = new FeatureEmbedding(fields, { join }).init(3);
      const parameters = block.parameters();
      const tables: { [field: string]: Float32Array } = {};
      for (const name of Object.keys(fields)) {
        tables[name] = (await parameters.get(`tables.${name}.weight`)?.data()) as Float32Array;
      }
      for (const capacity of [rows, rows + 3]) {
        const expected = reference(tables, codes, capacity, join.name === 'added');
        const shape: [number, number] = [capacity, expected.length / capacity];
        const upstream = new Rng(1).normals(new Float32Array(expected.length));
        const y = tf.tidy(() => block.forward(codes, capacity));
        expect(y.shape).toEqual(shape);
        (await y.data()).forEach((value, i) => {
          expect(value).toBeCloseTo(expected[i] as number, 5);
        });
        y.dispose();
        using sums = new GradientSums(parameters);
        const loss = sums.add(() => tf.sum(tf.mul(block.forward(codes, capacity), tf.tensor2d(upstream, shape))));
        const found = sums.take();
        for (const [name, { size }] of Object.entries(fields)) {
          const gradient = found.get(`tables.${name}.weight`);
          const dense = gradient ? tf.tidy(() => toDense(gradient, size)) : tf.zeros([size, 3]);
          const values = await dense.data();
          for (let i = 0; i < values.length; i++) {
            // the function is linear: a difference of two values is its slope
            const moved = (tables[name] as Float32Array).map((value, j) => (j === i ? value + 1 : value));
            const other = reference({ ...tables, [name]: moved }, codes, capacity, join.name === 'added');
            const slope = other.reduce((s, v, j) => s + (v - (expected[j] as number)) * (upstream[j] as number), 0);
            expect(values[i]).toBeCloseTo(slope, 4);
          }
          dense.dispose();
          if (gradient) tf.dispose(gradient instanceof tf.Tensor ? gradient : gradient.values);
        }
        loss.dispose();
      }
      block.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });
  });

  test('refuses codes that do not fit', () => {
    using block = new FeatureEmbedding({ item: { size: 7, dim: 3 } }).init(1);
    expect(() => block.forward({})).toThrow("FeatureEmbedding has the field 'item' and got no codes of it.");
    expect(() => block.forward({ item: Int32Array.of(7) })).toThrow(
      "The field 'item' must have codes from -1 to 6, got 7.",
    );
    expect(() => block.forward({ item: { offsets: Int32Array.of(0, 2), values: Int32Array.of(1) } })).toThrow(
      /rise from 0 to 1/,
    );
  });
});

test('added() needs fields of one width', () => {
  expect(
    () => new FeatureEmbedding({ item: { size: 2, dim: 8 }, tag: { size: 2, dim: 4 } }, { join: added() }),
  ).toThrow('added() joins fields of one width, got 8 (item) and 4 (tag): make them equal or use concatenated().');
});

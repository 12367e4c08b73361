import * as tf from '@tensorflow/tfjs-core';
import {
  attentionWeights,
  continuousTime,
  Interactions,
  Layout,
  learnedFromEnd,
  learnedFromStart,
  MultiHeadAttention,
  nextItem,
  type PositionsPart,
  prefixes,
  Ragged,
  Rng,
  recency,
  relativeBias,
  rotary,
  SASRec,
  sasrecBlock,
  sinusoidTable,
  summed,
  timeBuckets,
  transformerBlock,
} from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, use } from '../../support/backends.ts';

/** Encodings of width `dim`, with all weights 1 and all biases 0, or the rows' numbers for a table. */
async function encodings(part: PositionsPart, dim: number, times: number[][], capacity?: number): Promise<number[][]> {
  const events = new Ragged(Ragged.from(times.map(({ length }) => new Int32Array(length))).offsets, {
    item: new Int32Array(times.flat().length),
    time: Float64Array.from(times.flat()),
  });
  using block = part.create({ dim, maxLength: 10 });
  for (const [path, parameter] of block.parameters()) {
    const value = (i: number) => (/gaps/.test(path) ? Math.floor(i / dim) : 1);
    parameter.set(Float32Array.from({ length: parameter.size }, (_, i) => (path.endsWith('bias') ? 0 : value(i))));
  }
  const before = tf.memory().numTensors;
  const layout = new Layout(events, { capacity });
  const out = tf.tidy(() => block.forward(layout, events));
  expect(out.shape).toEqual([capacity ?? events.rows, dim]);
  const rows = (await out.array()) as number[][];
  tf.dispose(out);
  layout.dispose();
  expect(tf.memory().numTensors).toBe(before);
  return rows;
}

const column = (rows: number[][]) => rows.map(([first]) => first as number);

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));

  test('continuous time runs from 0 to 1 within a history, whatever the size of the numbers', async () => {
    const now = 1.7e12; // milliseconds, which float32 knows to the nearest 131 seconds
    const rows = await encodings(continuousTime(), 3, [[now, now + 250, now + 1000], [5], [7, 7]], 9);
    column(rows).forEach((value, i) => {
      expect(value).toBeCloseTo([0, 0.25, 1, 0, 0, 0][i] ?? 0, 6);
    });
  });

  test('time buckets are the times since the event before', async () => {
    const now = 1.6e9;
    const part = timeBuckets({ unit: 10, base: 3, buckets: 5 });
    const times = [[now, now, now + 9, now + 19, now + 48, now + 78, now + 1e6], [now + 5]];
    expect(column(await encodings(part, 1, times, 10))).toEqual([0, 1, 1, 2, 2, 3, 4, 0, 0, 0]);
    expect(column(await encodings(timeBuckets({ buckets: 2 }), 5, [[1, 1, 900]]))).toEqual([0, 1, 1]);
  });

  test('recency counts from the last event, in time and in events', async () => {
    const rows = column(await encodings(recency({ unit: 60 }), 2, [[0, 60, 180], [1.6e9]]));
    const expected = [Math.log(4) + Math.log(3), Math.log(3) + Math.log(2), 0, 0];
    rows.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] as number, 5);
    });
  });

  test('encodings add up', async () => {
    const sum = summed({ of: [learnedFromStart(), learnedFromEnd(), continuousTime()] });
    expect(column(await encodings(sum, 4, [[0, 5, 10]]))).toEqual([2, 2.5, 3]);
  });

  test('a relative bias is that of the clipped distance, for each head', async () => {
    const [offsets, dim, heads, most] = [Int32Array.of(0, 6, 7), 6, 2, 2];
    using layout = new Layout(offsets);
    using attention = new MultiHeadAttention({ dim, heads, positions: relativeBias({ maxDistance: most }) }).init(1);
    const table = Float32Array.from({ length: 10 }, (_, i) => Math.sin(i));
    attention.parameters().get('positions.weight')?.set(table);
    const x = tf.tensor2d(new Rng(2).normals(new Float32Array(7 * dim)), [7, dim]);
    const bias = tf.tensor3d(
      Float32Array.from({ length: heads * 36 }, (_, i) => {
        const distance = (i % 6) - (Math.floor(i / 6) % 6);
        return table[(Math.max(-most, Math.min(most, distance)) + most) * heads + Math.floor(i / 36)] as number;
      }),
      [heads, 6, 6],
    );
    const own = tf.tidy(() => attention.weights(x, x, { queries: layout }));
    const given = tf.tidy(() =>
      attentionWeights(attention.query.forward(x), attention.key.forward(x), { queries: layout, heads, bias }),
    );
    expect(await own[0]?.data()).toEqual(await given[0]?.data());
    tf.dispose([x, bias, ...own, ...given]);
  });

  test('rotary scores depend on the distance only, and are those of complex numbers', async () => {
    const [dim, heads, T] = [12, 3, 5];
    using attention = new MultiHeadAttention({ dim, heads, positions: rotary() }).init(3);
    const values = new Rng(5).normals(new Float32Array(T * dim));
    const x = tf.tensor2d(values, [T, dim]);
    const weightsFrom = async (start: number) => {
      using layout = new Layout(Int32Array.of(0, T), { starts: Int32Array.of(start) });
      const [map] = tf.tidy(() => attention.weights(x, x, { queries: layout, causal: true })) as [tf.Tensor3D];
      const read = (await map.array()) as number[][][];
      map.dispose();
      return read;
    };
    const [first, later] = [await weightsFrom(0), await weightsFrom(700)];
    const project = async (part: 'query' | 'key') => {
      const made = tf.tidy(() => attention[part].forward(x));
      const read = (await made.array()) as number[][];
      made.dispose();
      return read;
    };
    const [q, k] = [await project('query'), await project('key')];
    for (let head = 0; head < heads; head++) {
      const scores = Array.from({ length: T }, (_, i) =>
        Array.from({ length: i + 1 }, (_, j) => {
          let score = 0;
          for (let pair = 0; pair < 2; pair++) {
            const at = head * 4 + 2 * pair;
            const [a, b] = [q[i]?.[at] as number, q[i]?.[at + 1] as number];
            const [c, d] = [k[j]?.[at] as number, k[j]?.[at + 1] as number];
            const angle = (i - j) * 10000 ** (-pair / 2);
            score += Math.cos(angle) * (a * c + b * d) + Math.sin(angle) * (a * d - b * c);
          }
          return score / 2;
        }),
      );
      scores.forEach((row, i) => {
        const sum = row.reduce((total, score) => total + Math.exp(score), 0);
        row.forEach((score, j) => {
          expect(first[head]?.[i]?.[j]).toBeCloseTo(Math.exp(score) / sum, 5);
          expect(later[head]?.[i]?.[j]).toBeCloseTo(Math.exp(score) / sum, 4);
        });
      });
    }
    x.dispose();
  });

  test.each([
    ['relative bias', transformerBlock({ positions: relativeBias({ maxDistance: 3 }) })],
    ['rotary', sasrecBlock({ positions: rotary() })],
  ])('%s: the last row alone is what it is among all', async (_, part) => {
    using block = part.create({ dim: 8, heads: 2, dropout: 0, causal: true }).init(2);
    for (const [path, parameter] of block.parameters()) {
      if (path.includes('positions')) parameter.set(new Rng(1).normals(new Float32Array(parameter.size)));
    }
    using layout = new Layout(Int32Array.of(0, 7, 8), { capacity: 11 });
    using last = layout.last();
    const x = tf.tensor2d(new Rng(4).normals(new Float32Array(11 * 8)), [11, 8]);
    const [all, alone] = tf.tidy(() => [block.forward(x, layout), block.forward(x, layout, undefined, last)]);
    const rows = (await all?.array()) as number[][];
    const wanted = (await alone?.array()) as number[][];
    [6, 7].forEach((row, i) => {
      rows[row]?.forEach((value, j) => {
        expect(wanted[i]?.[j]).toBeCloseTo(value, 5);
      });
    });
    tf.dispose([x, all, alone]);
  });

  const shop = Interactions.from(
    Array.from({ length: 24 }, (_, user) =>
      Array.from({ length: 3 + (user % 5) }, (_, t) => ({
        user,
        item: (user + t) % 9,
        time: 100 * t * (1 + (user % 3)),
      })),
    ).flat(),
  );

  test('a model with positions in its attention learns, is saved and loaded', async () => {
    for (const positions of [rotary(), relativeBias({ maxDistance: 4 })]) {
      using model = new SASRec({
        items: shop.items,
        maxLength: 6,
        dim: 8,
        dropout: 0,
        positions: timeBuckets({ unit: 50, buckets: 6 }),
        block: sasrecBlock({ positions }),
      });
      const { epochs } = await model.fit(shop, { epochs: 8, batchSize: 8 });
      expect(epochs.at(-1)?.loss).toBeLessThan(epochs[0]?.loss as number);
      using loaded = await SASRec.load(await model.save(), { parts: { timeBuckets, rotary, relativeBias } });
      const histories = shop.sequences.take([3, 4]);
      expect(await loaded.scores(histories)).toEqual(await model.scores(histories));
    }
  });

  test('histories and sessions give the times', async () => {
    using model = new SASRec({ items: shop.items, maxLength: 6, dim: 8, positions: timeBuckets({ unit: 50 }) }).init(1);
    const events = [0, 40, 900].map((time, t) => ({ item: t + 1, time }));
    using session = await model.session();
    for (const event of events) await session.push(event);
    const list = await session.recommend({ k: 4 });
    expect(list).toEqual(await model.recommend(events, { k: 4 }));
    const other = events.map(({ item }, t) => ({ item, time: 1000 * t }));
    expect(await model.recommend(other, { k: 4 })).not.toEqual(list);
    await expect(model.recommend([1, 2])).rejects.toThrow('timeBuckets() reads the times of the events');
  });

  test('a model whose positions read later times is not asked at rows that have a future', async () => {
    const positions = summed({ of: [learnedFromStart(), continuousTime()] });
    using model = new SASRec({ items: shop.items, maxLength: 6, dim: 8, positions });
    expect(model.reads).toBe('all');
    await expect(model.fit(shop, { objective: nextItem(), epochs: 1 })).rejects.toThrow('use cloze() or prefixes()');
    await model.fit(shop, { objective: prefixes(), epochs: 1 });
  });
});

test('what cannot be is refused in a sentence', async () => {
  using layout = new Layout(Int32Array.of(0, 2));
  const timeless = Ragged.from([[1, 2]]);
  for (const part of [continuousTime(), timeBuckets(), recency()]) {
    using block = part.create({ dim: 2, maxLength: 4 });
    expect(() => block.forward(layout, timeless)).toThrow(`${part.name}() reads the times of the events`);
  }
  expect(() => rotary().create({ dim: 6, heads: 2 })).toThrow('dim / heads must be even, got 6 / 2');
  expect(() => relativeBias({ maxDistance: 0 })).toThrow('relativeBias: maxDistance must be an integer at least 1');
  expect(() => timeBuckets({ unit: 0 })).toThrow('timeBuckets: unit must be a number greater than 0, got 0');
  expect(() => timeBuckets({ base: 1 })).toThrow('timeBuckets: base must be a number greater than 1, got 1');
  expect(() => timeBuckets({ buckets: 1 })).toThrow('timeBuckets: buckets must be an integer at least 2');
  expect(() => recency({ unit: -1 })).toThrow('recency: unit must be a number greater than 0');
  expect(() => summed({ of: [] })).toThrow("summed needs a list of positions as 'of', got an array of 0");
});

test('the sinusoidal table has sines in even columns, cosines in odd ones, and ends an odd width with a sine', () => {
  const [length, dim] = [4, 5];
  const table = sinusoidTable(length, dim);
  expect(table).toHaveLength(length * dim);
  table.forEach((value, i) => {
    const [position, column] = [Math.floor(i / dim), i % dim];
    const angle = position / 10000 ** ((2 * Math.floor(column / 2)) / dim);
    expect(value).toBeCloseTo(column % 2 ? Math.cos(angle) : Math.sin(angle), 6);
  });
});

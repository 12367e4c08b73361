/** HSTU with times: what is added to a pair, and who must have times. */
import * as tf from '@tensorflow/tfjs-core';
import { adam, HSTU, Interactions, Layout, Ragged, relativePositions, relativeTimes } from 'seqrec';
import { beforeAll, expect, test } from 'vitest';
import { use } from '../../support/backends.ts';

beforeAll(() => use('wasm'));

const timed = (items: number[], time: number[]) =>
  new Ragged(Int32Array.of(0, items.length), { item: Int32Array.from(items), time: Float64Array.from(time) });

test('a pair has the bucket of its distance in time, whatever was done first', async () => {
  using bias = relativeTimes({ unit: 10, base: 2, buckets: 3 }).create({ maxLength: 4 }).init(1);
  const [weight] = [...bias.parameters().values()];
  weight?.set(Float32Array.of(0, 1, 2, 3));
  const events = timed([1, 2, 3, 4], [100, 119, 120, 1e12]);
  using layout = new Layout(events);
  const found = bias.forward(layout, layout, events);
  // Less than 20, from 20, from 40, from 80 on.
  expect([...(await found.data())]).toEqual([0, 0, 1, 3, 0, 0, 0, 3, 1, 0, 0, 3, 3, 3, 3, 0]);
  found.dispose();
});

test("HSTU's buckets are ⌊ln(max(1, Δt)) / 0.301⌋, at most 128", async () => {
  using bias = relativeTimes().create({ maxLength: 9 }).init(1);
  const [weight] = [...bias.parameters().values()];
  weight?.set(Float32Array.from({ length: 129 }, (_, i) => i));
  const times = [0, 0.5, 1, 1.34, 1.36, 7, 1e3, 1e6, 1e18];
  const events = timed(new Array(9).fill(0), times);
  using layout = new Layout(events);
  const found = bias.forward(layout, layout, events);
  const expected = times.map((time) => Math.min(128, Math.floor(Math.log(Math.max(1, time)) / 0.301)));
  expect([...(await found.data()).subarray(0, 9)]).toEqual(expected);
  found.dispose();
});

test('with times, a state knows those of its past only, and differences of seconds since 1970', async () => {
  const log = Interactions.from(
    Array.from({ length: 60 }, (_, i) => ({ user: i % 10, item: i % 7, time: 1_700_000_000 + 50 * i })),
  );
  using model = new HSTU({
    items: log.items,
    maxLength: 8,
    dim: 8,
    layers: 2,
    biases: [relativePositions(), relativeTimes()],
  });
  await model.fit(log, { epochs: 3, optimizer: adam({ learningRate: 0.05 }) });
  const states = async (time: number[], first = 1_700_000_000) => {
    const events = timed([1, 2, 3, 4], time.map((seconds) => first + seconds)); // biome-ignore format: one line
    using layout = new Layout(events);
    const found = tf.tidy(() => model.encode(events, layout));
    const rows = (await found.array()) as number[][];
    found.dispose();
    return rows;
  };
  const plain = await states([0, 20, 40, 41]);
  const later = await states([0, 20, 40, 90_000]);
  expect(later.slice(0, 3)).toEqual(plain.slice(0, 3));
  expect(later[3]).not.toEqual(plain[3]);
  // 32-bit seconds since 1970 have steps of 128.
  expect(await states([0, 3, 40, 41])).not.toEqual(plain);
  expect(await states([0, 20, 40, 41], 5)).toEqual(plain);

  const history = [1, 2, 3].map((item, i) => ({ item, time: 1_700_000_000 + i }));
  const list = await model.recommend(history, { k: 3, excludeSeen: false });
  using session = await model.session();
  await session.push(...history);
  expect((await session.recommend({ k: 3, excludeSeen: false })).map(({ item }) => item)).toEqual(
    list.map(({ item }) => item),
  );
  const why = await model.explain(history, { item: 4 });
  expect(why.events.map(({ item }) => item)).toEqual([1, 2, 3]);
  expect(why.events.every(({ contribution }) => Number.isFinite(contribution))).toBe(true);
  using loaded = await HSTU.load(await model.save());
  expect(await loaded.recommend(history, { k: 3, excludeSeen: false })).toEqual(list);
  await expect(model.recommend([1, 2])).rejects.toThrow('relativeTimes() reads the times of the events');
});

test('names what does not fit', () => {
  expect(() => relativeTimes({ unit: 0 })).toThrow('relativeTimes: unit must be a number greater than 0, got 0.');
  expect(() => relativeTimes({ base: 1 })).toThrow('relativeTimes: base');
  expect(() => relativeTimes({ buckets: 0 })).toThrow('relativeTimes: buckets');
  using bias = relativePositions().create({ maxLength: 2 }).init(1);
  const events = timed([1, 2, 3], [1, 2, 3]);
  using layout = new Layout(events);
  expect(() => bias.forward(layout, layout, events)).toThrow('Position 2 of sequence 0 is outside 0 … 1');
});

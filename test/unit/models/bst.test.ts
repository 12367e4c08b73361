/** BST: what it learns from side features, and how its candidates are asked for. */
import * as tf from '@tensorflow/tfjs-core';
import {
  adam,
  added,
  allPositions,
  BST,
  Catalog,
  categorical,
  crossEntropy,
  eachPosition,
  evaluate,
  hitRate,
  Interactions,
  learnedFromStart,
  leaveLastOut,
  multiValued,
  nextItem,
  numeric,
  pointwise,
  Ragged,
  Rng,
  SASRec,
} from 'seqrec';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { use } from '../../support/backends.ts';

/** Twelve items of four colours: an event says the colour of the next item, which is any of that colour. */
const COLOURS = ['red', 'green', 'blue', 'black'];
const shop = Catalog.from(
  Array.from({ length: 12 }, (_, i) => ({
    item: `item-${i}`,
    colour: COLOURS[i % 4],
    tags: [COLOURS[i % 4] as string, `row-${i % 3}`],
    price: i,
  })),
  { features: { colour: categorical(), tags: multiValued(), price: numeric({ buckets: 3 }) } },
);
const rows = Array.from({ length: 240 }, (_, user) => {
  let mood = user % 4;
  return Array.from({ length: 6 }, (_, t) => {
    const item = `item-${mood + 4 * new Rng(5).int(6 * user + t, 3)}`;
    const next = new Rng(6).int(6 * user + t, 4);
    mood = next;
    return { user, item, time: t, wish: COLOURS[next], device: t % 2 ? 'phone' : 'desk', age: 20 + (user % 40) };
  });
}).flat();
const log = Interactions.from(rows, {
  catalog: shop,
  features: {
    event: { wish: categorical() },
    context: { device: categorical() },
    user: { age: numeric({ buckets: 4 }) },
  },
});
const { train, test: held } = leaveLastOut(log);
const small = { items: log.items, maxLength: 4, dim: 8, featureDim: 4, heads: 4, dropout: 0 };
const head = allPositions({ hidden: [32] });
const options = { epochs: 4, batchSize: 16, optimizer: adam({ learningRate: 0.01 }), seed: 2 };
const request = { device: 'desk', age: 21 };
/** Of user 1, four events. */
const history = rows.slice(6, 10).map(({ item, wish }) => ({ item, wish }));
const wished = COLOURS.indexOf(history.at(-1)?.wish as string);

describe('on wasm', () => {
  let model: BST;
  beforeAll(async () => {
    await use('wasm');
    model = new BST({ ...small, head });
    await model.fit(train, options);
  }, 60_000);
  afterAll(() => model.dispose());

  test('learns what only the features tell', async () => {
    const report = await evaluate(model, held, { metrics: [hitRate(3)], excludeSeen: false });
    expect(report.metrics['HR@3']).toBeGreaterThan(0.9); // the three items of the wished colour
    const best = await model.recommend(history, { k: 3, features: request, excludeSeen: false });
    expect(best.map(({ item }) => shop.row(item) % 4)).toEqual([wished, wished, wished]);
    const plain = new SASRec({ items: log.withFeatures().items, maxLength: 4, dim: 8 });
    await plain.fit(leaveLastOut(log.withFeatures()).train, options);
    const without = await evaluate(plain, held, { metrics: [hitRate(3)], excludeSeen: false });
    expect(without.metrics['HR@3']).toBeLessThan(0.6);
    plain.dispose();
  });

  test('is saved with its vocabularies; unknown values count as none', async () => {
    const again = await BST.load(await model.save());
    const answer = await model.recommend(history, { features: request });
    expect(await again.recommend(history, { features: request })).toEqual(answer);
    expect(again.catalog.equals(log.items)).toBe(true);
    const some = [...history.slice(0, -1), { item: 'item-2', wish: 'pink' }];
    const none = [...history.slice(0, -1), { item: 'item-2', wish: undefined }];
    expect(await again.recommend(some, { features: { ...request, device: 'watch' } })).toEqual(
      await again.recommend(none, { features: { ...request, device: undefined } }),
    );
    await expect(again.recommend(some, { features: request, unknown: 'error' })).rejects.toThrow(/got 'pink'/);
    again.dispose();
  });

  test('reads the context and the user of a request', async () => {
    const ask = (features: object) => model.recommend(history, { k: 12, features: { ...request, ...features } });
    const answer = await ask({});
    expect(await ask({ device: 'phone' })).not.toEqual(answer);
    expect(await ask({ age: 55 })).not.toEqual(answer);
    const many = await model.recommendMany([history, history], { k: 12, features: [request, { ...request, age: 55 }] });
    expect(many[0]).toEqual(answer);
    expect(many[1]).toEqual(await ask({ age: 55 }));
  });

  test('ranks given candidates as it ranks all, in any chunks', async () => {
    const all = await model.recommend(history, { k: 12, features: request, excludeSeen: false });
    const ids = shop.ids.filter((_, i) => i % 2 === 0);
    const best = await model.rerank(history, [...ids, 'nobody', ids[0] as string], { k: 4, features: request });
    expect(best.map(({ item }) => item)).toEqual(
      all
        .map(({ item }) => item)
        .filter((item) => ids.includes(item))
        .slice(0, 4),
    );
    const long = held.histories.take(Array.from({ length: 400 }, (_, i) => i % held.histories.count));
    const device = new Int32Array(400);
    const histories = new Ragged(long.offsets, long.events, { ...long.sequences, device });
    const scores = await model.scores(histories); // 4,800 candidates of 5 rows: several chunks
    const few = await model.candidateScores(histories.take([0, 399]), Ragged.from([[3], [7, 0]]));
    [scores[3], scores[399 * 12 + 7], scores[399 * 12]].forEach((score, i) => {
      expect(few[i]).toBeCloseTo(score as number, 4);
    });
  });

  test('explains by leaving events out, features and all', async () => {
    const why = await model.explain(history, { item: `item-${wished}`, features: request });
    expect(why.events.map(({ item }) => item)).toEqual(history.map(({ item }) => item));
    const shares = why.events.map(({ contribution }) => contribution);
    expect(Math.max(...shares)).toBe(shares.at(-1));
  });

  test('answers sessions as it answers histories', async () => {
    using session = await model.session();
    for (const event of history) await session.push(event);
    expect(await session.recommend({ features: request })).toEqual(
      await model.recommend(history, { features: request }),
    );
  });

  test('says what it needs', async () => {
    await expect(model.recommend(['item-0'], { features: request })).rejects.toThrow(/must have 'wish'/);
    await expect(model.recommend(history)).rejects.toThrow(/each of the 1 histories \(age, device\)/);
    await expect(model.scores(Ragged.from([[0]]))).rejects.toThrow(
      /feature 'wish', of which the events have no column/,
    );
    await expect(model.fit(train, { ...options, objective: nextItem() })).rejects.toThrow(
      /BST has a state for the last event/,
    );
    await expect(model.fit(train, { ...options, loss: crossEntropy(), epochs: 1 })).rejects.toThrow();
    await expect(model.candidateScores(held.histories, Ragged.from([[1]]))).rejects.toThrow(
      /one sequence for each of the/,
    );
    await expect(model.fit(leaveLastOut(log.withFeatures('wish')).train, options)).rejects.toThrow(
      /a catalogue of 12 items with the features colour, .* and the data has another of 12 items with the features wish/,
    );
    expect(() => new BST({ ...small, head, join: added() })).toThrow(/got 8 \(item\) and 4 \(colour\)/);
    expect(() => new BST({ ...small, heads: 5 })).toThrow(/must be a multiple of heads/);
    using plain = new SASRec({ items: log.withFeatures().items, dim: 8 });
    const labels = plain.fit(leaveLastOut(log.withFeatures()).train, { objective: pointwise(), ...model.defaults });
    await expect(labels).rejects.toThrow(/trained with logLoss must have the shape \[1, any\]/);
  });

  test('leaves no tensors, and one seed repeats the run', async () => {
    const before = tf.memory().numTensors;
    using again = new BST({ ...small, head });
    await again.fit(train, options);
    expect(await again.recommend(history, { features: request })).toEqual(
      await model.recommend(history, { features: request }),
    );
    again.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('summed features, causal blocks, positions from the start: item features alone take bare ids', async () => {
    const plain = log.withFeatures('colour', 'price');
    using other = new BST({
      ...small,
      items: plain.items,
      featureDim: 8,
      join: added(),
      positions: learnedFromStart(),
      head: eachPosition({ hidden: [8] }),
    });
    const { epochs } = await other.fit(plain, { ...options, epochs: 2, objective: pointwise({ negatives: 1 }) });
    expect(epochs[1]?.loss).toBeLessThan(epochs[0]?.loss as number);
    using reloaded = await BST.load(await other.save(), { parts: { added, learnedFromStart, eachPosition } });
    expect(await reloaded.recommend(['item-3', 'item-5'])).toEqual(await other.recommend(['item-3', 'item-5']));
    using session = await other.session();
    await session.push('item-3', 'item-5');
    expect(await session.recommend()).toEqual(await other.recommend(['item-3', 'item-5']));
  });
});

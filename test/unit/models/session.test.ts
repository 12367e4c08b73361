/** A session answers what `recommend` does for the same history, at every event. */
import * as tf from '@tensorflow/tfjs-core';
import {
  adam,
  Catalog,
  GRU4Rec,
  gelu,
  Interactions,
  type ItemId,
  layerNormalization,
  learnedFromEnd,
  learnedFromStart,
  MarkovChain,
  MultiStepMarkov,
  noNormalization,
  noPositions,
  oneHotEmbedding,
  Popularity,
  type Recommendation,
  type Recommender,
  Rng,
  relativeBias,
  rotary,
  SASRec,
  type SASRecOptions,
  sasrecBlock,
  sinusoidal,
  summed,
  timeBuckets,
  transformerBlock,
  untiedOutput,
} from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, use } from '../../support/backends.ts';

const ITEMS = 37;
const items = new Catalog(Array.from({ length: ITEMS }, (_, i) => `item ${i}`));
const rng = new Rng(11);
const events = Array.from({ length: 260 }, (_, t) => `item ${rng.int(t, ITEMS)}`);
const log = Interactions.from(
  events.map((item, t) => ({ user: Math.floor(t / 13), item, time: t })),
  { catalog: items },
);

const sasrec =
  (options: Partial<SASRecOptions>) =>
  async (maxLength = 230) =>
    new SASRec({ items, maxLength, dim: 12, heads: 2, ...options }).init(4);
const gru4rec =
  (options: Partial<ConstructorParameters<typeof GRU4Rec>[0]>) =>
  async (maxLength = 230) =>
    new GRU4Rec({ items, maxLength, ...options }).init(4);
const counted = (make: () => MarkovChain | MultiStepMarkov | Popularity) => async () => {
  const model = make();
  await model.fit(log);
  return model;
};

/** Models, and whether they keep what they computed. */
const models: Record<string, [make: (maxLength: number) => Promise<Recommender>, keeps: boolean]> = {
  'SASRec, positions from the start': [sasrec({ positions: learnedFromStart() }), true],
  'SASRec, sinusoidal, projected': [
    sasrec({ positions: sinusoidal(), block: sasrecBlock({ outputProjection: true }), output: untiedOutput() }),
    true,
  ],
  'SASRec, no positions, post-norm': [
    sasrec({ positions: noPositions(), block: transformerBlock({ hidden: 20, activation: gelu }), layers: 3 }),
    true,
  ],
  'SASRec, pre-norm': [
    sasrec({
      positions: learnedFromStart(),
      inputNorm: layerNormalization(),
      block: transformerBlock({ normFirst: true }),
      norm: noNormalization(),
      layers: 1,
    }),
    true,
  ],
  'SASRec, rotary positions': [sasrec({ positions: noPositions(), block: sasrecBlock({ positions: rotary() }) }), true],
  'SASRec, relative bias': [
    sasrec({ positions: noPositions(), block: transformerBlock({ positions: relativeBias({ maxDistance: 9 }) }) }),
    true,
  ],
  'SASRec without blocks': [sasrec({ positions: learnedFromStart(), layers: 0 }), true],
  GRU4Rec: [gru4rec({ hidden: 12 }), true],
  'GRU4Rec, one-hot, two layers': [gru4rec({ hidden: [12, 9], embedding: oneHotEmbedding() }), true],
  'SASRec, positions from the end': [sasrec({ positions: learnedFromEnd() }), false],
  MarkovChain: [counted(() => new MarkovChain({ items })), false],
  MultiStepMarkov: [counted(() => new MultiStepMarkov({ items })), false],
  Popularity: [counted(() => new Popularity({ items })), false],
};

/** The same scores to 1e-6 of the largest, and the same items where their scores are further apart than that. */
function expectSame(found: Recommendation[], expected: Recommendation[]): void {
  const near = 1e-6 * Math.max(1, ...expected.map(({ score }) => Math.abs(score)));
  expect(found).toHaveLength(expected.length);
  found.forEach(({ item, score }, i) => {
    expect(Math.abs(score - (expected[i] as Recommendation).score)).toBeLessThanOrEqual(near);
    const alike = expected.filter((other) => Math.abs(other.score - score) <= 2 * near);
    expect(alike.map((other) => other.item)).toContain(item);
  });
}

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));

  describe.each(Object.entries(models))('%s', (_name, [make, keeps]) => {
    // The plain-JavaScript backend is slow.
    const maxLength = backend === 'cpu' ? 30 : 230;
    test('answers as for the whole history, also past maxLength', async () => {
      const model = await make(maxLength);
      const before = tf.memory().numTensors;
      const session = await model.session();
      const pushed: ItemId[] = [];
      for (const [t, item] of events.slice(0, maxLength + 10).entries()) {
        await session.push(item);
        pushed.push(item);
        expectSame(
          await session.recommend({ k: 40, excludeSeen: false }),
          await model.recommend(pushed, { k: 40, excludeSeen: false }),
        );
        if (t === maxLength - 2) expect(tf.memory().numTensors > before).toBe(keeps);
      }
      expect(tf.memory().numTensors).toBe(before); // longer than maxLength, nothing is kept
      session.dispose();
      model.dispose();
    });
  });

  test.each([true, false])('a short maxLength, with items left out: positions from the start %s', async (start) => {
    using model = await sasrec({ positions: start ? learnedFromStart() : learnedFromEnd() })(5);
    const before = tf.memory().numTensors;
    {
      using session = await model.session();
      for (let t = 0; t < 12; t++) {
        await session.push(events[t] as string);
        const options = { k: 5, exclude: ['item 3', 'item 4', 'nobody'] };
        const expected = await model.recommend(events.slice(0, t + 1), options);
        expectSame(await session.recommend(options), expected);
        expectSame(await session.recommend({ ...options, k: 2 }), expected.slice(0, 2));
        expect(session.history).toEqual(events.slice(Math.max(0, t - 4), t + 1));
      }
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test('a session that is disposed of frees what it kept', async () => {
    using model = await sasrec({ positions: learnedFromStart() })();
    const before = tf.memory().numTensors;
    const session = await model.session();
    await session.push(...events.slice(0, 140));
    await session.recommend();
    expect(tf.memory().numTensors).toBe(before + 5); // keys and values of two blocks, and the last state
    session.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('new weights begin a session anew', async () => {
    using model = await sasrec({ positions: learnedFromStart() })(150);
    using session = await model.session();
    await session.push(...events.slice(0, 140));
    await session.recommend();
    await model.fit(log, { epochs: 1, optimizer: adam({ learningRate: 0.1 }) });
    await session.push('item 5');
    expectSame(await session.recommend(), await model.recommend([...events.slice(0, 140), 'item 5']));
  });
});

describe('a session', () => {
  beforeAll(() => use('cpu'));

  test('reports unknown ids or refuses them, the others with them', async () => {
    using model = await counted(() => new MarkovChain({ items }))();
    const left: unknown[] = [];
    using session = await model.session({ onUnknown: (ids) => void left.push(...ids) });
    await session.push('nobody', 'item 1', 7);
    expect(left).toEqual(['nobody', 7]);
    expect(session.history).toEqual(['item 1']);
    using strict = await model.session({ unknown: 'error' });
    await expect(strict.push('item 2', 'nobody')).rejects.toThrow("'nobody'");
    expect(strict.history).toEqual([]);
    // biome-ignore lint/suspicious/noExplicitAny: a wrong argument
    await expect(session.push(null as any)).rejects.toThrow('An item id must be a text or a finite number');
  });

  test('takes events with times, all or none', async () => {
    const positions = summed({ of: [learnedFromStart(), timeBuckets()] });
    using model = await sasrec({ positions })(3);
    using session = await model.session();
    const timed = [1, 2, 4, 40].map((time) => ({ item: `item ${time % 37}`, time }));
    for (const [t, event] of timed.entries()) {
      await session.push(event);
      await expect(session.push('item 9')).rejects.toThrow('Every event of the histories must have a time, or none');
      expectSame(await session.recommend(), await model.recommend(timed.slice(0, t + 1)));
    }
    expect(session.history).toEqual(['item 2', 'item 4', 'item 3']);
    // biome-ignore lint/suspicious/noExplicitAny: a feature that nothing reads
    await expect(session.push({ item: 'item 1', time: 50, colour: 'red' } as any)).rejects.toThrow("got 'colour'");
  });

  test('takes calls in their order, awaited or not', async () => {
    using model = await sasrec({ positions: learnedFromStart() })(30);
    using session = await model.session();
    const answers: Promise<Recommendation[]>[] = [];
    for (let t = 0; t < 12; t += 3) {
      session.push(events[t] as string);
      session.push(...events.slice(t + 1, t + 3));
      answers.push(session.recommend({ k: 4 }));
    }
    for (const [i, answer] of (await Promise.all(answers)).entries()) {
      expectSame(answer, await model.recommend(events.slice(0, 3 * i + 3), { k: 4 }));
    }
  });

  test('without an event answers as to an empty history', async () => {
    using popular = await counted(() => new Popularity({ items }))();
    expect(await (await popular.session()).recommend({ k: 3 })).toEqual(await popular.recommend([], { k: 3 }));
    using model = await sasrec({ positions: learnedFromStart() })();
    await expect((await model.session()).recommend()).rejects.toThrow('at least one item');
  });

  test('takes no call when it is disposed of, nor when its model is', async () => {
    using model = await sasrec({ positions: learnedFromStart() })();
    const session = await model.session();
    await session.push('item 1');
    const before = tf.memory().numTensors;
    const answer = session.recommend();
    session.dispose();
    session.dispose();
    expect(await answer).toHaveLength(10);
    expect(tf.memory().numTensors).toBe(before);
    await expect(session.push('item 1')).rejects.toThrow('This session was disposed of');
    await expect(session.recommend()).rejects.toThrow('This session was disposed of');
    const other = await model.session();
    await other.push('item 1');
    await other.recommend();
    model.dispose();
    await expect(other.recommend()).rejects.toThrow('was disposed of with the model');
    other.dispose();
  });
});

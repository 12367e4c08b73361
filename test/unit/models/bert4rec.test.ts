import * as tf from '@tensorflow/tfjs-core';
import {
  adam,
  BERT4Rec,
  continuousTime,
  evaluate,
  hitRate,
  Interactions,
  Layout,
  learnedFromStart,
  leaveLastOut,
  nextItem,
  prefixes,
  Ragged,
  rotary,
  sampledSoftmax,
  summed,
  transformerBlock,
} from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, use } from '../../support/backends.ts';

/** Walks round a circle of twenty items. */
const log = Interactions.from(
  Array.from({ length: 60 }, (_, user) =>
    Array.from({ length: 4 + (user % 9) }, (_, t) => ({ user, item: (user * 3 + t) % 20, time: 100 * t + user })),
  ).flat(),
);

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));
  const make = (options: Partial<ConstructorParameters<typeof BERT4Rec>[0]> = {}) =>
    new BERT4Rec({ items: log.items, maxLength: 8, dim: 8, layers: 1, ...options }).init(4);

  test('answers by the state of a [MASK] after the most recent maxLength - 1 events', async () => {
    using model = make({ layers: 2 });
    const histories = Ragged.from([[1, 2, 3], [5], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]);
    const asked = Ragged.from([
      [1, 2, 3, 20],
      [5, 20],
      [4, 5, 6, 7, 8, 9, 10, 20],
    ]);
    using layout = new Layout(asked);
    const states = tf.tidy(() => {
      const rows = tf.gather(model.encode(asked, layout), tf.tensor1d([3, 5, 13], 'int32'));
      const { weight, bias } = model.output();
      const table = (weight as typeof model.items.weight).value;
      return tf.add(tf.matMul(rows, table, false, true), (bias as typeof model.items.weight).value);
    });
    const [found, expected] = [await model.scores(histories), await states.data()];
    expect(found).toHaveLength(60);
    found.forEach((score, i) => {
      expect(score).toBeCloseTo(expected[i] as number, 4);
    });
    states.dispose();
  });

  test('a table of items alone is scored, with gradients for the rows that were read', async () => {
    using model = make();
    expect(model.mask).toBe(20);
    expect(model.output().weight).toBe(model.items.weight);
    expect(model.items.weight.shape).toEqual([20, 8]);
    const before = tf.memory().numTensors;
    await model.fit(log, { epochs: 2, loss: sampledSoftmax({ negatives: 5 }) });
    expect(tf.memory().numTensors).toBe(before);
  });

  test('every event reads all others, so objectives that ask for a later event of the inputs are refused', async () => {
    using model = make();
    await expect(model.fit(log, { objective: nextItem(), epochs: 1 })).rejects.toThrow(
      'The states of BERT4Rec read the events that nextItem asks for: use cloze() or prefixes().',
    );
    await model.fit(log, { objective: prefixes(), epochs: 1 });
  });

  test.skipIf(backend === 'cpu')('learns what comes next', async () => {
    const { train, test: held } = leaveLastOut(log);
    using model = make({ dropout: 0, dim: 16 });
    await model.fit(train, { epochs: 150, batchSize: 16, optimizer: adam({ learningRate: 0.005 }) });
    const { metrics } = await evaluate(model, held, { metrics: [hitRate(3)], excludeSeen: false });
    expect(metrics['HR@3']).toBeGreaterThan(0.8);
  });

  test('explains by the events that it read, and follows a session', async () => {
    using model = make();
    const history = log.items.ids.slice(0, 12);
    const { events } = await model.explain(history);
    expect(events.map(({ item }) => item)).toEqual(history.slice(-7));
    const shares = events.map(({ attention }) => attention as number);
    expect(shares.every((share) => share > 0 && share < 1)).toBe(true);
    using session = await model.session();
    await session.push(...history);
    expect(await session.recommend({ k: 3 })).toEqual(
      await model.recommend(history.slice(-7), { k: 3, exclude: history }),
    );
  });

  test('[MASK] has the time of the event before it; positions may be in the attention', async () => {
    using model = make({
      positions: summed({ of: [learnedFromStart(), continuousTime()] }),
      block: transformerBlock({ positions: rotary() }),
    });
    await model.fit(log, { epochs: 1 });
    const scores = await model.scores(log.sequences.take([0, 5]));
    expect(scores.every(Number.isFinite)).toBe(true);
    await expect(model.scores(Ragged.from([[1, 2]]))).rejects.toThrow('reads the times of the events');
  });
});

test('refuses a maxLength without room for an event', () => {
  expect(() => new BERT4Rec({ items: log.items, maxLength: 1 })).toThrow(
    'maxLength must be an integer at least 2, got 1',
  );
});

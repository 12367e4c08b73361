import * as tf from '@tensorflow/tfjs-core';
import { Caser, evaluate, Interactions, Layout, leaveLastOut, ndcg, Ragged, SASRec } from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, use } from '../../support/backends.ts';

const users = ['ann', 7, '7', 'eve'];
const log = Interactions.from(
  users.flatMap((user, u) =>
    Array.from({ length: 5 + u }, (_, t) => ({ user, item: `sku-${(u * 3 + t) % 11}`, time: t })),
  ),
);
const options = { items: log.items, maxLength: 4, dim: 5, verticalFilters: 2, horizontalFilters: 3 };
const personal = () => new Caser({ ...options, users: log.users }).init(1);

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));

  test('a free place of the window reads the last row of the item table', async () => {
    using model = new Caser(options).init(1);
    using explicit = new Caser({ ...options, items: log.items }).init(1);
    const free = log.items.size;
    const short = Ragged.from([[3], [2, 5]]);
    const whole = Ragged.from([
      [free, free, free, 3],
      [free, free, 2, 5],
    ]);
    const states = async (of: Caser, events: Ragged) => {
      using layout = new Layout(events);
      const y = of.encode(events, layout, undefined, layout.last());
      const values = await y.data();
      y.dispose();
      return values;
    };
    expect(await states(model, short)).toEqual(await states(explicit, whole));
  });

  test('the states of all rows and of the last ones agree', async () => {
    using model = personal();
    const events = new Ragged(
      Int32Array.of(0, 6, 7),
      { item: Int32Array.of(0, 1, 2, 3, 4, 5, 6) },
      { user: Int32Array.of(2, 0) },
    );
    const before = tf.memory().numTensors;
    const layout = new Layout(events, { capacity: 9 });
    const [all, last] = tf.tidy(() => [
      model.encode(events, layout),
      model.encode(events, layout, undefined, layout.last()),
    ]);
    expect(all.shape).toEqual([9, 10]);
    const [rows, asked] = [(await all.array()) as number[][], (await last.array()) as number[][]];
    for (const [b, row] of [5, 6].entries()) {
      for (const [i, value] of (asked[b] as number[]).entries()) expect(value).toBeCloseTo(rows[row]?.[i] as number, 6);
    }
    tf.dispose([all, last]);
    layout.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('each user has an answer of their own, and no user the mean of all', async () => {
    using model = personal();
    const history = ['sku-2', 'sku-4'];
    const options = { k: 11, excludeSeen: false };
    const scores = async (of: object) =>
      new Map((await model.recommend(history, { ...options, ...of })).map(({ item, score }) => [item, score]));
    const each = await Promise.all(users.map((user) => scores({ user })));
    expect(each[1]).not.toEqual(each[2]);
    for (const of of [{}, { user: 'nobody' }, { user: undefined }]) {
      for (const [item, score] of await scores(of)) {
        const mean = each.reduce((sum, one) => sum + (one.get(item) as number), 0) / users.length;
        expect(score).toBeCloseTo(mean, 5);
      }
    }
    const many = await model.recommendMany([history, history, history], {
      ...options,
      users: ['eve', undefined, 'ann'],
    });
    expect(many[0]).toEqual(await model.recommend(history, { ...options, user: 'eve' }));
    expect(many[2]?.map(({ item }) => item)).toEqual([...(each[0] as Map<unknown, number>).keys()]);
  });

  test('sessions, explanations and files know the user, too', async () => {
    using model = personal();
    using session = await model.session();
    await session.push('sku-2', 'sku-4');
    const expected = await model.recommend(['sku-2', 'sku-4'], { user: 'eve', k: 3 });
    expect(await session.recommend({ user: 'eve', k: 3 })).toEqual(expected);
    using loaded = await Caser.load(await model.save());
    expect(await loaded.recommend(['sku-2', 'sku-4'], { user: 'eve', k: 3 })).toEqual(expected);
    expect(loaded.users?.ids).toEqual(log.users);
    const why = await model.explain(['sku-2', 'sku-4'], { user: 'eve' });
    expect(why.item).toBe(expected[0]?.item);
    expect(why.score).toBeCloseTo(expected[0]?.score as number, 5);
  });

  test('evaluation reads the users of the histories', async () => {
    using model = personal();
    const { test: held } = leaveLastOut(log);
    const { user: _, ...rest } = held.histories.sequences;
    const anonymous = { ...held, histories: new Ragged(held.histories.offsets, held.histories.events, rest) };
    const scores = (of: typeof held) => model.scores(of.histories);
    expect(await scores(held)).not.toEqual(await scores(anonymous));
    await evaluate(model, held, { metrics: [ndcg(5)] });
  });
});

describe('what does not fit', () => {
  beforeAll(() => use('cpu'));

  test('users of other data', async () => {
    using model = personal();
    const other = Interactions.from(
      [...log].filter(({ user }) => user !== 'eve'),
      { catalog: log.items },
    );
    await expect(model.fit(other)).rejects.toThrow(
      'The model was made for 4 users and the data has others (3): build the model with { users: data.users }.',
    );
  });

  test('a holdout of other data', async () => {
    using model = personal();
    const other = Interactions.from(
      [...log].filter(({ user }) => user !== 'ann'),
      { catalog: log.items },
    );
    await expect(evaluate(model, leaveLastOut(other).test, { metrics: [ndcg(5)] })).rejects.toThrow(
      'The model was made for 4 users and the holdout has others (3)',
    );
  });

  test('strangers, where they are to be refused', async () => {
    using model = personal();
    await expect(model.recommend(['sku-2'], { user: 'zoe', unknown: 'error' })).rejects.toThrow(
      "Every user must be one of the 4 of the model, got 'zoe': leave it out or pass { unknown: 'drop' }.",
    );
    await expect(model.recommendMany([['sku-2']], { users: ['ann', 'eve'] })).rejects.toThrow(
      'users must have one user for each of 1 histories, got 2.',
    );
  });

  test('a user where the model knows none', async () => {
    using model = new Caser(options).init(1);
    using other = new SASRec({ items: log.items, dim: 4 }).init(1);
    await expect(model.recommend(['sku-2'], { user: 'ann' })).rejects.toThrow(
      'This Caser has no vectors of users: leave out the user.',
    );
    using session = await other.session();
    await session.push('sku-2');
    await expect(session.recommend({ user: 'ann' })).rejects.toThrow('This SASRec has no vectors of users');
  });

  test('users twice', () => {
    expect(() => new Caser({ ...options, users: ['ann', 'ann'] })).toThrow("got 'ann' in row 0 and row 1");
  });
});

test('training repeats with its seed and leaves no tensor', async () => {
  await use('cpu');
  const before = tf.memory().numTensors;
  const settings = { epochs: 2, batchSize: 4, seed: 5 };
  const run = async () => {
    using model = new Caser({ ...options, users: log.users, dropout: 0.3 });
    const { epochs } = await model.fit(log, settings);
    return epochs;
  };
  const [once, again] = [await run(), await run()];
  expect(once.map(({ loss }) => loss)).toEqual(again.map(({ loss }) => loss));
  expect(tf.memory().numTensors).toBe(before);
});

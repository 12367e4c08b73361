/** FOSSIL and FPMC against their equations in double precision. */
import * as tf from '@tensorflow/tfjs-core';
import { adam, Catalog, FOSSIL, FPMC, Interactions, Layout, Ragged, Rng, type SequenceModel, tiedOutput } from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, use } from '../../support/backends.ts';

const V = 7;
const items = new Catalog([...Array(V).keys()]);
const users = ['ann', 'bob', 'eve'];
const lists = [[3], [0, 1, 2, 3, 4, 5, 6, 0, 1], [2, 2], [6, 5, 4]];
/** The last history is of nobody. */
const user = Int32Array.of(0, 2, 1, -1);
const { offsets, events } = Ragged.from(lists);
const histories = new Ragged(offsets, events, { user });

/** Parameters away from 0, and their values by path as rows. */
async function filled(model: SequenceModel): Promise<(path: string) => number[][]> {
  const values = new Map<string, number[][]>();
  for (const [path, parameter] of model.parameters()) {
    const data = new Rng(5).fork(path).normals(new Float32Array(parameter.size), 0, 1);
    parameter.set(data);
    const columns = parameter.shape.length > 1 ? (parameter.shape[1] as number) : 1;
    const rows = Array.from({ length: data.length / columns }, (_, r) => [
      ...data.subarray(r * columns, (r + 1) * columns),
    ]);
    values.set(path, rows);
  }
  return (path) => values.get(path) as number[][];
}

const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
const add = (a: number[], b: number[], by = 1) => a.map((x, i) => x + by * (b[i] as number));
const mean = (rows: number[][]) => rows.reduce((sum, row) => add(sum, row)).map((x) => x / rows.length);

/** [name, model, the state after the events `list` of a user's row or -1] */
const table: [
  string,
  () => SequenceModel,
  (of: (path: string) => number[][], list: number[], row: number) => number[],
][] = [];
for (const known of [true, false]) {
  const who = known ? { users } : {};
  const personal = (of: (path: string) => number[][], row: number) =>
    row < 0 ? mean(of('users.weight')) : (of('users.weight')[row] as number[]);
  table.push([
    `FPMC ${known ? 'with' : 'without'} users`,
    () => new FPMC({ items, ...who, dim: 5 }),
    (of, list, row) => {
      const li = of('items.weight')[list.at(-1) as number] as number[];
      return known ? [...personal(of, row), ...li] : li;
    },
  ]);
  for (const order of [1, 4]) {
    table.push([
      `FOSSIL of order ${order} ${known ? 'with' : 'without'} users`,
      () => new FOSSIL({ items, ...who, dim: 5, order, alpha: 0.3, ...(order === 1 && { output: tiedOutput() }) }),
      (of, list, row) => {
        const vectors = list.map((item) => of('items.weight')[item] as number[]);
        let state = new Array(5).fill(0);
        for (const vector of vectors) state = add(state, vector, list.length ** -0.3);
        for (let back = 1; back <= Math.min(order, list.length); back++) {
          const at = order - back;
          const own = known ? (personal(of, row)[at] as number) : 0;
          state = add(state, vectors.at(-back) as number[], (of('chain')[at]?.[0] as number) + own);
        }
        return state;
      },
    ]);
  }
}

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));

  test.each(table)('%s', async (_name, make, stateOf) => {
    const before = tf.memory().numTensors;
    using model = make();
    const of = await filled(model);
    const { weight, bias } = model.output();
    const table = of([...model.parameters()].find(([, parameter]) => parameter === weight)?.[0] as string);
    const biases = bias ? of('head.bias') : undefined;

    const scores = await model.scores(histories);
    lists.forEach((list, b) => {
      const state = stateOf(of, list, user[b] as number);
      table.forEach((row, item) => {
        const score = dot(state, row) + (biases?.[item]?.[0] ?? 0);
        expect(scores[b * V + item]).toBeCloseTo(score, 4);
      });
    });

    // Every event's state is that of the history up to it, whatever follows, and rows past the last one do not matter.
    for (const capacity of [histories.rows, histories.rows + 3]) {
      using layout = new Layout(histories, { capacity });
      const states = tf.tidy(() => model.encode(histories, layout));
      expect(states.shape[0]).toBe(capacity);
      const values = await states.data();
      const width = states.shape[1] as number;
      states.dispose();
      lists.forEach((list, b) => {
        list.forEach((_, t) => {
          const state = stateOf(of, list.slice(0, t + 1), user[b] as number);
          const at = ((offsets[b] as number) + t) * width;
          state.forEach((value, d) => {
            expect(values[at + d]).toBeCloseTo(value, 4);
          });
        });
      });
    }
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('training with users learns what each of them likes', async () => {
    // After tea, ann takes milk and bob takes lemon.
    const rows = ['ann', 'bob'].flatMap((user) =>
      Array.from({ length: 20 }, (_, t) => ({ user, item: t % 2 === 0 ? 'tea' : user === 'ann' ? 'milk' : 'lemon' })),
    );
    const log = Interactions.from(rows);
    using model = new FPMC({ items: log.items, users: log.users, dim: 4 });
    await model.fit(log, { epochs: 60, seed: 1, optimizer: adam({ learningRate: 0.05 }) });
    const loaded = await FPMC.load(await model.save());
    for (const each of [model, loaded]) {
      expect((await each.recommend(['tea'], { user: 'ann', k: 1 }))[0]?.item).toBe('milk');
      expect((await each.recommend(['tea'], { user: 'bob', k: 1 }))[0]?.item).toBe('lemon');
      expect(await each.recommend(['tea'], { user: 'eve' })).toEqual(await each.recommend(['tea']));
    }
    loaded.dispose();
    const others = Interactions.from([...rows, { user: 'eve', item: 'tea' }], { catalog: log.items });
    await expect(async () => model.fit(others)).rejects.toThrow('made for 2 users and the data has others (3)');
  });
});

test('options are checked', () => {
  expect(() => new FPMC({ items, dim: 0 })).toThrow('dim must be');
  expect(() => new FOSSIL({ items, order: 9, maxLength: 5 })).toThrow('order must be');
  expect(() => new FOSSIL({ items, alpha: 2 })).toThrow('alpha must be');
});

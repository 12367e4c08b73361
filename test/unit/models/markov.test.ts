/** The Markov models against counting by hand. */
import fc from 'fast-check';
import { Catalog, Interactions, MarkovChain, MultiStepMarkov, Ragged, type TensorData } from 'seqrec';
import { describe, expect, test } from 'vitest';
import { PairIndex } from '../../../src/core/pair-index.ts';
import { readModelFile, writeModelFile } from '../../../src/io/model-file.ts';

const items = new Catalog([0, 1, 2, 3, 4]);
const logs = fc.array(fc.array(fc.nat(4), { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 8 });
const logOf = (lists: number[][]) => new Interactions(items, [...lists.keys()], Ragged.from(lists));

test('pairs are numbered in order of appearance', () => {
  const integer = fc.oneof(fc.nat(5), fc.integer());
  fc.assert(
    fc.property(fc.array(fc.tuple(integer, integer), { maxLength: 200 }), (pairs) => {
      const index = new PairIndex();
      const expected = new Map<string, number>();
      for (const [a, b] of pairs) {
        const key = `${a},${b}`;
        expect(index.find(a, b)).toBe(expected.get(key) ?? -1);
        if (!expected.has(key)) expected.set(key, expected.size);
        expect(index.add(a, b)).toBe(expected.get(key));
      }
      for (const [key, number] of expected) expect(`${index.first(number)},${index.second(number)}`).toBe(key);
      expect(index.size).toBe(expected.size);
    }),
  );
});

describe('MarkovChain', () => {
  /** What followed `context`, with counts, in order of first appearance. */
  function followers(lists: number[][], context: number[]): [next: number, count: number][] {
    const counts = new Map<number, number>();
    for (const list of lists) {
      for (let end = context.length; end < list.length; end++) {
        if (context.some((row, i) => row !== list[end - context.length + i])) continue;
        const next = list[end] as number;
        counts.set(next, (counts.get(next) ?? 0) + 1);
      }
    }
    return [...counts];
  }

  test('scores and lists are shares of the occurrences that something followed', async () => {
    const queries = fc.array(fc.array(fc.nat(4), { maxLength: 5 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        logs,
        queries,
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 6 }),
        async (lists, histories, order, k) => {
          fc.pre(lists.some((list) => list.length > order));
          const model = new MarkovChain({ items, order });
          await model.fit(logOf(lists));
          const exclude = Ragged.from(histories.map((history) => history.slice(0, 1)));
          const scores = await model.scores(Ragged.from(histories));
          const best = await model.topK(Ragged.from(histories), k, { exclude });
          histories.forEach((history, b) => {
            const after = history.length < order ? [] : followers(lists, history.slice(-order));
            const total = after.reduce((sum, [, count]) => sum + count, 0);
            const row = new Array(5).fill(0);
            for (const [next, count] of after) row[next] = Math.fround(count / total);
            expect([...scores.subarray(b * 5, (b + 1) * 5)]).toEqual(row);
            const wanted = after.filter(([next]) => next !== history[0]).sort(([, x], [, y]) => y - x);
            const rows = wanted.slice(0, k).map(([next]) => next);
            expect([...best.items.subarray(b * k, (b + 1) * k)]).toEqual([
              ...rows,
              ...new Array(k - rows.length).fill(-1),
            ]);
          });
        },
      ),
    );
  });

  test('the transitions can be read', async () => {
    const log = Interactions.from([...'abacab'].map((item) => ({ user: 1, item })));
    const model = new MarkovChain({ items: log.items, order: 2 });
    expect(await model.fit(log)).toEqual({ sequences: 1, events: 6, counts: { contexts: 4, transitions: 4 } });
    expect(model.transitions()).toEqual([
      { context: ['a', 'b'], next: 'a', count: 1, probability: 1 },
      { context: ['b', 'a'], next: 'c', count: 1, probability: 1 },
      { context: ['a', 'c'], next: 'a', count: 1, probability: 1 },
      { context: ['c', 'a'], next: 'b', count: 1, probability: 1 },
    ]);
  });

  test('no list after an unknown context or a short history', async () => {
    const log = logOf([
      [0, 1, 2],
      [1, 2, 3],
    ]);
    const model = new MarkovChain({ items, order: 2 });
    await model.fit(log);
    expect(await model.recommendMany([[], [1], [2, 1], [4, 4], ['x', 9]])).toEqual([[], [], [], [], []]);
    expect(await model.recommend([0, 1])).toEqual([{ item: 2, score: 1 }]);
    expect(await model.recommend([2, 0, 1])).toEqual([]);
    expect(await model.recommend([2, 0, 1], { excludeSeen: false })).toEqual([{ item: 2, score: 1 }]);
  });

  test('partialFit counts on as if the sequences had been there; a file holds it all', async () => {
    await fc.assert(
      fc.asyncProperty(logs, logs, fc.integer({ min: 1, max: 3 }), async (first, second, order) => {
        fc.pre(first.some((list) => list.length > order));
        const whole = new MarkovChain({ items, order });
        await whole.fit(logOf([...first, ...second]));
        const saved = new MarkovChain({ items, order });
        await saved.fit(logOf(first));
        const loaded = await MarkovChain.load(await saved.save());
        expect(loaded.order).toBe(order);
        await loaded.partialFit(logOf(second));
        expect(loaded.transitions()).toEqual(whole.transitions());
      }),
      { numRuns: 30 },
    );
  });

  test('a model without counts, or with an order that no sequence has, says so', async () => {
    const model = new MarkovChain({ items, order: 3 });
    await model.fit(logOf([[1, 2, 3]]));
    await expect(model.recommend([1])).rejects.toThrow('holds no counts: call fit first, with sequences long enough');
    expect(() => new MarkovChain({ items, order: 0 })).toThrow('order must be an integer at least 1, got 0');
  });

  test('damaged tables are refused', async () => {
    const model = new MarkovChain({ items, order: 1 });
    await model.fit(logOf([[0, 1, 2, 1, 0]]));
    const contents = readModelFile(await model.save());
    const load = (change: Record<string, TensorData['data']>) => {
      const tensors = [...contents.tensors].map(([name, tensor]) => {
        const data = change[name] ?? tensor.data;
        const shape = name === 'contexts' ? [data.length, 1] : [data.length];
        return [name, { ...tensor, shape, data } as TensorData] as const;
      });
      return MarkovChain.load(writeModelFile({ ...contents, tensors: new Map(tensors) }));
    };
    expect((await load({})).transitions()).toEqual(model.transitions());
    const ints = (...values: number[]) => Int32Array.of(...values);
    const floats = (...values: number[]) => Float64Array.of(...values);
    await expect(load({ offsets: ints(0, 1) })).rejects.toThrow('3 contexts, 2 offsets');
    await expect(load({ offsets: ints(0, 1, 3, 5) })).rejects.toThrow('do not span');
    await expect(load({ offsets: ints(0, 3, 1, 4) })).rejects.toThrow('the offsets go from 3 to 1');
    await expect(load({ offsets: ints(0, 1, 1, 4) })).rejects.toThrow('the offsets go from 1 to 1');
    await expect(load({ next: ints(1, 2, 0, 5) })).rejects.toThrow('row 5 is not one of the 5 items');
    await expect(load({ next: ints(1, -1, 0, 1) })).rejects.toThrow('row -1');
    await expect(load({ next: ints(1, 2, 2, 1) })).rejects.toThrow('there twice');
    await expect(load({ contexts: ints(0, 0, 2) })).rejects.toThrow('there twice');
    await expect(load({ contexts: ints(0, 9, 2) })).rejects.toThrow('rows of the catalogue, the file has 9');
    await expect(load({ weight: floats(1, 0, 1, 1) })).rejects.toThrow('a weight is 0');
    await expect(load({ weight: floats(1, Number.NaN, 1, 1) })).rejects.toThrow('a weight is NaN');
  });
});

describe('MultiStepMarkov', () => {
  test('scores are rules weighted by distance, and a share of popularity', async () => {
    await fc.assert(
      fc.asyncProperty(
        logs,
        fc.array(fc.nat(4), { maxLength: 6 }),
        fc.integer({ min: 1, max: 4 }),
        async (lists, history, steps) => {
          const model = new MultiStepMarkov({ items, steps, popularity: 0.01 });
          await model.fit(logOf(lists));
          const events = [0, 1, 2, 3, 4].map((row) => lists.flat().filter((other) => other === row).length);
          const expected = events.map((count) => (0.01 * count) / Math.max(...events));
          for (let d = 1; d <= Math.min(steps, history.length); d++) {
            const a = history[history.length - d];
            for (const list of lists) {
              list.forEach((from, i) => {
                for (let e = 1; e <= steps && i + e < list.length; e++) {
                  const to = list[i + e] as number;
                  if (from === a) expected[to] = (expected[to] as number) + 1 / (d * d) / (e * e);
                }
              });
            }
          }
          const scores = await model.scores(Ragged.from([[], history]));
          expect([...scores.subarray(5)]).toEqual(expected.map((score) => expect.closeTo(score, 5)));
          const loaded = await MultiStepMarkov.load(await model.save());
          expect([loaded.steps, loaded.popularity]).toEqual([steps, 0.01]);
          expect(await loaded.scores(Ragged.from([[], history]))).toEqual(scores);
        },
      ),
    );
  });

  test('with one step it ranks as a Markov chain does, with popularity below', async () => {
    const log = logOf([
      [0, 1, 2, 3],
      [0, 1, 3],
      [0, 2, 4],
      [4, 3, 3],
    ]);
    const [model, chain] = [new MultiStepMarkov({ items, steps: 1 }), new MarkovChain({ items })];
    await model.fit(log);
    await chain.fit(log);
    const list = async (of: MarkovChain | MultiStepMarkov) => (await of.recommend([0])).map(({ item }) => item);
    expect(await list(chain)).toEqual([1, 2]);
    expect(await list(model)).toEqual([1, 2, 3, 4]);
    expect((await model.recommend([])).map(({ item }) => item)).toEqual([3, 0, 1, 2, 4]);
  });

  test('damaged tables are refused', async () => {
    const model = new MultiStepMarkov({ items, steps: 1 });
    await model.fit(logOf([[0, 1, 2]]));
    const contents = readModelFile(await model.save());
    const load = (name: string, data: Int32Array | Float64Array) => {
      const tensor = { ...contents.tensors.get(name), shape: [data.length], data } as TensorData;
      return MultiStepMarkov.load(
        writeModelFile({ ...contents, tensors: new Map([...contents.tensors, [name, tensor]]) }),
      );
    };
    await expect(load('contexts', Int32Array.of(0, 5))).rejects.toThrow('a row of the catalogue, the file has 5');
    await expect(load('events', Float64Array.of(1, 1, 1, 0, 0.5))).rejects.toThrow(
      'A count must be an integer from 0, the file has 0.5',
    );
    await expect(load('events', Float64Array.of(1))).rejects.toThrow('events is F64 [1] but must be F64 [5]');
  });
});

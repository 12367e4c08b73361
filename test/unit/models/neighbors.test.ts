/** Rules and neighbours against counting by hand, in double precision. */
import fc from 'fast-check';
import {
  AssociationRules,
  Catalog,
  type Decay,
  exponentialDecay,
  Interactions,
  ItemKNN,
  inverseDecay,
  linearDecay,
  logDecay,
  noDecay,
  paperForm,
  quadraticDecay,
  Ragged,
  SequentialRules,
  STAN,
  type STANOptions,
  sessionRecForm,
  shareDecay,
  sharingAny,
  sharingLast,
  type TensorData,
  VSKNN,
  type VSKNNOptions,
} from 'seqrec';
import { describe, expect, test } from 'vitest';
import { readModelFile, writeModelFile } from '../../../src/io/model-file.ts';
import { keepLargest } from '../../../src/models/counts/keep-largest.ts';
import { SessionIndex } from '../../../src/models/counts/session-index.ts';

const V = 6;
const items = new Catalog([0, 1, 2, 3, 4, 5]);

interface Session {
  rows: number[];
  time: number;
}

const sessions = fc.array(
  fc.record({ rows: fc.array(fc.nat(V - 1), { minLength: 1, maxLength: 7 }), time: fc.nat(20) }),
  { minLength: 1, maxLength: 25 },
);
const history = fc.array(fc.nat(V - 1), { minLength: 1, maxLength: 7 });

/** The events of a session are one unit of time apart, the last at its time. */
function logOf(list: Session[]): Interactions {
  const { offsets, item } = Ragged.from(list.map(({ rows }) => rows));
  const time = Float64Array.from(list.flatMap(({ rows, time }) => rows.map((_, i) => time - rows.length + 1 + i)));
  return new Interactions(items, [...list.keys()], new Ragged(offsets, { item, time }));
}

function timed(rows: number[], time: number): Ragged {
  return new Ragged(Int32Array.of(0, rows.length), {
    item: Int32Array.from(rows),
    time: new Float64Array(rows.length).fill(time),
  });
}

function expectClose(got: Float32Array, wanted: ArrayLike<number>): void {
  expect(got).toHaveLength(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    const value = wanted[i] as number;
    expect(Math.abs((got[i] as number) - value), `${got} is not ${[...Array.from(wanted)]}`).toBeLessThanOrEqual(
      1e-6 + 1e-6 * Math.abs(value),
    );
  }
}

test('a decay falls as its source says', () => {
  const table: [Decay, number[]][] = [
    [noDecay(), [1, 1, 1, 1]],
    [inverseDecay(), [1, 1 / 2, 1 / 3, 1 / 4]],
    [quadraticDecay(), [1, 1 / 4, 1 / 9, 1 / 16]],
    [linearDecay(), [0.9, 0.8, 0.7, 0.6]],
    [logDecay(), [1, 2, 3, 4].map((step) => 1 / Math.log10(step + 1.7))],
    [shareDecay(), [1, 0.75, 0.5, 0.25]],
    [shareDecay({ power: 2 }), [1, 0.5625, 0.25, 0.0625]],
    [exponentialDecay({ scale: 2 }), [1, Math.exp(-0.5), Math.exp(-1), Math.exp(-1.5)]],
  ];
  for (const [decay, weights] of table) {
    weights.forEach((weight, i) => {
      expect(decay.weight(i + 1, 4)).toBeCloseTo(weight, 12);
    });
  }
  expect(linearDecay().weight(11, 20)).toBe(0);
  expect(() => exponentialDecay({ scale: 0 })).toThrow('exponentialDecay: scale must be');
  expect(() => shareDecay({ power: -1 })).toThrow('shareDecay: power must be');
});

test('the largest keys are kept, of equal ones those of the larger values', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { minLength: 1, maxLength: 60 }), fc.nat(60), (given, most) => {
      const k = Math.min(most, given.length);
      const [keys, values] = [Float64Array.from(given), Int32Array.from(given.keys())];
      keepLargest(keys, values, given.length, k);
      const order = [...given.keys()].sort((a, b) => (given[b] as number) - (given[a] as number) || b - a);
      expect([...values.subarray(0, k)].sort((a, b) => a - b)).toEqual(order.slice(0, k).sort((a, b) => a - b));
      values.forEach((value, i) => {
        expect(keys[i]).toBe(given[value]);
      });
    }),
  );
});

describe('rules', () => {
  type Pairs = Map<string, number>;
  const bump = (pairs: Pairs, a: number, b: number, by: number) =>
    void pairs.set(`${a} ${b}`, (pairs.get(`${a} ${b}`) ?? 0) + by);

  function naive(list: Session[], mine: (pairs: Pairs, rows: number[]) => void): Pairs {
    const pairs: Pairs = new Map();
    for (const { rows } of list) mine(pairs, rows);
    return pairs;
  }

  /** The scores after `from`: the first `keep` rules by strength, in the order in which they were first seen. */
  function scoresOf(pairs: Pairs, from: number, keep: number, strength: (weight: number, to: number) => number) {
    const rules = [...pairs].filter(([key]) => key.startsWith(`${from} `));
    const list = rules.map(([key, weight]) => {
      const to = Number(key.split(' ')[1]);
      return { to, score: strength(weight, to) };
    });
    return list.sort((a, b) => b.score - a.score).slice(0, keep);
  }

  const models = {
    AssociationRules: {
      make: (keep: number) => new AssociationRules({ items, keep }),
      load: (file: Uint8Array) => AssociationRules.load(file),
      mine: (pairs: Pairs, rows: number[]) => {
        for (let i = 0; i < rows.length; i++) {
          for (let j = 0; j < i; j++) {
            bump(pairs, rows[i] as number, rows[j] as number, 1);
            bump(pairs, rows[j] as number, rows[i] as number, 1);
          }
        }
      },
    },
    SequentialRules: {
      make: (keep: number) => new SequentialRules({ items, keep, steps: 3, decay: quadraticDecay() }),
      load: (file: Uint8Array) => SequentialRules.load(file, { parts: { quadraticDecay } }),
      mine: (pairs: Pairs, rows: number[]) => {
        for (let i = 0; i < rows.length; i++) {
          for (let d = 1; d <= 3 && d <= i; d++) bump(pairs, rows[i - d] as number, rows[i] as number, 1 / (d * d));
        }
      },
    },
    ItemKNN: {
      make: (k: number) => new ItemKNN({ items, k, regularization: 2, alpha: 0.3 }),
      load: (file: Uint8Array) => ItemKNN.load(file),
      mine: (pairs: Pairs, rows: number[]) => {
        for (const a of new Set(rows)) {
          for (const b of new Set(rows)) if (a !== b) bump(pairs, a, b, rows.filter((row) => row === a).length);
        }
      },
    },
  };

  test.each(Object.entries(models))('%s', async (name, { make, load, mine }) => {
    await fc.assert(
      fc.asyncProperty(
        sessions,
        sessions,
        history,
        fc.integer({ min: 1, max: 6 }),
        async (first, second, rows, keep) => {
          const list = [...first, ...second];
          const pairs = naive(list, mine);
          fc.pre(naive(first, mine).size > 0);
          const saved = make(keep);
          await saved.fit(logOf(first));
          await saved.scores(Ragged.from([rows])); // what was asked must not outlive partialFit
          const model = await load(await saved.save());
          for (const each of [saved, model]) {
            await each.partialFit(logOf(second));
            const events = (row: number) =>
              list.flatMap((session) => session.rows).filter((other) => other === row).length;
            const from = rows.at(-1) as number;
            const rules = scoresOf(pairs, from, keep, (weight, to) =>
              name === 'ItemKNN' ? weight / ((events(from) + 2) ** 0.3 * (events(to) + 2) ** 0.7) : weight,
            );
            const unit = name === 'ItemKNN' ? 1 : (rules[0]?.score ?? 1);
            const scores = new Array(V).fill(0);
            for (const { to, score } of rules) scores[to] = score / unit;
            expectClose(await each.scores(Ragged.from([rows])), scores);
            const best = await each.topK(Ragged.from([rows]), 3, { exclude: Ragged.from([[0]]) });
            const wanted = rules.filter(({ to }) => to !== 0).slice(0, 3);
            const scoresOfList = [...best.scores].filter((score) => score > -Infinity);
            expect(scoresOfList).toEqual([...scoresOfList].sort((a, b) => b - a));
            expectClose(
              Float32Array.from(scoresOfList),
              wanted.map(({ score }) => score / unit),
            );
          }
        },
      ),
    );
  });

  test('of equal rules the first seen goes first, and `keep` cuts in that order', async () => {
    const log = logOf([
      { rows: [0, 3], time: 1 },
      { rows: [0, 2], time: 2 },
      { rows: [0, 1], time: 3 },
    ]);
    const model = new SequentialRules({ items, keep: 2 });
    expect(await model.fit(log)).toEqual({ sequences: 3, events: 6, counts: { items: 1, rules: 3 } });
    expect((await model.recommend([0])).map(({ item }) => item)).toEqual([3, 2]);
    const all = new SequentialRules({ items, keep: null });
    await all.fit(log);
    expect((await all.recommend([0])).map(({ item }) => item)).toEqual([3, 2, 1]);
    expect(await all.recommend([3])).toEqual([]);
    expect(await all.recommend([])).toEqual([]);
  });

  test('options are checked', () => {
    expect(() => new AssociationRules({ items, keep: 0 })).toThrow('keep must be an integer at least 1, got 0.');
    expect(() => new SequentialRules({ items, decay: 'div' as never })).toThrow('decay must be a decay such as');
    expect(() => new ItemKNN({ items, alpha: 2 })).toThrow('alpha must be');
  });

  test('a damaged file is refused', async () => {
    const model = new ItemKNN({ items });
    await model.fit(logOf([{ rows: [0, 1], time: 0 }]));
    const broken = async (change: (tensors: Map<string, TensorData>) => void) => {
      const { tensors, ...rest } = readModelFile(await model.save());
      const changed = new Map(tensors);
      change(changed);
      return ItemKNN.load(writeModelFile({ ...rest, tensors: changed }));
    };
    const first = (name: string, value: number) => (tensors: Map<string, TensorData>) => {
      (tensors.get(name)?.data as Float64Array)[0] = value;
    };
    await expect(broken(first('events', 0.5))).rejects.toThrow('A count must be an integer from 0');
    await expect(broken(first('contexts', 9))).rejects.toThrow('A rule must start at a row of the catalogue');
  });
});

/** The sessions from the oldest to the most recent; of equal times in the order of counting. */
function inTime(list: Session[]): Session[] {
  return list
    .map((session, i) => ({ session, i }))
    .sort((a, b) => a.session.time - b.session.time || a.i - b.i)
    .map(({ session }) => session);
}

interface Neighborhood {
  k: number;
  sample: number;
  lastOnly: boolean;
}

/** The neighbours of a query, most similar and then most recent first. */
function neighborsOf(
  list: Session[],
  query: number[],
  { k, sample, lastOnly }: Neighborhood,
  similarity: (session: Session) => number,
): { session: Session; similarity: number }[] {
  const last = query.at(-1) as number;
  const shares = ({ rows }: Session) => (lastOnly ? rows.includes(last) : rows.some((row) => query.includes(row)));
  const recent = inTime(list).filter(shares).slice(-sample).reverse();
  return recent
    .map((session) => ({ session, similarity: similarity(session) }))
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, k);
}

describe('neighbours', () => {
  const neighborhood = fc.record({
    k: fc.integer({ min: 1, max: 8 }),
    sample: fc.integer({ min: 1, max: 12 }),
    lastOnly: fc.boolean(),
  });

  /** Weights are summed in the order of last positions, as in the index, so that equal sums are equal in both. */
  const put = (weights: Map<number, number>, row: number, weight: number) => {
    weights.delete(row);
    weights.set(row, weight);
  };

  /** Whether rounding may decide who is a neighbour: the naive sums are made in another order. */
  const unclear = (found: { similarity: number }[], all: { similarity: number }[]) =>
    found.length < all.length &&
    Math.abs((found.at(-1)?.similarity as number) - (all[found.length]?.similarity as number)) < 1e-12 &&
    found.at(-1)?.similarity !== all[found.length]?.similarity;

  function stan(list: Session[], query: number[], time: number, near: Neighborhood, paper: boolean): number[] | null {
    const [a, b, c] = [1.3, 7, 2.1];
    const L = query.length;
    const weights = new Map<number, number>();
    query.forEach((row, i) => {
      const weight = Math.exp((i + 1 - L) / a);
      put(weights, row, paper ? (weights.get(row) ?? 0) + weight : weight);
    });
    const length = Math.sqrt(paper ? weights.size : [...weights.values()].reduce((sum, w) => sum + w * w, 0));
    const similarity = ({ rows, time: then }: Session) => {
      const own = new Set(rows);
      const shared = [...weights].reduce((sum, [row, weight]) => sum + (own.has(row) ? weight : 0), 0);
      const age = paper ? Math.max(0, time - then) : time - then;
      return (shared / length / Math.sqrt(own.size)) * Math.exp(-age / b);
    };
    const found = neighborsOf(list, query, near, similarity);
    if (unclear(found, neighborsOf(list, query, { ...near, k: 1e9 }, similarity))) return null;
    const scores = new Array(V).fill(0);
    for (const { session, similarity } of found) {
      const { rows } = session;
      const mine = rows.map((row, i) => ({ row, i })).filter(({ row }) => query.includes(row));
      const anchor = paper
        ? rows.lastIndexOf([...query].reverse().find((row) => rows.includes(row)) as number)
        : (mine.at(-1)?.i as number);
      rows.forEach((row, i) => {
        if (paper || rows.lastIndexOf(row) === i) scores[row] += similarity * Math.exp(-Math.abs(i - anchor) / c);
      });
    }
    return scores;
  }

  const stanOf = (near: Neighborhood, paper: boolean, more: Partial<STANOptions> = {}) =>
    new STAN({
      items,
      k: near.k,
      sample: near.sample,
      source: near.lastOnly ? sharingLast() : sharingAny(),
      position: exponentialDecay({ scale: 1.3 }),
      recency: 7,
      proximity: exponentialDecay({ scale: 2.1 }),
      form: paper ? paperForm() : sessionRecForm(),
      ...more,
    });

  test('STAN is its equations, in both forms, counted at once or in two parts', async () => {
    await fc.assert(
      fc.asyncProperty(sessions, sessions, history, fc.nat(25), neighborhood, fc.boolean(), async (...drawn) => {
        const [first, second, query, time, near, paper] = drawn;
        const wanted = stan([...first, ...second], query, time, near, paper);
        fc.pre(wanted !== null);
        const whole = stanOf(near, paper);
        await whole.fit(logOf([...first, ...second]));
        const parts = stanOf(near, paper);
        await parts.fit(logOf(first));
        await parts.scores(timed(query, time));
        const loaded = await STAN.load(await parts.save(), { parts: { paperForm, sharingLast } });
        for (const model of [parts, loaded]) await model.partialFit(logOf(second));
        for (const model of [whole, parts, loaded]) expectClose(await model.scores(timed(query, time)), wanted);
      }),
      { numRuns: 200 },
    );
  });

  test('V-SkNN is its equations', async () => {
    const idf = 0.7;
    await fc.assert(
      fc.asyncProperty(sessions, history, neighborhood, fc.constantFrom(0, idf), async (list, query, near, rarity) => {
        const L = query.length;
        const weights = new Map<number, number>();
        for (const [i, row] of query.entries()) put(weights, row, (i + 1) / L);
        const similarity = ({ rows }: Session) =>
          [...weights].reduce((sum, [row, weight]) => sum + (rows.includes(row) ? weight : 0), 0) / weights.size;
        const found = neighborsOf(list, query, near, similarity);
        fc.pre(!unclear(found, neighborsOf(list, query, { ...near, k: 1e9 }, similarity)));
        const scores = new Array(V).fill(0);
        const events = list.flatMap(({ rows }) => rows);
        for (const { session, similarity } of found) {
          const step = 1 + [...query].reverse().findIndex((row) => session.rows.includes(row));
          for (const row of new Set(session.rows)) {
            const rare = Math.log(list.length / events.filter((other) => other === row).length);
            scores[row] += (similarity / step) * (1 + rarity * rare);
          }
        }
        fc.pre(scores.every((score) => score >= 0));
        const { k, sample, lastOnly } = near;
        const options: VSKNNOptions = { items, k, sample, idf: rarity };
        const model = new VSKNN({ ...options, source: lastOnly ? sharingLast() : sharingAny() });
        await model.fit(logOf(list));
        expectClose(await model.scores(Ragged.from([query])), scores);
      }),
      { numRuns: 200 },
    );
  });

  test('lists are the best of the scores, lower rows first, without what has no vote', async () => {
    await fc.assert(
      fc.asyncProperty(
        sessions,
        history,
        neighborhood,
        fc.integer({ min: 1, max: 8 }),
        async (list, query, near, k) => {
          const model = stanOf(near, false);
          await model.fit(logOf(list));
          const histories = Ragged.from([query, [], query.slice(-1)]);
          const scores = await model.scores(histories);
          const { items: rows } = await model.topK(histories, k, { exclude: Ragged.from([[1], [1], []]) });
          for (let b = 0; b < 3; b++) {
            const row = scores.subarray(b * V, (b + 1) * V);
            const order = [...row.keys()]
              .filter((item) => (row[item] as number) > 0 && (b === 2 || item !== 1))
              .sort((x, y) => (row[y] as number) - (row[x] as number) || x - y);
            const wanted = Array.from({ length: k }, (_, i) => order[i] ?? -1);
            expect([...rows.subarray(b * k, (b + 1) * k)]).toEqual(wanted);
          }
        },
      ),
    );
  });

  test('without times in the history, ages count from the latest event', async () => {
    const log = logOf([
      { rows: [0, 1], time: 3 },
      { rows: [0, 2], time: 9 },
    ]);
    const model = stanOf({ k: 5, sample: 5, lastOnly: false }, false);
    await model.fit(log);
    expect(await model.scores(Ragged.from([[0]]))).toEqual(await model.scores(timed([0], 9)));
    expect((await model.recommend([0])).map(({ item }) => item)).toEqual([2, 1]);
    const [then] = await model.recommend([{ item: 0, time: 16 }]);
    const [now] = await model.recommend([0]);
    expect((then?.score as number) / (now?.score as number)).toBeCloseTo(Math.exp(-1), 6);
    // 500 ages later all scores vanish in single precision, the list does not.
    const late = await model.recommend([{ item: 0, time: 9 + 500 * 7 }]);
    expect(late).toEqual([2, 1].map((item) => ({ item, score: 0 })));
    using session = await model.session();
    await session.push(0);
    expect(await session.recommend({ k: 1 })).toEqual([now]);
    expect((await stanOf({ k: 5, sample: 1, lastOnly: false }, false).fit(log)).counts).toEqual({
      sessions: 2,
      events: 4,
    });
  });

  test('data without times: order of counting, no age', async () => {
    const rows = [
      { user: 1, item: 0 },
      { user: 1, item: 1 },
      { user: 2, item: 0 },
      { user: 2, item: 2 },
    ];
    const log = Interactions.from(rows, { catalog: items });
    await expect(stanOf({ k: 5, sample: 5, lastOnly: false }, false).fit(log)).rejects.toThrow(
      'STAN weighs sequences by their age (recency 7) and the data have no times',
    );
    const model = new STAN({ items, sample: 1 });
    await model.fit(log);
    expect((await model.recommend([0])).map(({ item }) => item)).toEqual([2]);
    await expect(model.partialFit(logOf([{ rows: [1], time: 0 }]))).rejects.toThrow(
      'with times and without were mixed',
    );
  });

  test('options are checked', () => {
    expect(() => new STAN({ items, k: 0 })).toThrow('k must be an integer at least 1, got 0.');
    expect(() => new STAN({ items, recency: 0 })).toThrow('recency must be');
    expect(() => new STAN({ items, form: 'paper' as never })).toThrow('form must be sessionRecForm() or paperForm()');
    expect(() => new STAN({ items, position: 1.02 as never })).toThrow('position must be a decay');
    expect(() => new VSKNN({ items, source: null as never })).toThrow('source must be sharingAny() or sharingLast()');
    expect(() => new VSKNN({ items, idf: -1 })).toThrow('idf must be');
  });

  test('a damaged file is refused', async () => {
    const model = new STAN({ items });
    await model.fit(logOf([{ rows: [0, 1, 2], time: 4 }]));
    const { tensors, ...rest } = readModelFile(await model.save());
    const with_ = (
      name: string,
      data: Int32Array | Float64Array,
      times = tensors.get('times')?.data as Float64Array,
    ) => {
      const dtype = data instanceof Int32Array ? 'I32' : 'F64';
      const changed = new Map(tensors)
        .set('times', { dtype: 'F64', shape: [times.length], data: times })
        .set(name, { dtype, shape: [data.length], data } as TensorData);
      return STAN.load(writeModelFile({ ...rest, tensors: changed }));
    };
    await expect(with_('sessions', Int32Array.of(0, 1, 6))).rejects.toThrow('row 6 is not one of the 6 items');
    await expect(with_('offsets', Int32Array.of(0, 2))).rejects.toThrow('the offsets do not span the events');
    await expect(with_('offsets', Int32Array.of(0, 3, 3))).rejects.toThrow('2 sessions and 1 times');
    await expect(with_('offsets', Int32Array.of(0, 3, 3), Float64Array.of(1, 2))).rejects.toThrow('from 3 to 3');
    await expect(with_('times', Float64Array.of(NaN))).rejects.toThrow('a time is NaN');
  });

  test('thousands of sessions grow every array', () => {
    const index = new SessionIndex(3);
    for (let s = 0; s < 5000; s++) index.add(Int32Array.of(s % 3, 2, 2), 5000 - s);
    const { count, sessions: found, sums } = index.sharing(Int32Array.of(0, 2), Float64Array.of(1, 2), 100);
    expect(count).toBe(100);
    expect([...found.subarray(0, 100)].sort((a, b) => a - b)[0]).toBe(4900);
    expect(new Set(sums.subarray(0, 100))).toEqual(new Set([2, 3]));
    expect(index.latest).toBe(5000);
  });
});

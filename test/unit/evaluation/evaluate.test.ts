/** `evaluate` against metrics computed from sorted lists, and its protocol. */
import fc from 'fast-check';
import {
  auc,
  Catalog,
  coverage,
  type EvaluateProgress,
  evaluate,
  givenCandidates,
  type Holdout,
  hitRate,
  Interactions,
  map,
  mrr,
  ndcg,
  popularCandidates,
  precision,
  Ragged,
  ranksOfScores,
  recall,
  type Scorer,
  sampledCandidates,
  topKOfScores,
} from 'seqrec';
import { expect, expectTypeOf, test } from 'vitest';

interface Case {
  items: number;
  users: { scores: number[]; history: number[]; targets: number[] }[];
}

/** A model whose scores are given by user; the user is a sequence column. */
function setup({ items, users }: Case): { model: Scorer; holdout: Holdout } {
  const catalog = new Catalog(Array.from({ length: items }, (_, i) => `i${i}`));
  const lists = Ragged.from(users.map((user) => user.history));
  const histories = new Ragged(lists.offsets, lists.events, { user: Int32Array.from(users.keys()) });
  const targets = Ragged.from(users.map((user) => user.targets));
  const model: Scorer = {
    catalog,
    scores: async ({ user = [] }) => Float32Array.from([...user].flatMap((u) => users[u]?.scores ?? [])),
  };
  return { model, holdout: { catalog, histories, targets, protocol: 'made up' } };
}

const cases: fc.Arbitrary<Case> = fc.integer({ min: 5, max: 12 }).chain((items) =>
  fc.record({
    items: fc.constant(items),
    users: fc.array(
      fc.record({
        scores: fc.array(fc.integer({ min: -2, max: 4 }), { minLength: items, maxLength: items }),
        history: fc.array(fc.nat(items - 1), { minLength: 1, maxLength: 6 }),
        targets: fc.array(fc.nat(items - 1), { minLength: 1, maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  }),
);

/** The candidates of a user, best first, a target behind other items of its score. */
function worstOrder(
  { scores, history, targets }: Case['users'][number],
  excludeSeen: boolean,
): { row: number; hit: boolean }[] {
  return [...scores.keys()]
    .map((row) => ({ row, hit: targets.includes(row) }))
    .filter(({ row, hit }) => hit || !excludeSeen || !history.includes(row))
    .sort((a, b) => (scores[b.row] ?? 0) - (scores[a.row] ?? 0) || Number(a.hit) - Number(b.hit));
}

const discount = (place: number) => 1 / Math.log2(place + 2);
const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

/** Every metric from the ordered list itself. */
function fromList(list: { hit: boolean }[], k: number): Record<string, number> {
  const hits = list.slice(0, k).map(({ hit }) => Number(hit));
  const all = list.map(({ hit }) => Number(hit));
  const relevant = sum(all);
  const first = all.indexOf(1);
  let [pairs, right] = [0, 0];
  list.forEach((a, i) => {
    list.forEach((b, j) => {
      if (!a.hit || b.hit) return;
      pairs++;
      if (i < j) right++;
    });
  });
  return {
    [`HR@${k}`]: Math.max(...hits),
    [`NDCG@${k}`]:
      sum(hits.map((hit, i) => hit * discount(i))) /
      sum(Array.from({ length: Math.min(relevant, k) }, (_, i) => discount(i))),
    [`MRR@${k}`]: first < k ? 1 / (first + 1) : 0,
    MRR: 1 / (first + 1),
    [`Recall@${k}`]: sum(hits) / relevant,
    [`Precision@${k}`]: sum(hits) / k,
    MAP: sum(all.map((hit, i) => (hit * sum(all.slice(0, i + 1))) / (i + 1))) / relevant,
    [`MAP@${k}`]: sum(hits.map((hit, i) => (hit * sum(hits.slice(0, i + 1))) / (i + 1))) / Math.min(relevant, k),
    AUC: right / pairs,
  };
}

test('every metric equals the one computed from the sorted list', async () => {
  await fc.assert(
    fc.asyncProperty(
      cases,
      fc.integer({ min: 1, max: 6 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 9 }),
      async (data, k, excludeSeen, batchSize) => {
        const lists = data.users.map((user) => worstOrder(user, excludeSeen));
        fc.pre(lists.every((list) => list.some(({ hit }) => !hit)));
        const { model, holdout } = setup(data);
        const metrics = [hitRate(k), ndcg(k), mrr(k), mrr(), recall(k), precision(k), map(k), map(), auc()];
        const report = await evaluate<(typeof metrics)[number]>(model, holdout, { metrics, excludeSeen, batchSize });
        const expected = lists.map((list) => fromList(list, k));
        for (const { key } of metrics) {
          const values = expected.map((user) => user[key] as number);
          expect([...(report.values[key] as Float64Array)], key).toEqual(
            values.map((value) => expect.closeTo(value, 12)),
          );
          expect(report.metrics[key]).toBeCloseTo(sum(values) / values.length, 12);
        }
      },
    ),
  );
});

test('coverage counts the items of all lists', async () => {
  await fc.assert(
    fc.asyncProperty(cases, fc.integer({ min: 1, max: 15 }), fc.boolean(), async (data, k, excludeSeen) => {
      const { model, holdout } = setup(data);
      const seen = new Set<number>();
      for (const { scores, history, targets } of data.users) {
        const rows = [...scores.keys()].filter(
          (row) => !excludeSeen || !history.includes(row) || targets.includes(row),
        );
        for (const row of rows.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0)).slice(0, k)) seen.add(row);
      }
      const report = await evaluate(model, holdout, { metrics: [coverage(k), mrr()], excludeSeen });
      expect(report.metrics[`Coverage@${k}`]).toBeCloseTo(seen.size / data.items, 12);
    }),
  );
});

const example: Case = {
  items: 6,
  users: [
    { scores: [5, 4, 3, 2, 1, 0], history: [0], targets: [2] },
    { scores: [0, 0, 0, 0, 0, 0], history: [1, 1], targets: [3] },
    { scores: [1, 2, 3, 4, 5, 6], history: [5, 4], targets: [5, 0, 5] },
  ],
};

test('the keys of a report are literal types', async () => {
  const { model, holdout } = setup(example);
  const report = await evaluate(model, holdout, { metrics: [hitRate(2), ndcg(10), mrr(), coverage(3)] });
  expectTypeOf(report.metrics).toEqualTypeOf<{ readonly [K in 'HR@2' | 'NDCG@10' | 'MRR' | 'Coverage@3']: number }>();
  // @ts-expect-error a metric that was not asked for
  expect(report.metrics['HR@3']).toBeUndefined();
  expect(Object.keys(report.metrics)).toEqual(['HR@2', 'NDCG@10', 'MRR', 'Coverage@3']);
  expect(report.metrics['HR@2']).toBeCloseTo(2 / 3);
  expect([...(report.values.MRR as Float64Array)]).toEqual([1 / 2, 1 / 5, 1]);
  expect(report.protocol).toEqual({
    split: 'made up',
    candidates: 'all 6 items',
    excludeSeen: true,
    ties: 'against the target',
    users: 3,
  });
});

test('a model that scores everything alike gains nothing', async () => {
  const { model, holdout } = setup(example);
  const flat: Scorer = { catalog: model.catalog, scores: async ({ count }) => new Float32Array(count * 6) };
  const { metrics } = await evaluate(flat, holdout, { metrics: [hitRate(3), auc()], excludeSeen: false });
  expect(metrics).toEqual({ 'HR@3': 0, AUC: 0 });
});

test('tied targets have adjacent places', async () => {
  const { model, holdout } = setup({
    items: 5,
    users: [{ scores: [1, 1, 1, 0, 0], history: [4], targets: [0, 1, 2] }],
  });
  const { metrics } = await evaluate(model, holdout, { metrics: [precision(3), map(3), ndcg(3)] });
  expect(metrics).toEqual({ 'Precision@3': 1, 'MAP@3': 1, 'NDCG@3': 1 });
});

test('faster ranks and lists of a model are used, without repeats and without targets among the excluded', async () => {
  const { model, holdout } = setup(example);
  const asked: number[][] = [];
  const fast: Scorer = {
    catalog: model.catalog,
    scores: async () => {
      throw new Error('not needed');
    },
    ranks: async (histories, targets, { exclude } = {}) => {
      for (let b = 0; b < histories.count; b++) asked.push([...(exclude?.items(b) ?? [])]);
      return ranksOfScores(await model.scores(histories), 6, targets, exclude);
    },
    topK: async (histories, k, { exclude } = {}) => topKOfScores(await model.scores(histories), 6, k, exclude),
  };
  const metrics = [mrr(), ndcg(3), coverage(2)] as const;
  expect((await evaluate(fast, holdout, { metrics })).metrics).toEqual(
    (await evaluate(model, holdout, { metrics })).metrics,
  );
  expect(asked).toEqual([[0], [1], [4]]);
  const liar: Scorer = { ...fast, ranks: async () => Int32Array.of(0, 1, 1, 1) };
  await expect(evaluate(liar, holdout, { metrics: [mrr()] })).rejects.toThrow('ranks must be from 1 to 5, got 0');
});

test('scores are asked for in chunks within the limits', async () => {
  const { model, holdout } = setup(example);
  const sizes: number[] = [];
  const watched: Scorer = {
    catalog: model.catalog,
    scores: (histories) => {
      sizes.push(histories.count);
      return model.scores(histories);
    },
  };
  const steps: EvaluateProgress[] = [];
  const whole = await evaluate(watched, holdout, { metrics: [mrr(), coverage(1)] });
  const bounded = await evaluate(watched, holdout, {
    metrics: [mrr(), coverage(1)],
    maxBytes: 2 * 6 * 4,
    onProgress: (progress) => steps.push(progress),
  });
  await evaluate(watched, holdout, { metrics: [mrr()], maxBytes: 1 });
  expect(sizes).toEqual([3, 2, 1, 1, 1, 1]);
  expect(bounded.metrics).toEqual(whole.metrics);
  expect(steps.map(({ done, total }) => [done, total])).toEqual([
    [2, 3],
    [3, 3],
  ]);
});

test('an aborted evaluation rejects before the next chunk', async () => {
  const { model, holdout } = setup(example);
  const controller = new AbortController();
  const onProgress = () => controller.abort(new Error('enough'));
  const options = { metrics: [mrr()], batchSize: 1, signal: controller.signal, onProgress };
  await expect(evaluate(model, holdout, options)).rejects.toThrow('enough');
});

test('given and sampled candidates', async () => {
  const { model, holdout } = setup(example);
  const given = givenCandidates(Ragged.from([[5, 4, 4, 2, 0], [0], [1, 2]]));
  const report = await evaluate(model, holdout, { metrics: [mrr(), auc()], candidates: given });
  expect([...(report.values.MRR as Float64Array)]).toEqual([1, 1 / 2, 1]);
  expect([...(report.values.AUC as Float64Array)]).toEqual([1, 0, 1 / 2]);
  expect(report.protocol.candidates).toBe('the given items');

  const sampled = sampledCandidates({ count: 3, seed: 1 });
  const choose = (which: number[], first: number) =>
    sampled.choose(holdout.histories.take(which), holdout.targets.take(which), 6, first);
  const all = choose([0, 1, 2], 0);
  expect(choose([1, 2], 1).item).toEqual(all.item.slice(3));
  for (let b = 0; b < 3; b++) {
    const taken = [...holdout.histories.items(b), ...holdout.targets.items(b)];
    expect(new Set([...all.items(b), ...taken]).size).toBe(3 + new Set(taken).size);
  }
  expect((await evaluate(model, holdout, { metrics: [mrr()], candidates: sampled })).protocol.candidates).toContain(
    '3 items',
  );
  expect(() => sampledCandidates({ count: 4 }).choose(holdout.histories, holdout.targets, 6, 0)).toThrow(
    'history 2 leaves only 3 items',
  );
  await expect(evaluate(model, holdout, { metrics: [coverage(1)], candidates: given })).rejects.toThrow(
    'without candidates',
  );
});

test('a model that scores few items is not asked for all', async () => {
  const { model, holdout } = setup(example);
  const candidates = sampledCandidates({ count: 2 });
  const few: Scorer = {
    ...model,
    scores: async () => expect.unreachable(),
    async candidateScores(histories, among) {
      const all = await model.scores(histories);
      return Float32Array.from(
        Array.from({ length: among.count }, (_, b) =>
          [...among.items(b)].map((row) => all[6 * b + row] as number),
        ).flat(),
      );
    },
  };
  const options = { metrics: [mrr(), auc()], candidates, batchSize: 2 };
  expect((await evaluate(few, holdout, options)).values).toEqual((await evaluate(model, holdout, options)).values);
});

test('popular candidates come as often as they are in the training data, unseen ones never', () => {
  const items = 8;
  const log = Interactions.from([...'aaaaaaaaabbbcdeefg'].map((item, i) => ({ user: i % 3, item })));
  const train = new Interactions(new Catalog([...'abcdefgh']), log.users, log.sequences);
  const [histories, targets] = [Ragged.from(Array(2000).fill([6])), Ragged.from(Array(2000).fill([2]))];
  const popular = popularCandidates(train, { count: 2, seed: 3 });
  const lists = popular.choose(histories, targets, items, 0);
  const counts = new Int32Array(items);
  for (const row of lists.item) counts[row] = (counts[row] as number) + 1;
  expect([counts[2], counts[6], counts[7]]).toEqual([0, 0, 0]);
  // Of a, b, d, e, f with 9, 3, 1, 2, 1 events: the first of two is a with 9/16, the second adds what is left.
  const share = 9 / 16 + (3 / 16) * (9 / 13) + 2 * (1 / 16) * (9 / 15) + (2 / 16) * (9 / 14);
  expect((counts[0] as number) / 2000).toBeCloseTo(share, 1);
  for (let b = 0; b < 2000; b++) expect(new Set(lists.items(b)).size).toBe(2);
  expect(popular.choose(histories.take([5]), targets.take([5]), items, 5).item).toEqual(lists.items(5));
  expect(popular.protocol).toBe('2 items drawn by popularity (seed 3)');
  expect(() => popularCandidates(train, { count: 6 }).choose(histories, targets, items, 0)).toThrow(
    'leaves only 5 items',
  );
});

test('what cannot be measured is said', async () => {
  const { model, holdout } = setup(example);
  const metrics = [mrr()];
  const empty = Ragged.from([]);
  await expect(evaluate(model, { ...holdout, histories: empty, targets: empty }, { metrics })).rejects.toThrow(
    'at least one history',
  );
  await expect(evaluate(model, { ...holdout, targets: empty }, { metrics })).rejects.toThrow('got 0');
  await expect(evaluate(model, { ...holdout, targets: Ragged.from([[1], [], [2]]) }, { metrics })).rejects.toThrow(
    'number 1 has none',
  );
  await expect(evaluate(model, { ...holdout, catalog: new Catalog(['a']) }, { metrics })).rejects.toThrow(
    'another of 1',
  );
  await expect(evaluate(model, holdout, { metrics: [] })).rejects.toThrow('metrics must be a list');
  await expect(evaluate(model, holdout, { metrics: [mrr(), mrr()] })).rejects.toThrow('got MRR twice');
  await expect(evaluate(model, holdout, { metrics, batchSize: 0 })).rejects.toThrow('batchSize must be');
  const short: Scorer = { ...model, scores: async () => new Float32Array(7) };
  await expect(evaluate(short, holdout, { metrics })).rejects.toThrow('6 scores for each of 3 histories, got 7');
  const diverged: Scorer = { ...model, scores: async ({ count }) => new Float32Array(count * 6).fill(Number.NaN) };
  await expect(evaluate(diverged, holdout, { metrics })).rejects.toThrow('NaN for row 0');
  const everything = setup({ items: 2, users: [{ scores: [1, 2], history: [0], targets: [0, 1] }] });
  await expect(evaluate(everything.model, everything.holdout, { metrics: [auc()] })).rejects.toThrow('leave auc() out');
  expect(() => ndcg(0)).toThrow('k must be an integer at least 1, got 0');
});

/** Protocols of the literature: our reports against the loops of the papers' own scripts, on small made-up data. */
import {
  auc,
  Catalog,
  evaluate,
  everyNext,
  givenCandidates,
  type Holdout,
  hitRate,
  Interactions,
  lastFraction,
  leaveLastOut,
  type Metric,
  map,
  mrr,
  ndcg,
  popularCandidates,
  precision,
  Ragged,
  Rng,
  readHistories,
  recall,
  type Scorer,
  sampledCandidates,
} from 'seqrec';
import { expect, test } from 'vitest';

const USERS = 9;
const ITEMS = 24;
const rng = new Rng(7);
/** Different scores for every history: a permutation of all items, by the history's length and user. */
const scoresOf = (user: number, length: number) => [...rng.fork('scores').fork(user).fork(length).permutation(ITEMS)];
const log = new Interactions(
  new Catalog(Array.from({ length: ITEMS }, (_, i) => `i${i}`)),
  Array.from({ length: USERS }, (_, u) => `u${u}`),
  Ragged.from(
    Array.from({ length: USERS }, (_, u) =>
      rng
        .fork('items')
        .fork(u)
        .permutation(ITEMS)
        .slice(0, 6 + u),
    ),
  ),
);
const model: Scorer = {
  catalog: log.items,
  scores: async (histories) =>
    Float32Array.from(
      Array.from({ length: histories.count }, (_, b) =>
        scoresOf(histories.user?.[b] as number, histories.length(b)),
      ).flat(),
    ),
};

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
/** What a script sees of one history: all scores, the seen rows, the targets. */
const histories = (of: Holdout) =>
  Array.from({ length: of.histories.count }, (_, b) => ({
    scores: scoresOf(of.histories.user?.[b] as number, of.histories.length(b)),
    seen: [...of.histories.items(b)],
    targets: [...of.targets.items(b)],
  }));
const best = (scores: number[], rows: number[]) => [...rows].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
const all = Array.from({ length: ITEMS }, (_, row) => row);

async function expectReport(of: Holdout, expected: { [key: string]: number }, metrics: Metric[], options = {}) {
  const report = await evaluate(model, of, { metrics, ...options });
  for (const [key, value] of Object.entries(expected)) {
    expect((report.metrics as { [key: string]: number })[key], key).toBeCloseTo(value, 12);
  }
  return report.protocol;
}

test("Caser: the last fifth of each user's events, MAP over the whole list", async () => {
  const { test: held } = lastFraction(log, { test: 0.2 });
  // graytowne/caser_pytorch evaluation.py: _compute_precision_recall and _compute_apk with k = infinity
  const users = histories(held).map(({ scores, seen, targets }) => {
    const predictions = best(
      scores,
      all.filter((row) => !seen.includes(row)),
    );
    let [hits, score] = [0, 0];
    predictions.forEach((row, i) => {
      if (targets.includes(row)) score += ++hits / (i + 1);
    });
    const hitsOf = (k: number) => predictions.slice(0, k).filter((row) => targets.includes(row)).length;
    return { ap: score / targets.length, hitsOf, count: targets.length };
  });
  const expected = {
    MAP: mean(users.map(({ ap }) => ap)),
    'Precision@1': mean(users.map(({ hitsOf }) => hitsOf(1))),
    'Precision@5': mean(users.map(({ hitsOf }) => hitsOf(5) / 5)),
    'Recall@1': mean(users.map(({ hitsOf, count }) => hitsOf(1) / count)),
    'Recall@10': mean(users.map(({ hitsOf, count }) => hitsOf(10) / count)),
  };
  const metrics = [map(), precision(1), precision(5), recall(1), recall(10)];
  expect(await expectReport(held, expected, metrics)).toMatchObject({
    split: "last 20 % of each user's events as test",
    candidates: 'all 24 items',
    excludeSeen: true,
  });
});

test('Dive into Deep Learning: the last event among all unobserved items, Hit@k and AUC', async () => {
  const { test: held } = leaveLastOut(log);
  // hit_and_auc of d2l: places in the list of the items that training does not have
  const users = histories(held).map(({ scores, seen, targets }) => {
    const ranked = best(
      scores,
      all.filter((row) => !seen.includes(row)),
    );
    const place = ranked.indexOf(targets[0] as number);
    const most = ranked.length - 1;
    return { hit: Number(place < 5), auc: (most - place) / most };
  });
  const expected = { 'HR@5': mean(users.map(({ hit }) => hit)), AUC: mean(users.map((user) => user.auc)) };
  expect(await expectReport(held, expected, [hitRate(5), auc()])).toMatchObject({ split: 'leave-last-out test' });
});

test('SR-GNN and session-rec: every beginning of a session, seen items rank too', async () => {
  const held = everyNext(log);
  expect(held.targets.rows).toBe(log.rows - USERS);
  // SR-GNN: score.topk(20), hit if the target is among them, 1 / (place + 1)
  const places = histories(held).map(({ scores, targets }) =>
    best(scores, all)
      .slice(0, 4)
      .indexOf(targets[0] as number),
  );
  const expected = {
    'HR@4': mean(places.map((place) => Number(place >= 0))),
    'MRR@4': mean(places.map((place) => (place < 0 ? 0 : 1 / (place + 1)))),
  };
  expect(await expectReport(held, expected, [hitRate(4), mrr(4)], { excludeSeen: false })).toMatchObject({
    split: 'every beginning of a sequence, with the next event as its target',
    excludeSeen: false,
  });
});

test('SASRec, BERT4Rec and S3-Rec: the last event among sampled or published items', async () => {
  const { train, test: held } = leaveLastOut(log);
  const negatives = histories(held).map(({ seen, targets }) =>
    all.filter((row) => !seen.includes(row) && !targets.includes(row)).slice(0, 7),
  );
  const expectedOf = (lists: number[][]) => {
    // (-pred).argsort().argsort()[0] of the target and its negatives
    const places = histories(held).map(({ scores, targets: [target = 0] }, b) =>
      best(scores, [target, ...(lists[b] ?? [])]).indexOf(target),
    );
    return {
      'HR@3': mean(places.map((place) => Number(place < 3))),
      'NDCG@3': mean(places.map((place) => (place < 3 ? 1 / Math.log2(place + 2) : 0))),
    };
  };
  const metrics = [hitRate(3), ndcg(3)];
  const ids = negatives.map((list) => list.map((row) => `i${row}`));
  const published = readHistories(log.items, ids, { unknown: 'error' }).histories;
  const given = { candidates: givenCandidates(published, 'the 7 published items') };
  expect(await expectReport(held, expectedOf(negatives), metrics, given)).toMatchObject({
    candidates: 'the 7 published items',
  });
  for (const candidates of [sampledCandidates({ count: 5 }), popularCandidates(train, { count: 5 })]) {
    const drawn = candidates.choose(held.histories, held.targets, ITEMS, 0);
    const lists = Array.from({ length: USERS }, (_, b) => [...drawn.items(b)]);
    expect(lists.every((list) => new Set(list).size === 5)).toBe(true);
    const { candidates: name } = await expectReport(held, expectedOf(lists), metrics, { candidates });
    expect(name).toMatch(/^5 items drawn (uniformly|by popularity) \(seed 0\)$/);
  }
});

test('given candidates must fit the holdout', async () => {
  const { test: held } = leaveLastOut(log);
  const measure = (lists: number[][]) =>
    evaluate(model, held, { metrics: [mrr()], candidates: givenCandidates(Ragged.from(lists)) });
  const every = (list: number[]) => Array<number[]>(USERS).fill(list);
  await expect(measure(every(all).slice(1))).rejects.toThrow('each of the 9 histories of the holdout, got 8 lists');
  await expect(measure([...every(all), all])).rejects.toThrow('got 10 lists');
  await expect(measure(every([ITEMS]))).rejects.toThrow('givenCandidates takes rows from 0 to 23, got 24');
  await expect(measure([all, [], ...every(all).slice(2)])).rejects.toThrow('got none of 0 for history 1');
  const onlySeen = [...held.histories.items(0), ...held.targets.items(0)];
  await expect(measure([onlySeen, ...every(all).slice(1)])).rejects.toThrow('for history 0');
});

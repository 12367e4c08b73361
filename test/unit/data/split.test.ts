import fc from 'fast-check';
import {
  everyNext,
  firstTarget,
  type Holdout,
  Interactions,
  lastFraction,
  leaveLastOut,
  type Ragged,
  splitByTime,
} from 'seqrec';
import { describe, expect, it } from 'vitest';

const lists = (sequences: Ragged) => Array.from({ length: sequences.count }, (_, b) => [...sequences.items(b)]);
const byUser = (sequences: Ragged) => new Map(lists(sequences).map((list, b) => [sequences.user?.[b] as number, list]));
const logOf = (...lengths: number[]) =>
  Interactions.from(lengths.flatMap((length, user) => Array.from({ length }, (_, t) => ({ user, item: t, time: t }))));

const anyRows = fc.array(fc.record({ user: fc.nat(8), item: fc.nat(15), time: fc.nat(30) }), {
  minLength: 1,
  maxLength: 100,
});

/** Every history is followed by its targets in the log, and holds as much of the past as the split promises. */
function checkHoldout(log: Interactions, { histories, targets, catalog }: Holdout) {
  const all = byUser(log.sequences);
  expect(catalog).toBe(log.items);
  expect(histories.count).toBe(targets.count);
  expect(histories.count).toBeGreaterThan(0);
  expect([...(histories.user as Int32Array)]).toEqual([...(targets.user as Int32Array)]);
  for (let b = 0; b < histories.count; b++) {
    expect(histories.length(b)).toBeGreaterThan(0);
    expect(targets.length(b)).toBeGreaterThan(0);
    const together = [...histories.items(b), ...targets.items(b)];
    const whole = all.get(histories.user?.[b] as number) as number[];
    expect(together).toEqual(whole.slice(0, together.length));
  }
}

describe('leaveLastOut', () => {
  it('trains on 1 … n-2, validates on n-1 and tests on n', () => {
    const { train, validation, test } = leaveLastOut(logOf(5, 2, 3, 1));
    expect(lists(train.sequences)).toEqual([[0, 1, 2], [0, 1], [0], [0]]);
    expect([lists(validation.histories), lists(validation.targets)]).toEqual([
      [[0, 1, 2], [0]],
      [[3], [1]],
    ]);
    expect([lists(test.histories), lists(test.targets)]).toEqual([
      [
        [0, 1, 2, 3],
        [0, 1],
      ],
      [[4], [2]],
    ]);
    expect([...(test.histories.user as Int32Array)]).toEqual([0, 2]);
    expect([...(test.targets.time as Float64Array)]).toEqual([4, 2]);
    expect([validation.protocol, test.protocol]).toEqual(['leave-last-out validation', 'leave-last-out test']);
  });

  it('loses and repeats no event', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const log = Interactions.from(rows);
        const long = lists(log.sequences).filter((list) => list.length >= 3).length;
        if (long === 0) {
          expect(() => leaveLastOut(log)).toThrow(/at least 3 events/);
          return;
        }
        const { train, validation, test } = leaveLastOut(log);
        for (const part of [validation, test]) checkHoldout(log, part);
        expect(test.targets.count).toBe(long);
        expect(train.rows + validation.targets.rows + test.targets.rows).toBe(log.rows);
        expect([train.users, train.count, train.items]).toEqual([log.users, log.count, log.items]);
        expect(lists(test.histories)).toEqual(
          lists(validation.histories).map((list, b) => [...list, ...validation.targets.items(b)]),
        );
      }),
    );
  });
});

describe('lastFraction', () => {
  it('rounds down, but holds out at least one event of users with three', () => {
    const { train, validation, test } = lastFraction(logOf(20, 10, 3, 2), { validation: 0.2, test: 0.3 });
    expect(lists(train.sequences).map((list) => list.length)).toEqual([10, 5, 1, 2]);
    expect(lists(validation.targets).map((list) => list.length)).toEqual([4, 2, 1]);
    expect(lists(test.targets).map((list) => list.length)).toEqual([6, 3, 1]);
    expect(test.protocol).toBe("last 30 % of each user's events as test");
  });

  it('is not misled by binary fractions', () => {
    expect(lastFraction(logOf(100), { test: 0.29, validation: 0.29 }).test.targets.rows).toBe(29);
  });

  it('loses and repeats no event', () => {
    const share = fc.double({ min: 0.01, max: 0.98, noNaN: true });
    fc.assert(
      fc.property(anyRows, share, share, (rows, a, b) => {
        fc.pre(a + b < 0.999);
        const log = Interactions.from(rows);
        fc.pre(lists(log.sequences).some((list) => list.length >= 3));
        const { train, validation, test } = lastFraction(log, { validation: a, test: b });
        for (const part of [validation, test]) checkHoldout(log, part);
        expect(train.rows + validation.targets.rows + test.targets.rows).toBe(log.rows);
        expect(train.count).toBe(log.count);
      }),
    );
  });

  it.each([{ test: 0 }, { test: 1 }, { validation: -0.1 }, { validation: 0.5, test: 0.5 }, { test: Number.NaN }])(
    'refuses %j',
    (options) => {
      expect(() => lastFraction(logOf(5), options)).toThrow(RangeError);
    },
  );
});

describe('splitByTime', () => {
  const log = Interactions.from([
    ...[1, 2, 3, 4, 5].map((time) => ({ user: 'a', item: `a${time}`, time })),
    ...[4, 8, 9].map((time) => ({ user: 'b', item: `b${time}`, time })),
    ...[9, 10].map((time) => ({ user: 'new', item: `n${time}`, time })),
  ]);
  const ids = (sequences: Ragged) => lists(sequences).map((list) => list.map((row) => log.items.id(row)));

  it('cuts all users at the same moments', () => {
    const { train, validation, test } = splitByTime(log, { validation: { from: 5 }, test: { from: 9 } });
    expect(ids(train.sequences)).toEqual([['a1', 'a2', 'a3', 'a4'], ['b4']]);
    expect([ids(validation.histories), ids(validation.targets)]).toEqual([
      [['a1', 'a2', 'a3', 'a4'], ['b4']],
      [['a5'], ['b8']],
    ]);
    expect([ids(test.histories), ids(test.targets)]).toEqual([[['b4', 'b8']], [['b9']]]);
    expect([train.users, train.count, train.user(1), [...(test.histories.user as Int32Array)]]).toEqual([
      log.users,
      2,
      'b',
      [1],
    ]);
    expect(validation.protocol).toBe('validation by time from 5');
    expect(test.protocol).toBe('test by time from 9, without 1 users who have no earlier event');
  });

  it('takes dates', () => {
    const dated = Interactions.from(
      [1, 2, 3].map((day) => ({ user: 'u', item: day, time: new Date(Date.UTC(2024, 0, day)) })),
    );
    const { test } = splitByTime(dated, {
      validation: { from: new Date('2024-01-02') },
      test: { from: new Date('2024-01-03') },
    });
    expect(lists(test.targets)).toEqual([[2]]);
  });

  it('takes shares of the events, equal times on one side', () => {
    const even = Interactions.from(Array.from({ length: 100 }, (_, t) => ({ user: t % 2, item: t, time: t })));
    const parts = splitByTime(even, { validation: 0.2, test: 0.1 });
    expect([parts.train.rows, parts.validation.targets.rows, parts.test.targets.rows]).toEqual([70, 20, 10]);
    const tied = Interactions.from(
      Array.from({ length: 100 }, (_, t) => ({ user: 0, item: t, time: Math.floor(t / 25) })),
    );
    const coarse = splitByTime(tied);
    expect([coarse.train.rows, coarse.validation.targets.rows, coarse.test.targets.rows]).toEqual([50, 25, 25]);
  });

  it('never lets the future into the past', () => {
    const cut = fc.integer({ min: 1, max: 29 });
    fc.assert(
      fc.property(anyRows, cut, cut, (rows, one, two) => {
        fc.pre(one !== two);
        const [from, to] = [Math.min(one, two), Math.max(one, two)];
        const data = Interactions.from(rows);
        let split: ReturnType<typeof splitByTime>;
        try {
          split = splitByTime(data, { validation: { from }, test: { from: to } });
        } catch (error) {
          expect(String(error)).toMatch(/No event lies before|must have an event of a user/);
          return;
        }
        const { train, validation, test } = split;
        for (const part of [validation, test]) checkHoldout(data, part);
        expect(Math.max(...(train.sequences.time as Float64Array))).toBeLessThan(from);
        expect(Math.max(...(validation.histories.time as Float64Array))).toBeLessThan(from);
        expect(Math.min(...(validation.targets.time as Float64Array))).toBeGreaterThanOrEqual(from);
        expect(Math.max(...(validation.targets.time as Float64Array))).toBeLessThan(to);
        expect(Math.max(...(test.histories.time as Float64Array))).toBeLessThan(to);
        expect(Math.min(...(test.targets.time as Float64Array))).toBeGreaterThanOrEqual(to);
        expect(train.rows).toBe(rows.filter(({ time }) => time < from).length);
      }),
    );
  });

  it.each([
    ['no times', () => splitByTime(Interactions.from([{ user: 1, item: 1 }])), /needs events with times/],
    [
      'cuts in the wrong order',
      () => splitByTime(log, { validation: { from: 9 }, test: { from: 5 } }),
      /validation.from must be a number less than 5, got 9/,
    ],
    [
      'a cut before everything',
      () => splitByTime(log, { validation: { from: 0 }, test: { from: 5 } }),
      /No event lies before/,
    ],
    [
      'a cut after everything',
      () => splitByTime(log, { validation: { from: 5 }, test: { from: 99 } }),
      /test part \(from 99\) must have an event/,
    ],
    ['a NaN cut', () => splitByTime(log, { test: { from: Number.NaN } }), /test.from must be a number, got NaN/],
    [
      'an invalid date',
      () => splitByTime(log, { validation: { from: new Date('x') }, test: { from: 9 } }),
      /validation.from/,
    ],
    ['shares beyond the whole', () => splitByTime(log, { validation: 0.7, test: 0.5 }), RangeError],
    ['a share of 0', () => splitByTime(log, { test: 0 }), /test must be a number greater than 0/],
    [
      'one moment for all',
      () => splitByTime(Interactions.from([1, 2].map((item) => ({ user: 1, item, time: 5 })))),
      RangeError,
    ],
  ])('refuses %s', (_, split, message) => {
    expect(split).toThrow(message);
  });
});

describe('holdouts', () => {
  it('keep only the next event', () => {
    const { test } = lastFraction(logOf(10, 4), { test: 0.5, validation: 0.2 });
    const first = firstTarget(test);
    expect(lists(first.targets)).toEqual([[5], [2]]);
    expect([first.histories, first.protocol]).toEqual([test.histories, `${test.protocol}, first target only`]);
  });

  it('measure every event after the first', () => {
    const log = logOf(3, 1, 2);
    const sessions = everyNext(log);
    expect(lists(sessions.histories)).toEqual([[0], [0, 1], [0]]);
    expect(lists(sessions.targets)).toEqual([[1], [2], [1]]);
    expect([...(sessions.targets.time as Float64Array)]).toEqual([1, 2, 1]);
    checkHoldout(log, { ...sessions, histories: sessions.histories.take([1]), targets: sessions.targets.take([1]) });
    expect(() => everyNext(logOf(1, 1))).toThrow(/two events/);
  });
});

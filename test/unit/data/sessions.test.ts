/** Sessions, splits of sessions and of users, and what training knows of a holdout. */
import fc from 'fast-check';
import {
  cutSessions,
  everyNext,
  findLeaks,
  Interactions,
  leaveLastOut,
  Ragged,
  splitByTime,
  splitSessions,
  splitUsers,
} from 'seqrec';
import { describe, expect, it } from 'vitest';

const lists = (sequences: Ragged) => Array.from({ length: sequences.count }, (_, b) => [...sequences.items(b)]);
const logOf = (sequences: Record<string, [item: number, time: number][]>) =>
  Interactions.from(
    Object.entries(sequences).flatMap(([user, events]) => events.map(([item, time]) => ({ user, item, time }))),
  );
const anyRows = fc.array(fc.record({ user: fc.nat(5), item: fc.nat(9), time: fc.nat(60) }), {
  minLength: 1,
  maxLength: 80,
});

describe('Ragged.select', () => {
  it('takes events by their places, with all columns', () => {
    const all = new Ragged(
      Int32Array.of(0, 3, 3, 5),
      { item: Int32Array.of(7, 8, 9, 4, 5), time: Float64Array.of(1, 2, 3, 4, 5) },
      { user: Int32Array.of(10, 11, 12) },
    );
    const found = all.select([2, 0, 0], [Int32Array.of(1), Int32Array.of(2, 0, 0), new Int32Array()]);
    expect(lists(found)).toEqual([[5], [9, 7, 7], []]);
    expect([...(found.time ?? [])]).toEqual([5, 3, 1, 1]);
    expect([...(found.user ?? [])]).toEqual([12, 10, 10]);
  });
});

describe('cutSessions', () => {
  it('cuts where more than the gap passes', () => {
    const log = logOf({ ann: [[1, 0], [2, 10], [3, 21], [4, 31]], bob: [[1, 5]] }); // biome-ignore format: one line each
    const sessions = cutSessions(log, { gap: 10 });
    expect(sessions.users).toEqual(['ann/1', 'ann/2', 'bob/1']);
    expect(lists(sessions.sequences).map((rows) => rows.map((row) => sessions.items.id(row)))).toEqual([
      [1, 2],
      [3, 4],
      [1],
    ]);
    expect([...sessions.sequences.user]).toEqual([0, 1, 2]);
    expect(sessions.items).toBe(log.items);
  });

  it('loses no event, and no session has a longer pause', () => {
    fc.assert(
      fc.property(anyRows, fc.integer({ min: 1, max: 20 }), (rows, gap) => {
        const log = Interactions.from(rows);
        const { sequences, rows: count } = cutSessions(log, { gap });
        expect(count).toBe(log.rows);
        expect([...sequences.item]).toEqual([...log.sequences.item]);
        for (let b = 0; b < sequences.count; b++) {
          const time = sequences.time?.subarray(sequences.offsets[b], sequences.offsets[b + 1]) ?? new Float64Array();
          for (let i = 1; i < time.length; i++)
            expect((time[i] as number) - (time[i - 1] as number)).toBeLessThanOrEqual(gap);
        }
      }),
    );
  });

  it('needs times and a gap', () => {
    const untimed = Interactions.from([{ user: 'ann', item: 1 }]);
    expect(() => cutSessions(untimed, { gap: 1 })).toThrow('the log has no times');
    expect(() => cutSessions(logOf({ ann: [[1, 0]] }), { gap: 0 })).toThrow('gap must be');
  });
});

describe('splitSessions', () => {
  const log = logOf({
    a: [[1, 0], [2, 1]],
    b: [[2, 2], [1, 3], [2, 4]],
    c: [[3, 4], [1, 10], [2, 11], [3, 12]],
    d: [[1, 19], [2, 20]],
    e: [[9, 20], [1, 21], [2, 22]],
    f: [[1, 23]],
  }); // biome-ignore format: one line each

  it('keeps sessions whole, by their ends, and leaves unknown items out', () => {
    const { train, validation, test } = splitSessions(log, { validation: { from: 10 }, test: { from: 20 } });
    const ids = (sequences: Ragged) => lists(sequences).map((rows) => rows.map((row) => log.items.id(row)));
    expect(ids(train.sequences)).toEqual([
      [1, 2],
      [2, 1, 2],
    ]);
    expect([ids(validation.histories), ids(validation.targets)]).toEqual([[[1]], [[2]]]);
    expect([ids(test.histories), ids(test.targets)]).toEqual([
      [[1], [1]],
      [[2], [2]],
    ]);
    expect(test.protocol).toBe(
      'sessions that end from 20 as test, every next event, without 1 events of items that the training part does not have',
    );
  });

  it('takes shares and stretches of time too', () => {
    const byShare = splitSessions(log, { validation: 1 / 6, test: 1 / 3 });
    expect(byShare.test.protocol).toContain('from 22');
    const byTime = splitSessions(log, { validation: { last: 8 }, test: { last: 3 } });
    expect(byTime.test.protocol).toContain('from 20');
    expect(byTime.validation.protocol).toContain('from 4');
  });

  it('refuses empty parts', () => {
    expect(() => splitSessions(log, { test: { from: 23 }, validation: { from: 20 } })).toThrow(
      'no session to measure on',
    );
    expect(() => splitSessions(log, { test: { from: 10 }, validation: { from: 12 } })).toThrow('validation.from');
    expect(() => splitSessions(log, { test: 1 })).toThrow('test must be');
    expect(() => splitSessions(log, { test: { from: 20 }, validation: { from: 0 } })).toThrow(
      'before the validation part',
    );
    expect(() => splitSessions(Interactions.from([{ user: 1, item: 1 }]))).toThrow('no times');
  });

  it('never learns from a session that ends in or after a part it measures on', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const sessions = Interactions.from(rows);
        let split: ReturnType<typeof splitSessions>;
        try {
          split = splitSessions(sessions, { validation: 0.3, test: 0.3 });
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return;
        }
        const { train, test } = split;
        const ends = (part: Ragged) =>
          Array.from({ length: part.count }, (_, b) => part.time?.[(part.offsets[b + 1] as number) - 1] as number);
        expect(Math.max(...ends(train.sequences))).toBeLessThan(Number(/from (\d+)/.exec(test.protocol)?.[1]));
        expect(findLeaks(train, test)).toMatchObject({ users: 0, trained: 0, unknownItems: 0, fromFuture: 0 });
      }),
    );
  });
});

describe('splitUsers', () => {
  it('holds out users that training does not know', () => {
    fc.assert(
      fc.property(anyRows, fc.nat(5), (rows, seed) => {
        const log = Interactions.from(rows);
        const long = lists(log.sequences).filter((list) => list.length >= 2).length;
        const cut = () => splitUsers(log, { validation: 0.2, test: 0.2, seed });
        if (log.count < 3 || long < 2) {
          expect(cut).toThrow(/must be enough for three parts/);
          return;
        }
        const { train, validation, test } = cut();
        expect(train.count + validation.histories.count + test.histories.count).toBe(log.count);
        expect(
          train.rows +
            [validation, test].reduce((sum, { histories, targets }) => sum + histories.rows + targets.rows, 0),
        ).toBe(log.rows);
        for (const part of [validation, test]) expect(findLeaks(train, part)).toMatchObject({ users: 0, trained: 0 });
        expect(cut()).toEqual({ train, validation, test });
      }),
    );
  });

  it('keeps the latest share as targets, and says so', () => {
    const log = Interactions.from(
      Array.from({ length: 30 }, (_, user) =>
        Array.from({ length: 10 }, (_, t) => ({ user, item: t, time: t })),
      ).flat(),
    );
    const { test, validation } = splitUsers(log, { targets: 0.3, test: 0.2 });
    expect(lists(test.targets)).toEqual(Array.from({ length: 6 }, () => [7, 8, 9]));
    expect(validation.histories.count).toBe(3);
    expect(test.protocol).toBe('6 users that training does not know as test (seed 42), the last 30 % of their events');
    expect(() => splitUsers(log, { validation: 0.5, test: 0.5 })).toThrow('test must be');
  });
});

describe('findLeaks', () => {
  const log = Interactions.from(
    Array.from({ length: 6 }, (_, user) =>
      Array.from({ length: 5 }, (_, t) => ({ user, item: user + t, time: 10 * t + user })),
    ).flat(),
  );

  it('finds nothing after a split by time but what lies in the nature of leave-last-out', () => {
    const byTime = splitByTime(log);
    expect(findLeaks(byTime.train, byTime.test)).toMatchObject({ trained: 0, later: 0, fromFuture: 0 });
    const { train, test } = leaveLastOut(log);
    const leaks = findLeaks(train, test);
    expect(leaks).toMatchObject({ targets: 6, users: 6, trained: 0, unknownItems: 2, later: 0, fromFuture: 0 });
    expect(`${leaks}`).toBe(
      '6 targets: 0 are in the training part, 2 are of items it does not have; 6 of 6 held-out sequences are of users it has; 0 of its 18 events are later than the earliest target',
    );
  });

  it('finds targets that were trained on, later events and a future in the history', () => {
    const { test } = leaveLastOut(log);
    const whole = findLeaks(log, test);
    expect(whole).toMatchObject({ trained: 6, unknownItems: 0, later: 5 });
    const wrong = { ...test, histories: test.targets, targets: test.histories };
    expect(findLeaks(log, wrong).fromFuture).toBe(6);
    expect(`${findLeaks(log, wrong)}`).toContain('6 events of histories are later than their own target');
  });

  it('compares items where there are no times', () => {
    const untimed = Interactions.from([1, 2, 3].map((item) => ({ user: 'ann', item })));
    const leaks = findLeaks(untimed, everyNext(untimed));
    expect(leaks).toMatchObject({ targets: 2, trained: 2, later: undefined, fromFuture: undefined });
    expect(`${leaks}`).toContain('no times to compare');
  });
});

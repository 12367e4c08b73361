import fc from 'fast-check';
import { Catalog, type Interaction, Interactions, Ragged } from 'seqrec';
import { describe, expect, it } from 'vitest';

const row = (user: unknown, item: unknown, time?: unknown) =>
  (time === undefined ? { user, item } : { user, item, time }) as Interaction;

describe('Interactions.from', () => {
  it('makes one sequence a user, ordered by time, users and items by first appearance', () => {
    const log = Interactions.from([row('u2', 'c', 30), row('u1', 'b', 20), row('u2', 'a', 10), row('u1', 'c', 5)]);
    expect(log.users).toEqual(['u2', 'u1']);
    expect(log.items.ids).toEqual(['c', 'b', 'a']);
    expect([...log.sequences.offsets]).toEqual([0, 2, 4]);
    expect([...log.sequences.item]).toEqual([2, 0, 0, 1]);
    expect([...(log.sequences.time as Float64Array)]).toEqual([10, 30, 5, 20]);
    expect([...log.sequences.user]).toEqual([0, 1]);
    expect([log.count, log.rows, log.user(1), log.density]).toEqual([2, 4, 'u1', 4 / 6]);
  });

  it('keeps the order of the rows for equal times and without times', () => {
    const items = Array.from({ length: 100 }, (_, i) => `i${(i * 37) % 100}`);
    const same = Interactions.from([row('u', 'late', 2), ...items.map((item) => row('u', item, 1))]);
    expect([...same].map(({ item }) => item)).toEqual([...items, 'late']);
    const none = Interactions.from(items.map((item) => row('u', item)));
    expect([...none].map(({ item }) => item)).toEqual(items);
    expect(none.sequences.time).toBeUndefined();
  });

  it('takes generators, sets, dates and negative or fractional times', () => {
    function* rows() {
      yield row('u', 'b', new Date('2024-05-02'));
      yield row('u', 'a', new Date('2024-05-01'));
    }
    const log = Interactions.from(rows());
    expect([...log]).toEqual([
      { user: 'u', item: 'a', time: Date.UTC(2024, 4, 1) },
      { user: 'u', item: 'b', time: Date.UTC(2024, 4, 2) },
    ]);
    expect(Interactions.from(new Set([row(1, 2, -0.5), row(1, 3, -1)])).sequences.time).toEqual(
      Float64Array.of(-1, -0.5),
    );
  });

  it('keeps times to the millisecond and one second apart', () => {
    const log = Interactions.from([row('u', 'a', 1700000000001), row('u', 'b', 1700000000000)]);
    expect([...log].map(({ item }) => item)).toEqual(['b', 'a']);
  });

  it('keeps the numbers and the texts of ids apart, and ids that objects use themselves', () => {
    const log = Interactions.from([row(1, 1), row('1', '1'), row('__proto__', 'constructor'), row('', '')]);
    expect(log.users).toEqual([1, '1', '__proto__', '']);
    expect(log.items.ids).toEqual([1, '1', 'constructor', '']);
  });

  it('gives every user the stable sort of that user’s rows', () => {
    const anyRow = fc.record({
      user: fc.integer({ min: 0, max: 5 }),
      item: fc.nat(20),
      time: fc.integer({ min: -3, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(anyRow, { minLength: 1, maxLength: 60 }), (rows) => {
        const log = Interactions.from(rows);
        const users = [...new Set(rows.map(({ user }) => user))];
        const expected = users.flatMap((user) => rows.filter((r) => r.user === user).sort((a, b) => a.time - b.time));
        expect([...log]).toEqual(expected);
        expect(log.items.ids).toEqual([...new Set(rows.map(({ item }) => item))]);
      }),
    );
  });

  it('grows past its first buffers', () => {
    const rows = Array.from({ length: 5000 }, (_, i) => row(i % 7, i % 11, 5000 - i));
    const log = Interactions.from(rows);
    expect(log.rows).toBe(5000);
    expect([...log].filter(({ user }) => user === 3)).toEqual(rows.filter(({ user }) => user === 3).reverse());
  });

  it('maps items through a given catalogue', () => {
    const catalog = new Catalog(['z', 'a', 'b']);
    expect([...Interactions.from([row('u', 'b'), row('u', 'a')], { catalog }).sequences.item]).toEqual([2, 1]);
    expect(() => Interactions.from([row('u', 'a'), row('u', 'x')], { catalog })).toThrow(/Row 1: .* got 'x'/);
    const log = Interactions.from([row('u', 'a'), row('v', 'x')], { catalog, unknown: 'drop' });
    expect([log.users, log.rows, log.items]).toEqual([['u'], 1, catalog]);
    expect(() => Interactions.from([row('u', 5n)], { catalog, unknown: 'drop' })).toThrow(/Row 0: the item/);
  });

  const good = row('u', 'a', 1);
  it.each([
    ['no rows', [], /at least one event, got none/],
    ['a NaN time', [good, row('u', 'b', Number.NaN)], /Row 1: the time must be a finite number .* got NaN/],
    ['an infinite time', [row('u', 'b', -Infinity)], /Row 0: the time .* got -Infinity/],
    ['a bigint time', [row('u', 'b', 5n)], /Row 0: the time .* got 5n: pass Number\(time\)/],
    ['a text time', [row('u', 'b', '2024-01-01')], /Row 0: the time .* got '2024-01-01'/],
    ['a null time', [row('u', 'b', null)], /Row 0: the time .* got null/],
    ['an invalid Date', [row('u', 'b', new Date('never'))], /an invalid Date/],
    ['a time that is not exact', [row('u', 'b', 1.7e18)], /Row 0: the time must be below 2\^53/],
    ['a missing time', [good, good, row('u', 'b')], /Row 2 has no time where the ones before have a number/],
    ['an unexpected time', [row('u', 'b'), good], /Row 1 has a number where the ones before have no time/],
    ['a Date among numbers', [good, row('u', 'b', new Date())], /Row 1 has a Date where the ones before have a number/],
    ['a NaN user', [row(Number.NaN, 'a')], /Row 0: the user must be a text or a finite number, got NaN/],
    ['a NaN item', [row('u', Number.NaN)], /Row 0: the item must be a text or a finite number, got NaN/],
    ['no item', [{ user: 'u' }], /Row 0: the item .* got undefined/],
    ['a bigint item', [row('u', 12n)], /got 12n: pass it as a text/],
    ['a symbol', [row(Symbol('s'), 'a')], /got Symbol\(s\)/],
    ['an object', [row({}, 'a')], /got an object/],
    ['an unsafe number', [good, row('u', 2 ** 60, 2)], /Row 1: the item must be below 2\^53/],
    ['another column', [good, { ...good, price: 3 }], /Row 1 has the column 'price', which nothing would use/],
    ['a row that is no object', ['abc'], /Row 0 must be an object .* got 'abc'/],
    ['a null row', [null], /Row 0 must be an object .* got null/],
  ])('refuses %s', (_, rows, message) => {
    expect(() => Interactions.from(rows as Interaction[])).toThrow(message);
  });

  it.each([
    ['a text', 'abc'],
    ['null', null],
    ['an object', { user: 1 }],
  ])('refuses %s instead of rows', (_, rows) => {
    expect(() => Interactions.from(rows as unknown as Interaction[])).toThrow(
      /rows must be an array or another iterable/,
    );
  });
});

describe('new Interactions', () => {
  const items = new Catalog(['a', 'b', 'c']);
  const ragged = (events: Partial<Ragged['events']> = {}, user?: Int32Array) =>
    new Ragged(Int32Array.of(0, 2, 3), { item: Int32Array.of(0, 1, 2), ...events }, user ? { user } : {});

  it('takes sequences as they are and numbers the users', () => {
    const log = new Interactions(items, ['u', 'v'], ragged());
    expect([...log.sequences.user]).toEqual([0, 1]);
    expect(new Interactions(items, ['u', 'v', 'w'], ragged({}, Int32Array.of(2, 0))).user(0)).toBe('w');
    expect(() => log.user(2)).toThrow(/from 0 to 1, got 2/);
  });

  it.each([
    ['too few users', () => new Interactions(items, ['u'], ragged()), /each of the 2 sequences, got 1/],
    [
      'a user that is not there',
      () => new Interactions(items, ['u'], ragged({}, Int32Array.of(0, 1))),
      /from 0 to 0, got 1/,
    ],
    [
      'a user twice',
      () => new Interactions(items, ['u', 'v'], ragged({}, Int32Array.of(1, 1))),
      /user 1 again in sequence 1/,
    ],
    [
      'a row that is not there',
      () => new Interactions(items, ['u', 'v'], ragged({ item: Int32Array.of(0, 3, 1) })),
      /0 to 2, got 3 in event 1/,
    ],
    ['an unknown row', () => new Interactions(items, ['u', 'v'], ragged({ item: Int32Array.of(0, -1, 1) })), /got -1/],
    [
      'times that fall',
      () => new Interactions(items, ['u', 'v'], ragged({ time: Float64Array.of(2, 1, 0) })),
      /sequence 0 .* got 1 after 2/,
    ],
    [
      'a time that is none',
      () => new Interactions(items, ['u', 'v'], ragged({ time: Float64Array.of(1, 2, Number.NaN) })),
      /got NaN in event 2/,
    ],
    [
      'no events',
      () => new Interactions(items, [], new Ragged(Int32Array.of(0), { item: new Int32Array(0) })),
      /at least one event/,
    ],
  ])('refuses %s', (_, make, message) => {
    expect(make).toThrow(message);
  });
});

describe('describe', () => {
  it('counts users, items, lengths, repeats and the span of time', () => {
    const catalog = new Catalog(['a', 'b', 'c', 'never']);
    const rows = [
      row('u', 'a', 5),
      row('u', 'b', 6),
      row('u', 'a', 9),
      row('v', 'a', 1),
      row('w', 'c', 2),
      row('w', 'c', 3),
    ];
    const summary = Interactions.from(rows, { catalog }).describe();
    expect(summary).toMatchObject({
      users: 3,
      items: 4,
      seenItems: 3,
      events: 6,
      density: 0.5,
      length: { min: 1, median: 2, mean: 2, suggested: 3, max: 3 },
      repeats: 2,
      time: { from: 1, to: 9 },
    });
    expect(`${summary}`).toBe(
      [
        'users    3',
        'items    4 (3 with events)',
        'events   6',
        'a user   2.0 (1 to 3, median 2, nine of ten at most 3)',
        'density  50 %',
        'repeats  2 (33.3 %)',
        'time     1 to 9',
      ].join('\n'),
    );
    expect(Interactions.from([row('u', 'a')]).describe().time).toBeUndefined();
  });
});

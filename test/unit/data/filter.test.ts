import fc from 'fast-check';
import { Catalog, Interactions, kCore, minimumCounts, Ragged } from 'seqrec';
import { describe, expect, it } from 'vitest';

const anyRows = fc.array(fc.record({ user: fc.nat(12), item: fc.nat(12), time: fc.nat(5) }), {
  minLength: 1,
  maxLength: 120,
});
const counts = (values: Iterable<unknown>) => {
  const of = new Map<unknown, number>();
  for (const value of values) of.set(value, (of.get(value) ?? 0) + 1);
  return of;
};

/** The definition, one removal after the other. */
function slowCore(events: { user: unknown; item: unknown }[], user: number, item: number) {
  for (;;) {
    const ofUser = counts(events.map((e) => e.user));
    const ofItem = counts(events.map((e) => e.item));
    const kept = events.filter((e) => (ofUser.get(e.user) as number) >= user && (ofItem.get(e.item) as number) >= item);
    if (kept.length === events.length) return events;
    events = kept;
  }
}

describe('kCore', () => {
  it('is the fixed point of removing rare users and items', () => {
    fc.assert(
      fc.property(anyRows, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), (rows, user, item) => {
        const log = Interactions.from(rows);
        const expected = slowCore([...log], user, item);
        if (expected.length === 0) {
          expect(() => kCore(log, { user, item })).toThrow(/No event .* use smaller counts/);
          return;
        }
        const core = kCore(log, { user, item });
        expect([...core]).toEqual(expected);
        expect(Math.min(...counts([...core].map((e) => e.user)).values())).toBeGreaterThanOrEqual(user);
        expect(Math.min(...counts([...core].map((e) => e.item)).values())).toBeGreaterThanOrEqual(item);
        expect([...kCore(core, { user, item })]).toEqual(expected);
        expect(new Set(core.sequences.item).size).toBe(core.items.size);
        expect(core.users).toEqual([...new Set(expected.map((e) => e.user))]);
      }),
    );
  });

  it('takes one number for both and renumbers names and users', () => {
    const catalog = new Catalog(['x', 'a', 'b'], { names: ['X', 'A', 'B'] });
    const rows = [
      ['u', 'a'],
      ['u', 'b'],
      ['v', 'x'],
      ['w', 'b'],
      ['w', 'a'],
    ].map(([user, item]) => ({ user, item }));
    const core = kCore(Interactions.from(rows as { user: string; item: string }[], { catalog }), 2);
    expect(core.items.toJSON()).toEqual({ ids: ['a', 'b'], names: ['A', 'B'] });
    expect([core.users, [...core.sequences.item], [...core.sequences.user]]).toEqual([
      ['u', 'w'],
      [0, 1, 1, 0],
      [0, 1],
    ]);
  });

  it('keeps every other column', () => {
    const sequences = new Ragged(
      Int32Array.of(0, 3, 4),
      { item: Int32Array.of(0, 1, 0, 1), time: Float64Array.of(1, 2, 3, 4), rating: Float32Array.of(5, 4, 3, 2) },
      { age: Int32Array.of(30, 40) },
    );
    const kept = kCore(new Interactions(new Catalog(['a', 'b']), ['u', 'v'], sequences), { user: 2 }).sequences;
    expect([...(kept.events.rating as Float32Array), ...(kept.sequences.age as Int32Array)]).toEqual([5, 4, 3, 30]);
    expect([...(kept.time as Float64Array)]).toEqual([1, 2, 3]);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses %s', (minimum) => {
    expect(() => kCore(Interactions.from([{ user: 1, item: 1 }]), minimum)).toThrow(/least number of events a user/);
  });
});

describe('minimumCounts', () => {
  it('removes by the counts of the given log, once', () => {
    fc.assert(
      fc.property(anyRows, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), (rows, user, item) => {
        const log = Interactions.from(rows);
        const ofUser = counts([...log].map((e) => e.user));
        const ofItem = counts([...log].map((e) => e.item));
        const expected = [...log].filter(
          (e) => (ofUser.get(e.user) as number) >= user && (ofItem.get(e.item) as number) >= item,
        );
        if (expected.length === 0) expect(() => minimumCounts(log, { user, item })).toThrow(/No event/);
        else expect([...minimumCounts(log, { user, item })]).toEqual(expected);
      }),
    );
  });
});

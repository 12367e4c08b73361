import fc from 'fast-check';
import { Catalog, type ItemId } from 'seqrec';
import { describe, expect, it } from 'vitest';

const anyId = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', ''),
);

describe('Catalog', () => {
  it('numbers ids in the order given and knows no others', () => {
    const items = new Catalog(['b', 'a', 7]);
    expect([items.size, items.row('b'), items.row('a'), items.row(7)]).toEqual([3, 0, 1, 2]);
    expect([items.row('7'), items.row('c'), items.row('toString')]).toEqual([-1, -1, -1]);
    expect([items.id(0), items.id(2), items.has('a'), items.has('c')]).toEqual(['b', 7, true, false]);
  });

  it('keeps 1 and the text 1 apart, accepts the empty text, and takes -0 for 0', () => {
    const items = new Catalog([1, '1', '', 0, 1.5]);
    expect([1, '1', '', -0, 1.5].map((id) => items.row(id))).toEqual([0, 1, 2, 3, 4]);
  });

  it('is safe for ids that objects use themselves', () => {
    const ids = ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'valueOf'];
    const items = Catalog.fromJSON(JSON.parse(JSON.stringify(new Catalog(ids))));
    expect(ids.map((id) => items.row(id))).toEqual([0, 1, 2, 3, 4, 5]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('gives rows and ids back and forth, through JSON too', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyId, { minLength: 1, comparator: 'SameValueZero' }), (ids: ItemId[]) => {
        const items = new Catalog(ids);
        const again = Catalog.fromJSON(JSON.parse(JSON.stringify(items)));
        for (const catalog of [items, again]) {
          expect(catalog.size).toBe(ids.length);
          ids.forEach((id, row) => {
            expect(catalog.row(id)).toBe(row);
            expect(catalog.id(row) === id).toBe(true);
          });
        }
      }),
    );
  });

  it.each([
    ['NaN', Number.NaN, /row 1 must be a text or a finite number, got NaN/],
    ['infinity', Infinity, /finite number/],
    ['a bigint', 5n, /got 5n: pass it as a text/],
    ['a symbol', Symbol('x'), /got Symbol\(x\)/],
    ['an object', { id: 1 }, /got an object/],
    ['null', null, /got null/],
    ['undefined', undefined, /got undefined/],
    ['a boolean', true, /got true/],
    ['2^53', 2 ** 53, /below 2\^53 .* pass it as a text/],
    ['-1e300', -1e300, /below 2\^53/],
  ])('refuses %s as an id', (_, id, message) => {
    expect(() => new Catalog(['a', id as ItemId])).toThrow(message);
    expect(() => new Catalog(['a']).rows([id as ItemId])).toThrow(/An item id must be/);
    expect(new Catalog(['a']).row(id as ItemId)).toBe(-1);
  });

  it('accepts the largest exact integer', () => {
    expect(new Catalog([2 ** 53 - 1]).row(2 ** 53 - 1)).toBe(0);
  });

  it('refuses no items, repeated items and rows it does not have', () => {
    expect(() => new Catalog([])).toThrow(/at least one item/);
    expect(() => new Catalog('ab' as unknown as string[])).toThrow(/must be an array, got 'ab'/);
    expect(() => new Catalog(['a', 'b', 'a'])).toThrow("got 'a' in row 0 and row 2");
    expect(() => new Catalog(['a']).id(1)).toThrow(/from 0 to 0, got 1/);
    expect(() => new Catalog(['a']).id(-1)).toThrow(RangeError);
    expect(() => new Catalog(['a']).id(0.5)).toThrow(RangeError);
  });

  it('has readable names', () => {
    const items = new Catalog(['a', 7], { names: ['Tea', 'Cup'] });
    expect([items.name(0), items.name(1), new Catalog([7]).name(0)]).toEqual(['Tea', 'Cup', '7']);
    expect(Catalog.fromJSON(JSON.parse(JSON.stringify(items))).names).toEqual(['Tea', 'Cup']);
    expect(() => new Catalog(['a', 'b'], { names: ['Tea'] })).toThrow(/each of the 2 items, got 1/);
    expect(() => new Catalog(['a'], { names: [3 as unknown as string] })).toThrow(
      /name of row 0 must be a text, got 3/,
    );
  });

  it('drops and reports unknown ids, or refuses them', () => {
    const items = new Catalog(['a', 'b']);
    expect(items.rows(['b', 'x', 'a', 'b'])).toEqual({ rows: Int32Array.of(1, 0, 1), unknown: ['x'] });
    expect(items.rows([])).toEqual({ rows: new Int32Array(0), unknown: [] });
    expect(() => items.rows(['a', 'x'], { unknown: 'error' })).toThrow(
      /one of the 2 of the catalogue, got 'x': leave it out/,
    );
  });

  it('points out an id of the other type', () => {
    expect(() => new Catalog([17]).rows(['17'], { unknown: 'error' })).toThrow(/the number 17 is known/);
    expect(() => new Catalog(['17']).rows([17], { unknown: 'error' })).toThrow(/the text '17' is known/);
  });

  it.each([
    null,
    'x',
    5,
    {},
    { ids: 'ab' },
    { ids: [] },
    { ids: [null] },
    { ids: ['a', 'a'] },
    { ids: ['a'], names: 'A' },
  ])('refuses the stored catalogue %j', (json) => {
    expect(() => Catalog.fromJSON(json)).toThrow();
  });

  it('does not change when the given list changes', () => {
    const ids = ['a', 'b'];
    const items = new Catalog(ids);
    ids[0] = 'z';
    expect(items.id(0)).toBe('a');
    expect(() => (items.ids as string[]).push('c')).toThrow();
  });
});

import { leaveLastOut, syntheticShop } from 'seqrec';
import { describe, expect, it } from 'vitest';

describe('syntheticShop', () => {
  const shop = syntheticShop({ users: 400, items: 120, seed: 3 });

  it('is the same for the same options and another for another seed', () => {
    expect(syntheticShop({ users: 400, items: 120, seed: 3 }).rows).toEqual(shop.rows);
    expect(syntheticShop({ users: 400, items: 120, seed: 4 }).rows).not.toEqual(shop.rows);
    // a fixed value: the shop must not change with the platform or by accident, since figures are published for it
    expect(shop.rows.slice(0, 2)).toMatchInlineSnapshot(`
      [
        {
          "item": "sku-32",
          "time": 1704195407722,
          "user": "user-139",
        },
        {
          "item": "sku-33",
          "time": 1704195433758,
          "user": "user-139",
        },
      ]
    `);
  });

  it('gives a customer the same events whatever the number of customers', () => {
    const few = syntheticShop({ users: 10, items: 120, seed: 3 });
    expect(few.rows.filter(({ user }) => user === 'user-7')).toEqual(shop.rows.filter(({ user }) => user === 'user-7'));
  });

  it('has readable items, rows in order of time and a log of the same events', () => {
    expect(shop.items).toHaveLength(120);
    shop.items.forEach(({ id, name, category, price }, row) => {
      expect([shop.log.items.id(row), shop.log.items.name(row)]).toEqual([id, name]);
      expect(name).toMatch(/^(Red|Orange|Yellow|Green|Blue|Violet) [A-Z][A-Za-z ]+ \d+$/);
      expect(category).toMatch(/^[A-Z]/);
      expect(price).toBeGreaterThan(1);
      expect(Math.round(price * 100) / 100).toBe(price);
    });
    expect(new Set(shop.items.map(({ name }) => name)).size).toBe(120);
    shop.rows.slice(1).forEach(({ time }, i) => {
      expect(time).toBeGreaterThanOrEqual(shop.rows[i]?.time as number);
    });
    expect([shop.log.rows, shop.log.count]).toEqual([shop.rows.length, 400]);
  });

  it('has about the asked number of events and repeats', () => {
    const { length, repeats, events } = shop.log.describe();
    expect(length.mean).toBeGreaterThan(22);
    expect(length.mean).toBeLessThan(26);
    expect([length.min, length.max]).toEqual([12, 36]);
    expect(repeats / events).toBeGreaterThan(0.03);
    expect(repeats / events).toBeLessThan(0.15);
  });

  it('rewards a model that knows the order over one that counts, and two steps back over one', () => {
    const { log } = syntheticShop({ users: 1000, items: 120 });
    const { train, test } = leaveLastOut(log);
    const size = log.items.size;
    const counts = [new Float64Array(size), new Float64Array(size * size), new Float64Array(size * size)];
    for (let b = 0; b < train.count; b++) {
      const items = train.sequences.items(b);
      items.forEach((item, t) => {
        for (let back = 0; back <= Math.min(2, t); back++) {
          const at = (back === 0 ? 0 : (items[t - back] as number) * size) + item;
          (counts[back] as Float64Array)[at] = ((counts[back] as Float64Array)[at] as number) + 1;
        }
      });
    }
    const hits = (score: (history: Int32Array, item: number) => number) => {
      let found = 0;
      for (let b = 0; b < test.targets.count; b++) {
        const history = test.histories.items(b);
        const target = test.targets.items(b)[0] as number;
        let rank = 1;
        for (let item = 0; item < size; item++) {
          if (item !== target && !history.includes(item) && score(history, item) >= score(history, target)) rank++;
        }
        if (rank <= 10) found++;
      }
      return found / test.targets.count;
    };
    const follows = (back: number, history: Int32Array, item: number) =>
      counts[back]?.[(history.at(-back) as number) * size + item] as number;
    const popularity = hits((_, item) => counts[0]?.[item] as number);
    const one = hits((history, item) => follows(1, history, item));
    const two = hits((history, item) => follows(1, history, item) + follows(2, history, item));
    expect(one).toBeGreaterThan(1.15 * popularity);
    expect(two).toBeGreaterThan(1.1 * one);
  });

  it.each([{ users: 0 }, { items: 59 }, { events: 1 }, { taste: 1.1 }, { repeat: -1 }, { plans: 1.5 }, { seed: -1 }])(
    'refuses %j',
    (options) => {
      expect(() => syntheticShop(options)).toThrow(RangeError);
    },
  );

  it('works at its limits', () => {
    const tiny = syntheticShop({ users: 1, items: 60, events: 2, plans: 1, taste: 0, drift: 1, explore: 1, repeat: 0 });
    expect(tiny.log.count).toBe(1);
    expect(syntheticShop({ users: 5, items: 60, events: 100, repeat: 1 }).log.count).toBe(5);
  });
});

/** Ranks and top-k lists against sorting. */
import fc from 'fast-check';
import { Ragged, ranksOfScores, topKOfScores } from 'seqrec';
import { expect, test } from 'vitest';
import { ranksAmong } from '../../../src/evaluation/rank.ts';

/** Scores with many ties, targets and excluded rows of a few histories. */
const cases = fc.integer({ min: 1, max: 12 }).chain((items) =>
  fc.record({
    items: fc.constant(items),
    histories: fc.array(
      fc.record({
        scores: fc.array(fc.constantFrom(-Infinity, -1, 0, 0.5, 1, 2, Infinity), {
          minLength: items,
          maxLength: items,
        }),
        targets: fc.array(fc.nat(items - 1), { minLength: 1, maxLength: 4 }),
        exclude: fc.array(fc.nat(items - 1), { maxLength: 8 }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  }),
);

test('ranks are places in a sorted list in which the target comes after its ties', () => {
  fc.assert(
    fc.property(cases, ({ items, histories }) => {
      const expected = histories.flatMap(({ scores, targets, exclude }) =>
        targets.map((target) => {
          const others = [...scores.keys()].filter(
            (row) => row !== target && (targets.includes(row) || !exclude.includes(row)),
          );
          const order = [...others, target].sort(
            (a, b) => compare(scores[b], scores[a]) || Number(a === target) - Number(b === target),
          );
          return order.indexOf(target) + 1;
        }),
      );
      const targets = Ragged.from(histories.map((h) => h.targets));
      const exclude = Ragged.from(histories.map((h) => h.exclude));
      const scores = Float32Array.from(histories.flatMap((h) => h.scores));
      expect([...ranksOfScores(scores, items, targets, exclude)]).toEqual(expected);
    }),
  );
});

test('ranks among all other items as a pool are the ranks in the catalogue', () => {
  fc.assert(
    fc.property(cases, ({ items, histories }) => {
      const targets = Ragged.from(histories.map((h) => [...new Set(h.targets)]));
      const among = histories.map((h) => [
        ...new Set(h.targets),
        ...[...h.scores.keys()].filter((row) => !h.targets.includes(row) && !h.exclude.includes(row)),
      ]);
      const few = Float32Array.from(histories.flatMap((h, b) => among[b]?.map((row) => h.scores[row] as number) ?? []));
      const exclude = Ragged.from(histories.map((h) => h.exclude));
      const scores = Float32Array.from(histories.flatMap((h) => h.scores));
      expect(ranksAmong(few, targets, Ragged.from(among))).toEqual(ranksOfScores(scores, items, targets, exclude));
    }),
  );
});

test('the top k are the head of a stable sort, lower rows first', () => {
  fc.assert(
    fc.property(cases, fc.integer({ min: 1, max: 15 }), ({ items, histories }, k) => {
      const exclude = Ragged.from(histories.map((h) => h.exclude));
      const scores = Float32Array.from(histories.flatMap((h) => h.scores));
      const got = topKOfScores(scores, items, k, exclude);
      histories.forEach((h, b) => {
        const rows = [...h.scores.keys()].filter((row) => !h.exclude.includes(row) && h.scores[row] !== -Infinity);
        const best = rows.sort((x, y) => compare(h.scores[y], h.scores[x])).slice(0, k);
        const rest = new Array(k - best.length);
        expect([...got.items.subarray(b * k, (b + 1) * k)]).toEqual([...best, ...rest.fill(-1)]);
        expect([...got.scores.subarray(b * k, (b + 1) * k)]).toEqual([
          ...best.map((row) => h.scores[row]),
          ...rest.fill(-Infinity),
        ]);
      });
    }),
  );
});

test('the top k of many scores, all kinds of order', () => {
  const items = 1000;
  for (const make of [(i: number) => i, (i: number) => -i, (i: number) => (i * 7919) % 1000, () => 3]) {
    const scores = Float32Array.from({ length: items }, (_, i) => make(i));
    const best = [...scores.keys()].sort((a, b) => compare(scores[b], scores[a])).slice(0, 100);
    expect([...topKOfScores(scores, items, 100).items]).toEqual(best);
  }
});

test('a NaN is named', () => {
  const scores = Float32Array.of(1, 2, 3, 4, Number.NaN, 6);
  const targets = Ragged.from([[0], [2]]);
  expect(() => ranksOfScores(scores, 3, targets)).toThrow('got NaN for row 1 of history 1');
  expect(() => ranksOfScores(scores, 3, Ragged.from([[0], [1]]))).toThrow('got NaN for row 1 of history 1');
  const among = Ragged.from([[0], [2, 1]]);
  expect(() => ranksAmong(Float32Array.of(1, 6, Number.NaN), targets, among)).toThrow('got NaN for row 1 of history 1');
  expect(() => ranksAmong(scores, targets, among)).toThrow('each of the 3 candidates, got 6');
  expect(() => topKOfScores(scores, 3, 1)).toThrow('got NaN for row 1 of history 1');
  expect(() => topKOfScores(scores, 4, 1)).toThrow('one value for each of the 4 items');
});

function compare(a = 0, b = 0): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Reports: tables, intervals and comparisons. */
import {
  bootstrapInterval,
  compareReports,
  formatReports,
  type Protocol,
  Ragged,
  Report,
  Rng,
  signFlipTest,
} from 'seqrec';
import { describe, expect, test } from 'vitest';

const protocol: Protocol = {
  split: 'test',
  candidates: 'all 9 items',
  excludeSeen: true,
  ties: 'against the target',
  users: 4,
};
const targets = Ragged.from([[1], [2], [3], [4]]);

function report(values: number[], change: Partial<Protocol> = {}) {
  const maps = [new Map([['MRR', Float64Array.from(values)]]), new Map([['Coverage@5', 0.5]])] as const;
  return new Report<'MRR' | 'Coverage@5'>(['MRR', 'Coverage@5'], ...maps, { ...protocol, ...change }, targets);
}

test('a report prints as a table with its protocol', () => {
  expect(`${report([1, 0.5, 0, 0.5])}`).toBe(
    '   MRR  Coverage@5\n0.5000      0.5000\n4 users, test, ranked among all 9 items without seen items, ties against the target',
  );
});

test('reports stand side by side, and different protocols are marked', () => {
  const [a, b] = [report([1, 0.5, 0, 0.5]), report([0, 0, 0, 1])];
  expect(formatReports({ SASRec: a, Popularity: b })).toBe(
    [
      '               MRR  Coverage@5',
      'SASRec      0.5000      0.5000',
      'Popularity  0.2500      0.5000',
      '4 users, test, ranked among all 9 items without seen items, ties against the target',
    ].join('\n'),
  );
  const other = formatReports({ SASRec: a, Popularity: report([0, 0, 0, 1], { excludeSeen: false }) });
  expect(other).toContain('Popularity (2)  0.2500');
  expect(other).toContain('(2) 4 users, test, ranked among all 9 items with seen items');
  expect(other).toContain('cannot be compared');
});

describe('intervals', () => {
  const values = new Rng(7).uniforms(new Float64Array(500));

  test('a seed repeats, another differs', () => {
    expect(bootstrapInterval(values, { seed: 3 })).toEqual(bootstrapInterval(values, { seed: 3 }));
    expect(bootstrapInterval(values, { seed: 3 })).not.toEqual(bootstrapInterval(values, { seed: 4 }));
  });

  test('the width is that of the normal distribution', () => {
    const error = Math.sqrt(1 / 12 / values.length);
    const { low, high } = bootstrapInterval(values, { samples: 2000 });
    expect(Math.abs((high - low) / (2 * 1.96 * error) - 1)).toBeLessThan(0.1);
    const narrow = bootstrapInterval(values, { samples: 2000, level: 0.5 });
    expect(Math.abs((narrow.high - narrow.low) / (2 * 0.6745 * error) - 1)).toBeLessThan(0.1);
  });

  test('a report gives them for metrics of users only', () => {
    const { low, high } = report([0.5, 0.5, 0.5, 0.5]).interval('MRR');
    expect([low, high]).toEqual([0.5, 0.5]);
    expect(() => report([1]).interval('Coverage@5')).toThrow(
      'Coverage@5 has no values of users in this report; the metrics that have are: MRR.',
    );
    expect(() => report([1]).interval('MRR', { level: 1 })).toThrow('level must be');
  });
});

describe('comparisons', () => {
  test('equal models do not differ', () => {
    const a = report([1, 0, 0, 1]);
    expect(compareReports(a, a, 'MRR')).toEqual({ difference: 0, low: 0, high: 0, pValue: 1 });
  });

  test('the p-value is the share of sign flips at least as extreme', () => {
    // Of the 2^6 sign patterns of six equal differences, two are as extreme.
    expect(signFlipTest(new Float64Array(6).fill(0.1), { samples: 20_000 })).toBeCloseTo(2 / 64, 2);
    expect(signFlipTest(new Float64Array(60).fill(0.1))).toBe(1 / 1001);
  });

  test('only reports of the same users can be compared', () => {
    const a = report([1, 0, 0, 1]);
    expect(compareReports(a, report([0, 0, 0, 0]), 'MRR').difference).toBe(0.5);
    expect(() => compareReports(a, report([1, 0, 0, 1], { split: 'validation' }), 'MRR')).toThrow('the same users');
    const others = new Report(
      ['MRR'],
      new Map([['MRR', new Float64Array(4)]]),
      new Map(),
      protocol,
      Ragged.from([[1], [2], [3], [5]]),
    );
    expect(() => compareReports(a, others, 'MRR')).toThrow('the same users');
  });
});

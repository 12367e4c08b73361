/** Whether one model is better than another, or was lucky with the users. */
import { type BootstrapOptions, bootstrapInterval, type Interval, signFlipTest } from './bootstrap.ts';
import { type Report, valuesOf } from './report.ts';

/** The difference of two models in one metric, user by user. */
export interface Comparison extends Interval {
  /** The mean of the first minus the mean of the second; `low` and `high` are its bootstrap interval. */
  readonly difference: number;
  /** The two-sided p-value of a paired randomisation test. */
  readonly pValue: number;
}

/**
 * Compares two reports on the same users. One test says nothing of a search over many models: the best of twenty is
 * often lucky.
 *
 * @throws RangeError when the reports are not of the same users and protocol
 *
 * @example
 * ```ts
 * const { difference, low, high, pValue } = compareReports(sasrec, popularity, 'NDCG@10');
 * ```
 */
export function compareReports<A extends string, B extends string>(
  a: Report<A>,
  b: Report<B>,
  key: NoInfer<A & B>,
  options: BootstrapOptions = {},
): Comparison {
  const same =
    JSON.stringify(a.protocol) === JSON.stringify(b.protocol) &&
    equal(a.targets.offsets, b.targets.offsets) &&
    equal(a.targets.item, b.targets.item);
  if (!same) throw new RangeError('Reports can be compared only if they have the same users, targets and protocol.');
  const [first, second] = [valuesOf(a, key), valuesOf(b, key)];
  const differences = first.map((value, user) => value - (second[user] as number));
  const difference = differences.reduce((sum, d) => sum + d, 0) / differences.length;
  return { difference, ...bootstrapInterval(differences, options), pValue: signFlipTest(differences, options) };
}

function equal(a: Int32Array, b: Int32Array): boolean {
  return a === b || (a.length === b.length && a.every((value, i) => value === b[i]));
}

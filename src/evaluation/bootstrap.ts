/** Seeded resampling over users: intervals of means, and whether a difference could be chance. */
import { Rng } from '../core/rng.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';

export interface BootstrapOptions {
  /** The share of resampled means inside the interval. @defaultValue 0.95 */
  level?: number | undefined;
  /** The number of resamples. @defaultValue 1000 */
  samples?: number | undefined;
  /** @defaultValue 0 */
  seed?: number | undefined;
}

/** An interval around a mean. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The percentile bootstrap interval of the mean of `values` (Efron & Tibshirani, 1993). */
export function bootstrapInterval(values: Float64Array, options: BootstrapOptions = {}): Interval {
  const { level: share, samples: count, seed, ...others } = options;
  refuseOthers('bootstrapInterval', others, options);
  const level = checkNumber('level', share ?? 0.95, { above: 0, below: 1 });
  const samples = checkNumber('samples', count ?? 1000, { min: 1, integer: true });
  const root = new Rng(seed ?? 0).fork('bootstrap');
  const n = values.length;
  if (n === 0) throw new RangeError('A mean needs at least one value, got none.');
  const means = new Float64Array(samples).map((_, sample) => {
    const rng = root.fork(sample);
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[rng.int(i, n)] as number;
    return sum / n;
  });
  means.sort();
  return { low: quantile(means, (1 - level) / 2), high: quantile(means, (1 + level) / 2) };
}

/**
 * The two-sided p-value of the mean of paired `differences` under random signs (Fisher's randomisation test; Smucker,
 * Allan & Carterette, 2007): the share of sign flips, the observed one included, whose mean is at least as far from 0.
 */
export function signFlipTest(differences: Float64Array, options: BootstrapOptions = {}): number {
  const { samples = 1000, seed = 0, level: _, ...others } = options;
  refuseOthers('signFlipTest', others, options);
  checkNumber('samples', samples, { min: 1, integer: true });
  const root = new Rng(seed).fork('sign flips');
  const observed = Math.abs(differences.reduce((sum, d) => sum + d, 0));
  // Sums of the same numbers in another order differ in the last digits: those count as equal.
  const limit = observed * (1 - 1e-12);
  let extreme = 1;
  for (let sample = 0; sample < samples; sample++) {
    const rng = root.fork(sample);
    let sum = 0;
    for (let i = 0; i < differences.length; i++) {
      sum += rng.uint32(i) & 1 ? (differences[i] as number) : -(differences[i] as number);
    }
    if (Math.abs(sum) >= limit) extreme++;
  }
  return extreme / (samples + 1);
}

/** The value below which a share `p` of `sorted` lies, interpolated. */
function quantile(sorted: Float64Array, p: number): number {
  const at = p * (sorted.length - 1);
  const below = sorted[Math.floor(at)] as number;
  const above = sorted[Math.ceil(at)] as number;
  return below + (above - below) * (at - Math.floor(at));
}

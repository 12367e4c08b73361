/** Times as side features: when an item came out, since when a user is here, what hour it is. */
import { checkNumber, describe, refuseOthers } from '../core/shape.ts';
import { timeOfText } from './dates.ts';
import { type Feature, isNone, type NumericOptions, numeric } from './feature.ts';

/** Options of {@link dateTime}: boundaries are times, in milliseconds where values are dates. */
export type DateTimeOptions = NumericOptions;

/**
 * A moment, read by the stretch of time it falls in: a release date, a first visit. A value is a Date, a number, or a text
 * of a number or an ISO 8601 date (without a zone: UTC); dates count in milliseconds.
 */
export function dateTime(options: DateTimeOptions = {}): Feature {
  const { buckets, ...others } = options;
  refuseOthers('dateTime', others, options);
  const stretches = numeric({ buckets });
  return {
    ...stretches,
    name: 'dateTime',
    read: (value, what) => (isNone(value) ? [] : [timeOf(value, what)]),
    learn: (seen) => dateTime(stretches.learn(seen).options as DateTimeOptions),
  };
}

export interface CyclicTimeOptions {
  /** What repeats, in the unit of the values: 86,400,000 for a day in milliseconds. */
  period: number;
  /** How many equal parts it has. */
  buckets: number;
}

/**
 * A moment, read by its place in a period that repeats; values as of {@link dateTime}. Code 0 begins with the period at
 * time 0, which for dates is midnight of Thursday, 1 January 1970, UTC.
 *
 * @example
 * ```ts
 * const day = 24 * 60 * 60 * 1000;
 * const context = { hour: cyclicTime({ period: day, buckets: 24 }), weekday: cyclicTime({ period: 7 * day, buckets: 7 }) };
 * ```
 */
export function cyclicTime({ period, buckets, ...others }: CyclicTimeOptions): Feature {
  refuseOthers('cyclicTime', others);
  checkNumber('cyclicTime: period', period, { above: 0, below: Infinity });
  checkNumber('cyclicTime: buckets', buckets, { min: 2, max: 65536, integer: true });
  const feature: Feature = {
    name: 'cyclicTime',
    options: { period, buckets },
    size: buckets,
    many: false,
    read: (value, what) => (isNone(value) ? [] : [timeOf(value, what)]),
    code(value) {
      const place = ((value as number) % period) / period;
      // rounding may reach the end of the period
      return Math.min(Math.floor((place < 0 ? place + 1 : place) * buckets), buckets - 1);
    },
    learn: () => feature,
  };
  return feature;
}

function timeOf(value: unknown, what: string): number {
  const time = Number(typeof value === 'string' ? timeOfText(value) : value instanceof Date ? value : numberOf(value));
  if (Number.isFinite(time)) return time;
  throw new TypeError(
    `${what} must be a valid Date, a finite number, or a text of one such as 2024-05-01, got ${describe(value)}.`,
  );
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN;
}

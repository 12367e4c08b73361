/** Side features: the kinds of columns beside items, and how a value becomes the number of a row in a table. */
import type { Part } from '../core/part.ts';
import { checkNumber, describe, refuseOthers } from '../core/shape.ts';

/** One value of a category. `1` and `'1'` are different values. */
export type CategoryValue = string | number | boolean;

/** A value as the application gives it; `undefined`, `null` and `''` are no value. */
export type FeatureValue = CategoryValue | null | undefined | readonly CategoryValue[];

/** A kind of column. It is declared without its vocabulary, which is learned from the data and kept. */
export interface Feature extends Part {
  /** The number of different codes; 0 while they are not learned. */
  readonly size: number;
  /** Whether a row may have several values. */
  readonly many: boolean;
  /** How several values are joined. */
  readonly combine?: 'mean' | 'sum' | undefined;
  /**
   * The values in what the application gives; texts of files are understood here.
   *
   * @param what begins the sentence of the error
   * @throws TypeError for what this kind cannot hold
   */
  read(value: unknown, what: string): readonly CategoryValue[];
  /** The code of a value from `read`, -1 if it is not known. */
  code(value: CategoryValue): number;
  /** The same kind with what it learned from the values that appear. */
  learn(values: readonly CategoryValue[]): Feature;
}

export interface CategoricalOptions {
  /** The known values, code 0 first. @defaultValue those that appear, in order of first appearance */
  values?: readonly CategoryValue[] | undefined;
}

/** One of a set of values: a category, a brand, a kind of event. */
export function categorical(options: CategoricalOptions = {}): Feature {
  const { values, ...others } = options;
  refuseOthers('categorical', others, options);
  const codes = vocabulary('categorical', values);
  return {
    name: 'categorical',
    options: { values },
    size: codes.size,
    many: false,
    read: (value, what) => (isNone(value) ? [] : [categoryOf(value, what)]),
    code: (value) => codes.get(value) ?? -1,
    learn: (seen) => categorical({ values: [...new Set(seen)] }),
  };
}

export interface MultiValuedOptions extends CategoricalOptions {
  /** What separates the values of a text. @defaultValue '|' */
  separator?: string | undefined;
  /** How the embeddings of a row's values are joined. @defaultValue 'mean' */
  combine?: 'mean' | 'sum' | undefined;
}

/** Any number of values out of a set: genres, tags. Only items have such features. */
export function multiValued(options: MultiValuedOptions = {}): Feature {
  const { separator = '|', combine = 'mean', values, ...others } = options;
  refuseOthers('multiValued', others, options);
  const codes = vocabulary('multiValued', values);
  if (typeof separator !== 'string' || separator === '') {
    throw new TypeError(`multiValued: separator must be a text of at least one character, got ${describe(separator)}.`);
  }
  if (combine !== 'mean' && combine !== 'sum') {
    throw new TypeError(`multiValued: combine must be 'mean' or 'sum', got ${describe(combine)}.`);
  }
  return {
    name: 'multiValued',
    options: { separator, combine, values },
    size: codes.size,
    many: true,
    combine,
    read(value, what) {
      const list = typeof value === 'string' ? value.split(separator) : Array.isArray(value) ? value : [value];
      return [...new Set(list.filter((entry) => !isNone(entry)).map((entry) => categoryOf(entry, what)))];
    },
    code: (value) => codes.get(value) ?? -1,
    learn: (seen) => multiValued({ separator, combine, values: [...new Set(seen)] }),
  };
}

export interface NumericOptions {
  /**
   * How many buckets, with about as many values each; or their boundaries in ascending order: a number below the first
   * has code 0, one from the last on has the highest.
   *
   * @defaultValue 10
   */
  buckets?: number | readonly number[] | undefined;
}

/** A number, read by the bucket it falls in: a price, an age, an hour. */
export function numeric(options: NumericOptions = {}): Feature {
  const { buckets = 10, ...others } = options;
  refuseOthers('numeric', others, options);
  if (typeof buckets === 'number') checkNumber('numeric: buckets', buckets, { min: 2, max: 65536, integer: true });
  else checkBoundaries(buckets);
  const boundaries = typeof buckets === 'number' ? undefined : buckets;
  return {
    name: 'numeric',
    options: { buckets },
    size: boundaries ? boundaries.length + 1 : 0,
    many: false,
    read: (value, what) => (isNone(value) ? [] : [numberOf(value, what)]),
    code: (value) => (boundaries ? countUpTo(boundaries, value as number) : -1),
    learn: (seen) => numeric({ buckets: quantiles(seen as readonly number[], buckets as number) }),
  };
}

function vocabulary(kind: string, values: readonly CategoryValue[] | undefined): Map<CategoryValue, number> {
  if (values === undefined) return new Map();
  if (!Array.isArray(values) || values.length === 0) {
    throw new TypeError(`${kind}: values must be an array of at least one value, got ${describe(values)}.`);
  }
  const codes = new Map<CategoryValue, number>();
  for (const value of values) {
    const known = categoryOf(value, `${kind}: each of the values`);
    if (codes.has(known)) throw new RangeError(`${kind}: the values must differ, got ${describe(known)} twice.`);
    codes.set(known, codes.size);
  }
  return codes;
}

/** Whether a value is none. */
export function isNone(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function categoryOf(value: unknown, what: string): CategoryValue {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new TypeError(`${what} must be a text, a finite number or a boolean, got ${describe(value)}.`);
}

function numberOf(value: unknown, what: string): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  throw new TypeError(`${what} must be a finite number, got ${describe(value)}.`);
}

function checkBoundaries(boundaries: readonly number[]): void {
  const ok =
    Array.isArray(boundaries) &&
    boundaries.every((b, i) => Number.isFinite(b) && (i === 0 || (boundaries[i - 1] as number) < b));
  if (!ok) {
    throw new TypeError(
      `numeric: buckets must be a number, or finite boundaries in ascending order, got ${describe(boundaries)}.`,
    );
  }
}

/** How many of the ascending `boundaries` are at most `value`. */
function countUpTo(boundaries: readonly number[], value: number): number {
  let [low, high] = [0, boundaries.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((boundaries[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The values that begin each bucket but the first; fewer where one value fills several buckets. */
function quantiles(values: readonly number[], buckets: number): number[] {
  const sorted = Float64Array.from(values).sort();
  const starts = Array.from({ length: buckets - 1 }, (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / buckets)]);
  return [...new Set(starts as number[])].filter((start) => start > (sorted[0] as number));
}

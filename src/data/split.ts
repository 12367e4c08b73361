/** Cuts of a log into training, validation and test events. */
import { type Ragged, range } from '../core/ragged.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import type { Holdout, Split } from './holdout.ts';
import { checkLog, Interactions } from './interactions.ts';

/** The shares of the events, each above 0, together below 1. */
export interface FractionOptions {
  /** @defaultValue 0.1 */
  validation?: number | undefined;
  /** @defaultValue 0.1 */
  test?: number | undefined;
}

/** Where the validation and the test time begin: a share of all events, or a time. */
export interface TimeSplitOptions {
  /** The share of the events, or the first time, of the validation part. @defaultValue 0.1 */
  validation?: number | { from: number | Date } | undefined;
  /** The share of the events, or the first time, of the test part. @defaultValue 0.1 */
  test?: number | { from: number | Date } | undefined;
}

/**
 * Of a user's n events the last is the test target and the one before the validation target (Kang & McAuley, 2018):
 *
 * - train: events 1 … n-2
 * - validation: history 1 … n-2, target n-1
 * - test: history 1 … n-1, target n
 *
 * Users with fewer than 3 events are for training only, with all of them.
 *
 * @throws RangeError when no user has 3 events
 */
export function leaveLastOut(log: Interactions): Split {
  checkLog('leaveLastOut', log);
  const { sequences } = log;
  const long = withThreeEvents(sequences);
  return {
    train: part(
      log,
      sequences.slice(range(log.count), from0, (n) => (n < 3 ? n : n - 2)),
    ),
    validation: {
      catalog: log.items,
      users: log.users,
      histories: sequences.slice(long, from0, (n) => n - 2),
      targets: sequences.slice(
        long,
        (n) => n - 2,
        (n) => n - 1,
      ),
      protocol: 'leave-last-out validation',
    },
    test: {
      catalog: log.items,
      users: log.users,
      histories: sequences.slice(long, from0, (n) => n - 1),
      targets: sequences.slice(long, (n) => n - 1),
      protocol: 'leave-last-out test',
    },
  };
}

/**
 * The last events of every user are held out: `test` of them for testing, `validation` of them before these. Counts are
 * rounded down, but at least one event goes into each part; users with fewer than 3 events are for training only.
 * The history of the test targets includes the validation events.
 *
 * @throws RangeError when the shares do not fit or no user has 3 events
 */
export function lastFraction(log: Interactions, options: FractionOptions = {}): Split {
  checkLog('lastFraction', log);
  const { validation = 0.1, test = 0.1, ...others } = options;
  refuseOthers('lastFraction', others, options);
  checkShares(validation, test);
  const { sequences } = log;
  const long = withThreeEvents(sequences);
  // the small term undoes binary rounding: 0.29 of 100 events are 29, though 0.29 * 100 is 28.999999999999996
  const share = (n: number, fraction: number, most: number) =>
    Math.min(Math.max(1, Math.floor(n * fraction + 1e-9)), most);
  const testFrom = (n: number) => n - share(n, test, n - 2);
  const validationFrom = (n: number) => testFrom(n) - share(n, validation, testFrom(n) - 1);
  const protocol = (name: string, fraction: number) => `last ${percent(fraction)} of each user's events as ${name}`;
  return {
    train: part(
      log,
      sequences.slice(range(log.count), from0, (n) => (n < 3 ? n : validationFrom(n))),
    ),
    validation: {
      catalog: log.items,
      users: log.users,
      histories: sequences.slice(long, from0, validationFrom),
      targets: sequences.slice(long, validationFrom, testFrom),
      protocol: protocol('validation before the test part', validation),
    },
    test: {
      catalog: log.items,
      users: log.users,
      histories: sequences.slice(long, from0, testFrom),
      targets: sequences.slice(long, testFrom),
      protocol: protocol('test', test),
    },
  };
}

/**
 * One moment for all users separates the past from the future: training events lie before the validation part, and
 * nothing that happened later leaks into a model or a history. Events at the same time fall on the same side, so shares
 * are met as nearly as the times allow. All of a user's events in a part are targets ({@link firstTarget} keeps the
 * next one); users without an earlier event are left out of that part, and the protocol says how many.
 *
 * @throws RangeError when the log has no times, the shares or times do not fit, or a part would be empty
 */
export function splitByTime(log: Interactions, options: TimeSplitOptions = {}): Split {
  checkLog('splitByTime', log);
  const { validation, test, ...others } = options;
  refuseOthers('splitByTime', others, options);
  const { sequences } = log;
  const { time } = sequences;
  if (!time) throw new RangeError('A split by time needs events with times, got none: use leaveLastOut or add times.');
  const [validationFrom, testFrom] = cuts(time, { validation, test });
  const firstAt = (moment: number) =>
    Int32Array.from({ length: log.count }, (_, b) => countBefore(sequences, b, moment));
  const [toValidation, toTest, toEnd] = [firstAt(validationFrom), firstAt(testFrom), firstAt(Infinity)];
  const learned = range(log.count).filter((b) => (toValidation[b] as number) > 0);
  if (learned.length === 0) throw new RangeError(`No event lies before the validation part (from ${validationFrom}).`);
  const held = (name: string, from: Int32Array, to: Int32Array, since: number): Holdout => {
    const active = range(log.count).filter((b) => (from[b] as number) < (to[b] as number));
    const known = active.filter((b) => (from[b] as number) > 0);
    if (known.length === 0) {
      throw new RangeError(
        `The ${name} part (from ${since}) must have an event of a user with earlier ones, got none.`,
      );
    }
    const left = active.length - known.length;
    return {
      catalog: log.items,
      users: log.users,
      histories: sequences.slice(known, from0, (_, b) => from[b] as number),
      targets: sequences.slice(
        known,
        (_, b) => from[b] as number,
        (_, b) => to[b] as number,
      ),
      protocol: `${name} by time from ${since}${left ? `, without ${left} users who have no earlier event` : ''}`,
    };
  };
  return {
    train: part(
      log,
      sequences.slice(learned, from0, (_, b) => toValidation[b] as number),
    ),
    validation: held('validation', toValidation, toTest, validationFrom),
    test: held('test', toTest, toEnd, testFrom),
  };
}

const from0 = (): number => 0;

function part(log: Interactions, sequences: Ragged): Interactions {
  return new Interactions(log.items, log.users, sequences);
}

function withThreeEvents(sequences: Ragged): Int32Array {
  const long = range(sequences.count).filter((b) => sequences.length(b) >= 3);
  if (long.length === 0) {
    throw new RangeError(
      'A user must have at least 3 events for validation and test, got none: use splitByTime or more data.',
    );
  }
  return long;
}

function checkShares(validation: number, test: number): void {
  checkNumber('validation', validation, { above: 0, below: 1 });
  checkNumber('test', test, { above: 0, below: 1 });
  checkNumber('validation + test', validation + test, { below: 1 });
}

/** The times at which validation and test begin. */
function cuts(time: Float64Array, { validation = 0.1, test = 0.1 }: TimeSplitOptions): [number, number] {
  const sorted = time.slice().sort();
  const at = (share: number) => sorted[Math.min(Math.round(sorted.length * (1 - share)), sorted.length - 1)] as number;
  const testFrom = typeof test === 'object' ? Number(test.from) : at(checkNumber('test', test, { above: 0, below: 1 }));
  checkNumber('test.from', testFrom);
  if (typeof validation === 'object') {
    return [checkNumber('validation.from', Number(validation.from), { below: testFrom }), testFrom];
  }
  const before = countBelow(sorted, 0, sorted.length, testFrom);
  if (before === 0) throw new RangeError(`No event lies before the test part (from ${testFrom}).`);
  const tested = 1 - before / sorted.length;
  return [at(tested + checkNumber('validation', validation, { above: 0, below: 1 - tested })), testFrom];
}

function countBefore({ offsets, time }: Ragged, b: number, moment: number): number {
  const begin = offsets[b] as number;
  return countBelow(time as Float64Array, begin, offsets[b + 1] as number, moment) - begin;
}

/** The first index in begin … end - 1 of ascending `values` whose value is not below `limit`, else `end`. */
function countBelow(values: Float64Array, begin: number, end: number, limit: number): number {
  let [low, high] = [begin, end];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(6))} %`;
}

/** What training has seen of the events that it is measured on. */
import type { UserId } from './event-collector.ts';
import { checkHoldout, type Holdout } from './holdout.ts';
import { checkLog, type Interactions } from './interactions.ts';

/** Counts of what training knows of a holdout and may not, or does not and ought to; prints as a short text. */
export interface LeakReport {
  /** Target events in all. */
  targets: number;
  /** Held-out sequences whose user training has too: as it should be, unless new users are held out. */
  users: number;
  /** Target events that are training events of the same user, item and time (or, without times, item): always a fault. */
  trained: number;
  /** Target events of items that training does not have, which no model can have learned. */
  unknownItems: number;
  /** Training events later than the earliest target; undefined without times. A split by time has none, leave-last-out many. */
  later?: number | undefined;
  /** Events of histories later than one of their own targets; undefined without times: always a fault. */
  fromFuture?: number | undefined;
  toString(): string;
}

/**
 * Compares what a model learns from with what it is measured on. Whether a number is a leak depends on the split: see
 * the fields.
 *
 * @throws RangeError when the two have different catalogues
 *
 * @example
 * ```ts
 * const { train, test } = splitByTime(log);
 * console.log(`${findLeaks(train, test)}`);
 * ```
 */
export function findLeaks(train: Interactions, holdout: Holdout): LeakReport {
  checkLog('findLeaks', train);
  checkHoldout('findLeaks', holdout);
  const { histories, targets, catalog } = holdout;
  const { sequences, items } = train;
  if (!catalog.covers(items.withFeatures())) {
    throw new RangeError(
      `The training part has a catalogue of ${items.describe()} and the holdout another of ${catalog.describe()}: read one log with { catalog: other.items }.`,
    );
  }
  const sequenceOf = new Map(Array.from(sequences.user, (user, b) => [user, b]));
  const userOf = userRows(holdout.users, train.users);
  const knownItems = new Set(sequences.item);
  const timed = sequences.time !== undefined && targets.time !== undefined;
  const key = (item: number, time: number | undefined) => (timed ? `${item} ${time}` : `${item}`);
  const report = { targets: targets.rows, users: 0, trained: 0, unknownItems: 0 };
  let fromFuture = 0;
  let earliest = Infinity;
  for (let b = 0; b < targets.count; b++) {
    const same = sequenceOf.get(userOf(targets.user?.[b] ?? -1));
    if (same !== undefined) report.users++;
    const own = new Set<string>();
    for (
      let i = sequences.offsets[same ?? 0] as number;
      same !== undefined && i < (sequences.offsets[same + 1] as number);
      i++
    ) {
      own.add(key(sequences.item[i] as number, sequences.time?.[i]));
    }
    let first = Infinity;
    for (let i = targets.offsets[b] as number; i < (targets.offsets[b + 1] as number); i++) {
      const item = targets.item[i] as number;
      if (own.has(key(item, targets.time?.[i]))) report.trained++;
      if (!knownItems.has(item)) report.unknownItems++;
      first = Math.min(first, targets.time?.[i] ?? Infinity);
    }
    earliest = Math.min(earliest, first);
    const past = histories.time?.subarray(histories.offsets[b], histories.offsets[b + 1]);
    fromFuture += past?.filter((time) => time > first).length ?? 0;
  }
  const later = timed ? sequences.time?.filter((time) => time > earliest).length : undefined;
  return {
    ...report,
    later,
    fromFuture: timed ? fromFuture : undefined,
    toString: () =>
      [
        `${report.targets} targets: ${report.trained} are in the training part, ${report.unknownItems} are of items it does not have`,
        `${report.users} of ${targets.count} held-out sequences are of users it has`,
        ...(later === undefined
          ? ['no times to compare']
          : [`${later} of its ${train.rows} events are later than the earliest target`]),
        ...(fromFuture > 0 ? [`${fromFuture} events of histories are later than their own target`] : []),
      ].join('; '),
  };
}

/** What gives the row in `known` of a row of `users`; logs that were read apart number their users apart. */
function userRows(users: readonly UserId[] | undefined, known: readonly UserId[]): (row: number) => number {
  if (!users || users === known) return (row) => row;
  const rows = new Map(known.map((id, row) => [id, row]));
  return (row) => (row < 0 ? -1 : (rows.get(users[row] as UserId) ?? -1));
}

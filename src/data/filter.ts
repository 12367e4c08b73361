/** Logs without rare users and items. */
import { Ragged, range } from '../core/ragged.ts';
import { checkNumber, describe, refuseOthers } from '../core/shape.ts';
import { increment, type UserId } from './event-collector.ts';
import { checkLog, Interactions } from './interactions.ts';

/** How many events a user and an item must have to stay; events of the same user and item count each. */
export interface MinimumCounts {
  /** Least events a user. @defaultValue 1 */
  user?: number | undefined;
  /** Least events an item. @defaultValue 1 */
  item?: number | undefined;
}

/**
 * Removes rare users and rare items again and again until all that stay have enough events among themselves: the
 * "k-core" (5-core for most published results). Items keep their relative order and get new rows.
 *
 * @param minimum one number for users and items, or one each
 * @throws RangeError when nothing is left
 *
 * @example
 * ```ts
 * const core = kCore(log, 5);
 * ```
 */
export function kCore(log: Interactions, minimum: number | MinimumCounts): Interactions {
  checkLog('kCore', log);
  const limits = checkLimits(typeof minimum === 'number' ? { user: minimum, item: minimum } : minimum);
  const keep = everything(log);
  while (removeRare(log, keep, limits)) {
    // a removed user makes items rarer and the other way round, so look again until nothing changes
  }
  return select(log, keep, `the ${limits.user}/${limits.item}-core`);
}

/**
 * Removes rare users and rare items once; both are counted in `log` as it is, so what stays may have fewer events
 * afterwards ({@link kCore} repeats until it has not).
 *
 * @throws RangeError when nothing is left
 */
export function minimumCounts(log: Interactions, minimum: MinimumCounts): Interactions {
  checkLog('minimumCounts', log);
  const limits = checkLimits(minimum);
  const keep = everything(log);
  removeRare(log, keep, limits);
  return select(log, keep, `the users with ${limits.user} and the items with ${limits.item} events`);
}

interface Kept {
  user: Uint8Array;
  item: Uint8Array;
}

function checkLimits(minimum: MinimumCounts): { user: number; item: number } {
  if (minimum === null || typeof minimum !== 'object') {
    throw new TypeError(`The least numbers of events must be such as { user: 5, item: 5 }, got ${describe(minimum)}.`);
  }
  const { user = 1, item = 1, ...others } = minimum;
  refuseOthers('MinimumCounts', others);
  return {
    user: checkNumber('The least number of events a user', user, { min: 1, integer: true }),
    item: checkNumber('The least number of events an item', item, { min: 1, integer: true }),
  };
}

function everything(log: Interactions): Kept {
  return { user: new Uint8Array(log.count).fill(1), item: new Uint8Array(log.items.size).fill(1) };
}

/** Marks the users and items that have too few of the events that are still kept; returns whether there was one. */
function removeRare({ sequences }: Interactions, keep: Kept, limits: { user: number; item: number }): boolean {
  const ofUser = new Int32Array(keep.user.length);
  const ofItem = new Int32Array(keep.item.length);
  for (let b = 0; b < sequences.count; b++) {
    if (!keep.user[b]) continue;
    for (const item of sequences.items(b)) {
      if (!keep.item[item]) continue;
      increment(ofUser, b);
      increment(ofItem, item);
    }
  }
  const users = unmark(keep.user, ofUser, limits.user);
  const items = unmark(keep.item, ofItem, limits.item);
  return users || items;
}

function unmark(kept: Uint8Array, counts: Int32Array, least: number): boolean {
  let changed = false;
  for (let i = 0; i < kept.length; i++) {
    if (!kept[i] || (counts[i] as number) >= least) continue;
    kept[i] = 0;
    changed = true;
  }
  return changed;
}

/** The kept events as a log of its own: only users and items that still have an event, numbered anew. */
function select({ items, users, sequences }: Interactions, keep: Kept, what: string): Interactions {
  const places = Array.from({ length: sequences.count }, (_, b) => {
    const rows = sequences.items(b);
    return range(keep.user[b] ? rows.length : 0).filter((i) => keep.item[rows[i] as number]);
  });
  const who = [...places.keys()].filter((b) => (places[b] as Int32Array).length > 0);
  if (who.length === 0) {
    throw new RangeError(`No event of ${sequences.rows} is in ${what}: use smaller counts or more data.`);
  }
  const kept = sequences.select(
    who,
    who.map((b) => places[b] as Int32Array),
  );
  const rows = Array.from(new Set(kept.item)).sort((a, b) => a - b);
  const newRow = new Int32Array(items.size).fill(-1);
  rows.forEach((row, i) => {
    newRow[row] = i;
  });
  const { user: _, ...columns } = kept.sequences;
  return new Interactions(
    items.take(rows),
    who.map((b) => users[sequences.user[b] as number] as UserId),
    new Ragged(kept.offsets, { ...kept.events, item: kept.item.map((row) => newRow[row] as number) }, columns),
  );
}

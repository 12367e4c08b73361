/** A log of who met which item: the data set that splits, filters and training take. */
import { checkCodes } from '../core/codes.ts';
import { Ragged, range, type SequenceColumns } from '../core/ragged.ts';
import { describe, refuseOthers } from '../core/shape.ts';
import type { Catalog, ItemId } from './catalog.ts';
import { type CollectOptions, EventCollector, type UserId } from './event-collector.ts';
import { featureNames, type NamedFeatures } from './features.ts';
import { type InteractionsSummary, summarize } from './summarize.ts';

/** One event: `user` met `item` (at `time`). */
export interface Interaction {
  user: UserId;
  item: ItemId;
  /** A number in any one unit, or a Date (kept as milliseconds). Every event has one, or none has. */
  time?: number | Date | undefined;
  /** The declared side features, of the event, its item or its user. */
  [feature: string]: unknown;
}

export interface InteractionsOptions extends CollectOptions {}

/**
 * A log as one sequence of events a user, oldest first. `users` and the rows of `items` stand in order of first
 * appearance; `users[sequences.user[b]]` is the user of sequence b. The values never change: filters and splits make new logs.
 *
 * @example
 * ```ts
 * const log = Interactions.from([
 *   { user: 'ann', item: 'tea', time: new Date('2024-05-01') },
 *   { user: 'ann', item: 'cup', time: new Date('2024-05-02') },
 * ]);
 * console.log(`${log.describe()}`);
 * ```
 */
export class Interactions {
  /**
   * The sequences, with the sequence column `user` and the event columns `item` and, if the log has times, `time`. The
   * side features of users are sequence columns and those of events and their context event columns: the codes of
   * `items.features`, -1 for no value.
   */
  readonly sequences: Ragged & { readonly user: Int32Array };

  /**
   * From sequences that are built already.
   *
   * @param items the catalogue whose rows `sequences.item` holds
   * @param users every user that the sequence column `user` may name; without that column, sequence b is of users[b]
   * @param sequences the events of each user, oldest first
   * @throws RangeError when a row, a user or a time does not fit
   */
  constructor(
    readonly items: Catalog,
    readonly users: readonly UserId[],
    sequences: Ragged,
  ) {
    this.sequences = sequences.user ? (sequences as this['sequences']) : numberUsers(sequences, users.length);
    if (this.rows === 0) throw new RangeError('The data must have at least one event, got none: check the source.');
    checkUsers(this.sequences.user, users);
    checkItems(this.sequences.item, items.size);
    if (this.sequences.time) checkTimes(this.sequences, this.sequences.time);
    const { event, context, user } = items.features;
    checkFeatureColumns(this.sequences.events, { ...event, ...context });
    checkFeatureColumns(this.sequences.sequences, user);
  }

  /**
   * From rows in any order: an array, a Set, a generator. A user's events are ordered by time; events with equal times,
   * and all events if there are no times, keep the order of the rows.
   *
   * Side features are declared by the names of their columns, and their values learned:
   *
   * ```ts
   * const log = Interactions.from(rows, {
   *   features: { item: { brand: categorical() }, event: { action: categorical() }, user: { age: numeric() } },
   * });
   * log.items.features.event.action.options.values; // ['view', 'buy']
   * ```
   *
   * @throws TypeError | RangeError naming the row (from 0) whose user, item, time or feature cannot be used, that has a
   * column which is not declared, or that has a time where others have none; and a feature without any value
   */
  static from(rows: Iterable<Interaction>, options: InteractionsOptions = {}): Interactions {
    if (rows === null || typeof rows !== 'object' || typeof rows[Symbol.iterator] !== 'function') {
      throw new TypeError(
        `The rows must be an array or another iterable of { user, item, time? }, got ${describe(rows)}: gather other sources into an array, or read files with readInteractions.`,
      );
    }
    const { catalog, unknown, features: declared, ...others } = options;
    refuseOthers('Interactions.from', others, options);
    const log = new EventCollector('Row', { catalog, unknown, features: declared });
    const features = new Set(log.features);
    let number = 0;
    for (const row of rows) {
      checkColumns(row, number, features);
      log.add(row.user, row.item, row.time, number++, row);
    }
    const { items, users, sequences } = log.finish();
    return new Interactions(items, users, sequences);
  }

  /** The number of sequences, one a user that has events. */
  get count(): number {
    return this.sequences.count;
  }

  /** The number of events. */
  get rows(): number {
    return this.sequences.rows;
  }

  /** The share of the user-item table that `rows` events fill: rows / (count · items). */
  get density(): number {
    return this.rows / (this.count * this.items.size);
  }

  /** The user of sequence `b`. */
  user(b: number): UserId {
    const user = this.users[this.sequences.user[b] ?? -1];
    if (user === undefined) {
      throw new RangeError(`A sequence of this log must be an integer from 0 to ${this.count - 1}, got ${b}.`);
    }
    return user;
  }

  /** The same events with the named side features only; without names, with none. */
  withFeatures(...names: string[]): Interactions {
    const items = this.items.withFeatures(...names);
    const { offsets, events, sequences } = this.sequences;
    const dropped = featureNames(this.items.features).filter((name) => !names.includes(name));
    const some = <T extends object>(columns: T) =>
      Object.fromEntries(Object.entries(columns).filter(([name]) => !dropped.includes(name))) as unknown as T;
    return new Interactions(items, this.users, new Ragged(offsets, some(events), some(sequences)));
  }

  /** The events, user by user, without side features; a time is a number. */
  *[Symbol.iterator](): Generator<{ user: UserId; item: ItemId; time?: number }> {
    const { offsets, item, time } = this.sequences;
    for (let b = 0; b < this.count; b++) {
      for (let i = offsets[b] as number; i < (offsets[b + 1] as number); i++) {
        const event = { user: this.user(b), item: this.items.id(item[i] as number) };
        yield time ? { ...event, time: time[i] as number } : event;
      }
    }
  }

  /** Counts, lengths, repeats and the span of time; prints as a table. */
  describe(): InteractionsSummary {
    return summarize(this.items, this.sequences);
  }
}

/** @throws TypeError unless `log` is one; `who` was called with it */
export function checkLog(who: string, log: Interactions): void {
  if (log instanceof Interactions) return;
  const advice = Array.isArray(log)
    ? 'make them with Interactions.from(rows)'
    : 'such as the log, or the train of a split';
  throw new TypeError(`${who} takes Interactions, got ${describe(log)}: ${advice}.`);
}

/** @throws TypeError unless `data` is a log, RangeError unless it is of the items that a model knows */
export function checkTraining(data: Interactions, known: Catalog): void {
  checkLog('fit', data);
  if (data.items.equals(known)) return;
  throw new RangeError(
    `The model was made for a catalogue of ${known.describe()} and the data has another of ${data.items.describe()}: build the model with { items: data.items }, or the data with { catalog: model.catalog }.`,
  );
}

function checkColumns(row: unknown, number: number, features: ReadonlySet<string>): void {
  if (row === null || typeof row !== 'object') {
    throw new TypeError(`Row ${number} must be an object { user, item, time? }, got ${describe(row)}.`);
  }
  for (const column in row) {
    if (column === 'user' || column === 'item' || column === 'time' || features.has(column)) continue;
    throw new TypeError(
      `Row ${number} has the column '${column}', which nothing would use: declare it, as in { features: { event: { ${column}: categorical() } } }, or leave it out.`,
    );
  }
}

function checkFeatureColumns(columns: SequenceColumns, features: NamedFeatures): void {
  for (const [name, { size }] of Object.entries(features)) {
    const column = columns[name];
    if (!(column instanceof Int32Array)) {
      throw new TypeError(
        `The catalogue declares the feature '${name}', of which the sequences have no codes: build the log with Interactions.from, or leave it out with withFeatures.`,
      );
    }
    checkCodes(column, `The column '${name}'`, column.length, size);
  }
}

function numberUsers(sequences: Ragged, users: number): Interactions['sequences'] {
  if (sequences.count !== users) {
    throw new RangeError(
      `users must have one user for each of the ${sequences.count} sequences, got ${users}: or give the sequences a column 'user'.`,
    );
  }
  return new Ragged(sequences.offsets, sequences.events, {
    ...sequences.sequences,
    user: range(users),
  }) as Interactions['sequences'];
}

function checkUsers(user: Int32Array, ids: readonly UserId[]): void {
  const users = ids.length;
  const known = new Set<UserId>();
  for (const id of ids) {
    if (known.has(id)) throw new RangeError(`The users must differ, got ${describe(id)} twice: give each its own id.`);
    known.add(id);
  }
  const seen = new Uint8Array(users);
  for (let b = 0; b < user.length; b++) {
    const row = user[b] as number;
    if (row < 0 || row >= users) {
      throw new RangeError(`The user of sequence ${b} must be from 0 to ${users - 1}, got ${row}.`);
    }
    if (seen[row])
      throw new RangeError(`Every sequence must have its own user, got user ${row} again in sequence ${b}.`);
    seen[row] = 1;
  }
}

function checkItems(item: Int32Array, size: number): void {
  for (let i = 0; i < item.length; i++) {
    const row = item[i] as number;
    if (row < 0 || row >= size) {
      throw new RangeError(`Every item must be a row of the catalogue, 0 to ${size - 1}, got ${row} in event ${i}.`);
    }
  }
}

function checkTimes({ offsets, count }: Ragged, time: Float64Array): void {
  for (let b = 0; b < count; b++) {
    let before = -Infinity;
    for (let i = offsets[b] as number; i < (offsets[b + 1] as number); i++) {
      const now = time[i] as number;
      if (!Number.isFinite(now)) throw new RangeError(`Every time must be a finite number, got ${now} in event ${i}.`);
      if (now < before) {
        throw new RangeError(
          `The events of sequence ${b} must be ordered by time, got ${now} after ${before}: build the log with Interactions.from.`,
        );
      }
      before = now;
    }
  }
}

/** Gathers events in any order into one sequence a user, without keeping an object for a row. */
import { Ragged, range } from '../core/ragged.ts';
import { describe } from '../core/shape.ts';
import { Catalog, checkId, type ItemId } from './catalog.ts';

/** A user (or a session) as the application names it. */
export type UserId = string | number;

export interface CollectOptions {
  /**
   * The items the events may have. @defaultValue the items that appear, in order of first appearance
   */
  catalog?: Catalog | undefined;
  /**
   * What to do with an event whose item is not in `catalog`: throw, or leave the event out.
   *
   * @defaultValue 'error'
   */
  unknown?: 'error' | 'drop' | undefined;
}

/** What {@link EventCollector.finish} gives. */
export interface Collected {
  items: Catalog;
  users: UserId[];
  sequences: Ragged;
}

type TimeKind = 'no time' | 'a number' | 'a Date';

/** Takes one event after the other and checks each; errors name the event by the number it came with. */
export class EventCollector {
  readonly #unit: string;
  readonly #catalog: Catalog | undefined;
  readonly #drop: boolean;
  readonly #userRows = new Map<UserId, number>();
  readonly #itemRows = new Map<ItemId, number>();
  #user = new Int32Array(1024);
  #item = new Int32Array(1024);
  #time = new Float64Array(1024);
  #count = 0;
  #kind: TimeKind | undefined;

  /** @param unit what an event's number counts: 'Row', 'Line' */
  constructor(unit: string, options: CollectOptions = {}) {
    this.#unit = unit;
    this.#catalog = options.catalog;
    this.#drop = options.unknown === 'drop';
  }

  /** The number of events so far. */
  get count(): number {
    return this.#count;
  }

  /** Whether an event of `user` came before. */
  hasUser(user: UserId): boolean {
    return this.#userRows.has(user);
  }

  /**
   * @param number the row or line of this event, for errors
   * @throws TypeError | RangeError naming the event, for ids and times that cannot be, and for a mixture of kinds of time
   */
  add(user: unknown, item: unknown, time: unknown, number: number): void {
    const itemRow = this.#itemRow(item, number);
    const value = this.#checkTime(time, number);
    if (itemRow < 0) return;
    let userRow = this.#userRows.get(user as UserId);
    if (userRow === undefined) {
      userRow = this.#userRows.size;
      this.#userRows.set(checkId(user, `${this.#unit} ${number}: the user`), userRow);
    }
    if (this.#count === this.#user.length) this.#grow();
    this.#user[this.#count] = userRow;
    this.#item[this.#count] = itemRow;
    if (this.#kind !== 'no time') this.#time[this.#count] = value;
    this.#count++;
  }

  /** The events of each user, ordered by time (equal times and no times: as they came). */
  finish(): Collected {
    if (this.#count === 0) {
      throw new RangeError(
        `The data must have at least one event, got none: check the source and the filters before it.`,
      );
    }
    const users = [...this.#userRows.keys()];
    const offsets = new Int32Array(users.length + 1);
    for (let i = 0; i < this.#count; i++) increment(offsets, (this.#user[i] as number) + 1);
    for (let b = 0; b < users.length; b++) offsets[b + 1] = (offsets[b + 1] as number) + (offsets[b] as number);
    const order = this.#orderByUser(offsets);
    const timed = this.#kind !== 'no time';
    if (timed) this.#orderByTime(order, offsets);
    const item = Int32Array.from(order, (i) => this.#item[i] as number);
    const time = timed ? { time: Float64Array.from(order, (i) => this.#time[i] as number) } : {};
    return {
      items: this.#catalog ?? new Catalog([...this.#itemRows.keys()]),
      users,
      sequences: new Ragged(offsets, { item, ...time }, { user: range(users.length) }),
    };
  }

  #itemRow(item: unknown, number: number): number {
    if (this.#catalog) {
      const row = this.#catalog.row(item as ItemId);
      if (row >= 0) return row;
      checkId(item, `${this.#unit} ${number}: the item`);
      if (this.#drop) return -1;
      throw new RangeError(`${this.#unit} ${number}: ${this.#catalog.explainUnknown(item as ItemId)}`);
    }
    let row = this.#itemRows.get(item as ItemId);
    if (row === undefined) {
      row = this.#itemRows.size;
      this.#itemRows.set(checkId(item, `${this.#unit} ${number}: the item`), row);
    }
    return row;
  }

  #checkTime(time: unknown, number: number): number {
    const kind: TimeKind = time === undefined ? 'no time' : time instanceof Date ? 'a Date' : 'a number';
    const value = kind === 'no time' ? 0 : kind === 'a Date' ? (time as Date).getTime() : (time as number);
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      const got = time instanceof Date ? 'an invalid Date' : describe(time);
      const advice = typeof time === 'bigint' ? 'Number(time), in milliseconds or larger units' : 'a number or a Date';
      throw new TypeError(
        `${this.#unit} ${number}: the time must be a finite number or a valid Date, got ${got}: pass ${advice}.`,
      );
    }
    if (Math.abs(value) > Number.MAX_SAFE_INTEGER) {
      throw new RangeError(
        `${this.#unit} ${number}: the time must be below 2^53 to be exact, got ${value}: pass it in a larger unit.`,
      );
    }
    this.#kind ??= kind;
    if (kind !== this.#kind) {
      throw new TypeError(
        `${this.#unit} ${number} has ${kind} where the ones before have ${this.#kind}: give every event the same kind of time, or none.`,
      );
    }
    return value;
  }

  #grow(): void {
    const length = this.#user.length * 2;
    const user = new Int32Array(length);
    const item = new Int32Array(length);
    user.set(this.#user);
    item.set(this.#item);
    [this.#user, this.#item] = [user, item];
    if (this.#kind === 'no time') return;
    const time = new Float64Array(length);
    time.set(this.#time);
    this.#time = time;
  }

  /** The numbers of the events, by user, in the order they came (a counting sort). */
  #orderByUser(offsets: Int32Array): Int32Array {
    const next = offsets.slice();
    const order = new Int32Array(this.#count);
    for (let i = 0; i < this.#count; i++) order[increment(next, this.#user[i] as number)] = i;
    return order;
  }

  #orderByTime(order: Int32Array, offsets: Int32Array): void {
    const time = this.#time;
    for (let b = 0; b + 1 < offsets.length; b++) {
      const events = order.subarray(offsets[b], offsets[b + 1]);
      let sorted = true;
      for (let i = 1; sorted && i < events.length; i++) {
        sorted = (time[events[i - 1] as number] as number) <= (time[events[i] as number] as number);
      }
      // the sort of typed arrays is stable, and most logs are in order already
      if (!sorted) events.sort((a, b) => (time[a] as number) - (time[b] as number));
    }
  }
}

/** Adds 1 to the number at `index`; returns what it was. */
export function increment(counts: Int32Array, index: number): number {
  const before = counts[index] as number;
  counts[index] = before + 1;
  return before;
}

/** Gathers events in any order into one sequence a user, without keeping an object for a row. */
import { Ragged, range } from '../core/ragged.ts';
import { checkOneOf, describe } from '../core/shape.ts';
import { Catalog, checkId, type ItemId } from './catalog.ts';
import {
  COLUMN_GROUPS,
  checkSchema,
  type FeatureSchema,
  FeatureValues,
  featureNames,
  type ItemFeature,
} from './features.ts';

/** A user (or a session) as the application names it. */
export type UserId = string | number;

export interface CollectOptions {
  /**
   * The items the events may have. @defaultValue the items that appear, in order of first appearance
   */
  catalog?: Catalog | undefined;
  /**
   * What to do with what is not in `catalog`: throw, or leave the event (of an item) or the value (of a feature) out.
   *
   * @defaultValue 'error'
   */
  unknown?: 'error' | 'drop' | undefined;
  /**
   * The side features, by the names of their columns. An item or a user has one value, which every row may repeat or
   * leave out; an event without one has no value.
   *
   * @defaultValue those of events and users that `catalog` has learned, else none
   */
  features?: FeatureSchema | undefined;
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
  readonly #schema: FeatureSchema;
  readonly #columns: {
    readonly item: FeatureValues[];
    readonly event: FeatureValues[];
    readonly user: FeatureValues[];
  };
  #user = new Int32Array(1024);
  #item = new Int32Array(1024);
  #time = new Float64Array(1024);
  #count = 0;
  #kind: TimeKind | undefined;

  /** @param unit what an event's number counts: 'Row', 'Line' */
  constructor(unit: string, options: CollectOptions = {}) {
    this.#unit = unit;
    if (options.catalog !== undefined && !(options.catalog instanceof Catalog)) {
      throw new TypeError(`catalog must be a Catalog, such as log.items, got ${describe(options.catalog)}.`);
    }
    this.#catalog = options.catalog;
    this.#drop = checkOneOf('unknown', options.unknown ?? 'error', ['error', 'drop']) === 'drop';
    this.#schema = schemaOf(options);
    const { item, event, context, user } = this.#schema;
    const columns = (features: FeatureSchema['item'], owner: string) =>
      Object.entries(features ?? {}).map(([name, feature]) => new FeatureValues(name, feature, owner));
    this.#columns = {
      item: columns(item, 'item'),
      event: [...columns(event, 'event'), ...columns(context, 'event')],
      user: columns(user, 'user'),
    };
  }

  /** The names of the columns that hold side features. */
  get features(): string[] {
    return Object.values(this.#columns).flatMap((columns: FeatureValues[]) => columns.map(({ name }) => name));
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
   * @param number   the row or line of this event, for errors
   * @param features holds the values of the side features under their names
   * @throws TypeError | RangeError naming the event, for ids, times and values that cannot be, and for a mixture of kinds
   * of time
   */
  add(user: unknown, item: unknown, time: unknown, number: number, features: object = {}): void {
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
    this.#set(this.#columns.item, itemRow, features, number);
    this.#set(this.#columns.event, this.#count, features, number);
    this.#set(this.#columns.user, userRow, features, number);
    this.#count++;
  }

  #set(columns: readonly FeatureValues[], row: number, features: object, number: number): void {
    for (const column of columns) {
      const value = (features as { readonly [name: string]: unknown })[column.name];
      column.set(row, value, `${this.#unit} ${number}`, this.#drop ? 'drop' : 'error');
    }
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
    const items = this.#catalog?.ids ?? [...this.#itemRows.keys()];
    const learned = (columns: readonly FeatureValues[], count: number) =>
      Object.fromEntries(columns.map((column) => [column.name, column.finish(count)]));
    const ofItems = learned(this.#columns.item, items.length);
    const ofEvents = learned(this.#columns.event, this.#count);
    const ofUsers = learned(this.#columns.user, users.length);
    const inOrder = ({ codes }: ItemFeature) => Int32Array.from(order, (i) => (codes as Int32Array)[i] as number);
    return {
      items: this.#items(items, { ...ofEvents, ...ofUsers }, ofItems),
      users,
      sequences: new Ragged(
        offsets,
        { item, ...time, ...mapValues(ofEvents, inOrder) },
        { user: range(users.length), ...mapValues(ofUsers, ({ codes }) => codes as Int32Array) },
      ),
    };
  }

  /** The catalogue with what was learned. */
  #items(ids: readonly ItemId[], columns: Learned, item: Learned): Catalog {
    const catalog = this.#catalog;
    if (catalog && (this.features.length === 0 || featureNames(catalog.features, COLUMN_GROUPS).length > 0)) {
      return catalog;
    }
    const of = (group: FeatureSchema['item']) =>
      mapValues(group ?? {}, (_, name) => (columns[name] as ItemFeature).feature);
    const { event, context, user } = this.#schema;
    const features = { event: of(event), context: of(context), user: of(user) };
    return new Catalog(ids, {
      names: catalog?.names,
      features: { ...features, item: catalog?.features.item ?? item },
    });
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

type Learned = { readonly [name: string]: ItemFeature };

function mapValues<T, U>(
  record: { readonly [name: string]: T },
  change: (value: T, name: string) => U,
): { [name: string]: U } {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value, name)]));
}

/** What is declared: in the options, or by the catalogue. */
function schemaOf({ catalog, features = {} }: CollectOptions): FeatureSchema {
  checkSchema(features);
  if (!catalog) return features;
  const known = featureNames(catalog.features, COLUMN_GROUPS);
  if (features.item || (known.length > 0 && Object.keys(features).length > 0)) {
    const which = features.item ? 'the features of items' : `features (${known.join(', ')})`;
    throw new TypeError(
      `The catalogue has ${which} itself: make it with Catalog.from or withFeatures, and do not declare them again.`,
    );
  }
  if (known.length === 0) return features;
  const { event, context, user } = catalog.features;
  return { event, context, user };
}

/** Adds 1 to the number at `index`; returns what it was. */
export function increment(counts: Int32Array, index: number): number {
  const before = counts[index] as number;
  counts[index] = before + 1;
  return before;
}

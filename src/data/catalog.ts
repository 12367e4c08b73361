/** The items of a data set: raw ids outside, rows 0 … V-1 inside. */
import { checkOneOf, describe, refuseOthers } from '../core/shape.ts';
import {
  checkFeatures,
  checkSchema,
  coversFeatures,
  type Features,
  FeatureValues,
  featureNames,
  featuresFromJson,
  featuresToJson,
  type NamedFeatures,
  pickFeatures,
  takeFeatures,
} from './features.ts';

/** An item as the application names it. `1` and `'1'` are different ids. */
export type ItemId = string | number;

export interface CatalogOptions {
  /** A readable name for each id, in the order of the ids. @defaultValue none: `name(row)` gives the id as text */
  names?: readonly string[] | undefined;
  /** Side features that are learned already. @defaultValue none; {@link Catalog.from} learns those of items */
  features?: Partial<Features> | undefined;
}

/** A row of {@link Catalog.from}: an item with its features. */
export interface CatalogRow {
  item: ItemId;
  /** A readable name; every item has one, or none has. */
  name?: string | undefined;
  [feature: string]: unknown;
}

export interface RowsOptions {
  /**
   * What to do with an id that the catalogue does not hold: leave it out and report it, or throw.
   *
   * @defaultValue 'drop'
   */
  unknown?: 'drop' | 'error' | undefined;
}

/** What {@link Catalog.rows} found. */
export interface KnownRows {
  /** The rows of the known ids, in the order given. */
  rows: Int32Array;
  /** The ids that were left out, in the order given. */
  unknown: ItemId[];
}

/** A catalogue as JSON, the form in which a model file holds it. */
export interface CatalogJson {
  ids: readonly ItemId[];
  names?: readonly string[];
  features?: object;
}

/**
 * A fixed list of V items. An item's row is its place in the list; no row is reserved for padding or for unknown items.
 * It also keeps the side features that data and models have agreed on, and so a model file has them.
 *
 * @example
 * ```ts
 * const items = new Catalog(['sku-17', 'sku-3']);
 * items.row('sku-3'); // 1
 * items.row('sku-4'); // -1: unknown
 * ```
 */
export class Catalog {
  /** The id of every row. */
  readonly ids: readonly ItemId[];
  /** The readable name of every row, if any were given. */
  readonly names?: readonly string[];
  /** The side features: those of the items with their values, those of events and users with what was learned of them. */
  readonly features: Features;
  readonly #rows = new Map<ItemId, number>();

  /**
   * @param ids V different texts or numbers; the order gives the rows
   * @throws TypeError for an id that is neither a text nor a finite number, RangeError for a repeated id, an integer
   * beyond ±(2^53 - 1), or no ids
   */
  constructor(ids: readonly ItemId[], options: CatalogOptions = {}) {
    const { names, features, ...others } = options;
    refuseOthers('Catalog', others, options);
    if (!Array.isArray(ids)) throw new TypeError(`The ids of a catalogue must be an array, got ${describe(ids)}.`);
    if (ids.length === 0) throw new RangeError('A catalogue must have at least one item, got none: check the data.');
    this.ids = Object.freeze([...ids]);
    for (let row = 0; row < this.ids.length; row++) {
      const id = checkId(this.ids[row], `The id of row ${row}`);
      const first = this.#rows.get(id);
      if (first !== undefined) {
        throw new RangeError(`The ids of a catalogue must differ, got ${describe(id)} in row ${first} and row ${row}.`);
      }
      this.#rows.set(id, row);
    }
    if (names) this.names = checkNames(names, this.ids.length);
    this.features = checkFeatures(features ?? {}, this.ids.length);
  }

  /**
   * From one row an item.
   *
   * @throws TypeError | RangeError naming the row (from 0) that has an item twice, a column that is not declared, or a value
   * that cannot be, and a feature that has no value at all
   *
   * @example
   * ```ts
   * const items = Catalog.from([{ item: 'sku-1', name: 'Tent', category: 'camping', price: 220 }, …], {
   *   features: { category: categorical(), price: numeric({ buckets: 8 }) },
   * });
   * ```
   */
  static from(rows: Iterable<CatalogRow>, options: { features?: NamedFeatures | undefined } = {}): Catalog {
    const { features = {}, ...others } = options;
    refuseOthers('Catalog.from', others, options);
    checkSchema({ item: features });
    const columns = Object.entries(features).map(([name, feature]) => new FeatureValues(name, feature, 'item'));
    const ids: ItemId[] = [];
    const names: string[] = [];
    for (const row of rows) {
      const where = `Row ${ids.length}`;
      if (row === null || typeof row !== 'object') {
        throw new TypeError(`${where} must be an object { item, … }, got ${describe(row)}.`);
      }
      for (const column in row) {
        if (column === 'item' || column === 'name' || Object.hasOwn(features, column)) continue;
        throw new TypeError(
          `${where} has the column '${column}', which is not declared: add it to features, or leave it out.`,
        );
      }
      for (const column of columns) column.set(ids.length, row[column.name], where, 'error');
      if (row.name !== undefined) names.push(row.name);
      ids.push(row.item);
    }
    const item = Object.fromEntries(columns.map((column) => [column.name, column.finish(ids.length)]));
    return new Catalog(ids, { names: names.length > 0 ? names : undefined, features: { item } });
  }

  /** The number of items V. */
  get size(): number {
    return this.ids.length;
  }

  /** The row of `id`, or -1 if it is unknown. */
  row(id: ItemId): number {
    return this.#rows.get(id) ?? -1;
  }

  has(id: ItemId): boolean {
    return this.#rows.has(id);
  }

  /** The id of `row`. @throws RangeError for a row that the catalogue does not have */
  id(row: number): ItemId {
    const id = this.ids[row];
    if (id === undefined) {
      throw new RangeError(`A row of this catalogue must be an integer from 0 to ${this.size - 1}, got ${row}.`);
    }
    return id;
  }

  /** The readable name of `row`: from `names`, else the id as text. */
  name(row: number): string {
    const id = this.id(row);
    return this.names?.[row] ?? String(id);
  }

  /**
   * The rows of many ids.
   *
   * @throws TypeError for a value that can be no id, RangeError for an unknown id if `unknown` is 'error'
   */
  rows(ids: Iterable<ItemId>, options: RowsOptions = {}): KnownRows {
    const { unknown = 'drop', ...others } = options;
    refuseOthers('Catalog.rows', others, options);
    if (ids === null || typeof ids !== 'object') {
      throw new TypeError(`Items must be given as a list of ids, got ${describe(ids)}: put it in [ ].`);
    }
    checkOneOf('unknown', unknown, ['drop', 'error']);
    const rows: number[] = [];
    const left: ItemId[] = [];
    for (const id of ids) {
      const row = this.#rows.get(id);
      if (row !== undefined) rows.push(row);
      else if (unknown === 'drop') left.push(checkId(id, 'An item id'));
      else throw new RangeError(this.explainUnknown(id));
    }
    return { rows: Int32Array.from(rows), unknown: left };
  }

  /** The sentence for an id that this catalogue does not hold; it points out a known id of the other type. */
  explainUnknown(id: ItemId): string {
    checkId(id, 'An item id');
    const twin = typeof id === 'number' ? String(id) : Number(id);
    const hint = this.#rows.has(twin)
      ? `the ${typeof twin === 'number' ? 'number' : 'text'} ${describe(twin)} is known, so change the type of the id`
      : "leave it out or pass { unknown: 'drop' }";
    return `Every item must be one of the ${this.size} of the catalogue, got ${describe(id)}: ${hint}.`;
  }

  /** Whether `other` has the same ids in the same rows, and the same features. */
  equals(other: Catalog): boolean {
    return this.covers(other) && coversFeatures(other.features, this.features);
  }

  /** Whether `other` has the same ids in the same rows, and no features but those of this one. */
  covers(other: Catalog): boolean {
    if (other === this) return true;
    return (
      other.size === this.size &&
      this.ids.every((id, row) => id === other.ids[row]) &&
      coversFeatures(this.features, other.features)
    );
  }

  /** The items of these rows, with their names and features, as a catalogue of their own. */
  take(rows: ArrayLike<number>): Catalog {
    const { names } = this;
    return new Catalog(
      Array.from(rows, (row) => this.id(row)),
      { names: names && Array.from(rows, (row) => names[row] as string), features: takeFeatures(this.features, rows) },
    );
  }

  /** The same items with the named features only; without names, with none. */
  withFeatures(...names: string[]): Catalog {
    return new Catalog(this.ids, { names: this.names, features: pickFeatures(this.features, names) });
  }

  /** A short text for messages: how many items, and which features. */
  describe(): string {
    const names = featureNames(this.features);
    return `${this.size} items${names.length > 0 ? ` with the features ${names.join(', ')}` : ''}`;
  }

  toJSON(): CatalogJson {
    const features = featureNames(this.features).length > 0 ? { features: featuresToJson(this.features) } : {};
    return { ids: this.ids, ...(this.names ? { names: this.names } : {}), ...features };
  }

  /** The inverse of {@link toJSON}; the values are checked as untrusted ones. */
  static fromJSON(json: unknown): Catalog {
    if (json === null || typeof json !== 'object') {
      throw new TypeError(`A stored catalogue must be an object with 'ids', got ${describe(json)}.`);
    }
    const { ids, names, features } = json as Partial<CatalogJson>;
    return new Catalog(ids as ItemId[], { names, features: features === undefined ? {} : featuresFromJson(features) });
  }
}

/**
 * Returns `id` if it can be an id: any text, or a finite number that is no integer beyond ±(2^53 - 1), where
 * neighbours become one number.
 *
 * @param what begins the sentence of the error
 */
export function checkId(id: unknown, what: string): ItemId {
  if (typeof id === 'string') return id;
  if (typeof id === 'number' && Number.isFinite(id)) {
    if (!Number.isInteger(id) || Number.isSafeInteger(id)) return id;
    throw new RangeError(`${what} must be below 2^53 to be exact as a number, got ${id}: pass it as a text.`);
  }
  const advice = typeof id === 'bigint' ? ': pass it as a text' : '';
  throw new TypeError(`${what} must be a text or a finite number, got ${describe(id)}${advice}.`);
}

function checkNames(names: readonly string[], size: number): readonly string[] {
  if (!Array.isArray(names) || names.length !== size) {
    const got = Array.isArray(names) ? names.length : describe(names);
    throw new RangeError(`names must have one text for each of the ${size} items, got ${got}.`);
  }
  const wrong = names.findIndex((name) => typeof name !== 'string');
  if (wrong >= 0) throw new TypeError(`The name of row ${wrong} must be a text, got ${describe(names[wrong])}.`);
  return Object.freeze([...names]);
}

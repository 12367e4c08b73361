/** The schema of a data set's side features: what is declared of items, events, the moment of a request, and users. */
import { type Codes, checkCodes, takeCodes } from '../core/codes.ts';
import { isPart, partsFromJson, partsToJson } from '../core/part.ts';
import { describe } from '../core/shape.ts';
import { type CategoryValue, categorical, type Feature, multiValued, numeric } from './feature.ts';
import { cyclicTime, dateTime } from './time-feature.ts';

/** Features by their names, which are the names of the columns. */
export type NamedFeatures = { readonly [name: string]: Feature };

/** What the columns beside user, item and time are. A name stands in one of the four only. */
export interface FeatureSchema {
  /** Of the items, the same in every row of an item: category, tags, price. */
  readonly item?: NamedFeatures | undefined;
  /** Of the events, known once they have happened: what was done, how long, the rating. */
  readonly event?: NamedFeatures | undefined;
  /** Of the events, known when a recommendation is asked for: device, weekday, place. */
  readonly context?: NamedFeatures | undefined;
  /** Of the users, the same in every row of a user: country, age. */
  readonly user?: NamedFeatures | undefined;
}

/** A feature of items with the codes of all items. */
export interface ItemFeature {
  readonly feature: Feature;
  /** Of the V items, in the order of their rows. */
  readonly codes: Codes;
}

/** The features of a catalogue, all learned. */
export interface Features {
  readonly item: { readonly [name: string]: ItemFeature };
  readonly event: NamedFeatures;
  readonly context: NamedFeatures;
  readonly user: NamedFeatures;
}

/** The groups whose columns are not of items. */
export const COLUMN_GROUPS = ['event', 'context', 'user'] as const;
const GROUPS = ['item', ...COLUMN_GROUPS] as const;

/** Names that rows use for something else. */
const RESERVED = ['user', 'item', 'time', 'name', ''];

/** @throws TypeError | RangeError for a name or a feature that cannot be, a name twice, or several values not of items */
export function checkSchema(schema: object): void {
  const seen = new Set<string>();
  for (const [group, features] of Object.entries(schema)) {
    if (!(GROUPS as readonly string[]).includes(group)) {
      throw new TypeError(
        `Features are declared of ${GROUPS.map((g) => `'${g}'`).join(', ')}, got ${describe(group)}.`,
      );
    }
    for (const [name, feature] of Object.entries(features ?? {}) as [string, Feature][]) {
      // '.' separates the paths of parameters, and every object has a 'constructor'
      if (RESERVED.includes(name) || name.includes('.') || name in Object.prototype) {
        throw new RangeError(`A feature cannot have the name ${describe(name)}: rename the column.`);
      }
      if (seen.has(name))
        throw new RangeError(`The feature '${name}' is declared twice: of one of ${GROUPS.join(', ')}.`);
      seen.add(name);
      if (!isPart(feature) || typeof feature.read !== 'function') {
        throw new TypeError(
          `The feature '${name}' must be a declaration such as categorical(), got ${describe(feature)}.`,
        );
      }
      if (feature.many && group !== 'item') {
        throw new RangeError(
          `The feature '${name}' has several values, which only items can have: declare it categorical() or of the items.`,
        );
      }
    }
  }
}

/** `features` with empty groups filled in, checked against the number of items. */
export function checkFeatures(features: Partial<Features>, items: number): Features {
  const { item = {}, event = {}, context = {}, user = {} } = features;
  const plain = Object.entries(item).map(([name, column]) => [name, column?.feature] as const);
  checkSchema({ ...features, item: Object.fromEntries(plain) });
  for (const [name, { codes, feature }] of Object.entries(item)) {
    const what = `The codes of the item feature '${name}'`;
    checkCodes(codes, what, items, feature.size);
    if (feature.many === codes instanceof Int32Array) {
      throw new TypeError(`${what} must be ${feature.many ? '{ offsets, values }' : 'one for each item'}.`);
    }
  }
  for (const [name, feature] of [...plain, ...[event, context, user].flatMap((group) => Object.entries(group))]) {
    if ((feature as Feature).size > 0) continue;
    throw new RangeError(`The feature '${name}' has not learned its values: build the data with Interactions.from.`);
  }
  return Object.freeze({ item, event, context, user });
}

/** The names of all features, or of those of some groups. */
export function featureNames(features: Features, groups: readonly (keyof Features)[] = GROUPS): string[] {
  return groups.flatMap((group) => Object.keys(features[group]));
}

/** The features with these names. @throws RangeError for a name that there is not */
export function pickFeatures(features: Features, names: readonly string[]): Features {
  const known = featureNames(features);
  const missing = names.find((name) => !known.includes(name));
  if (missing !== undefined) {
    const list = known.length > 0 ? known.map((name) => `'${name}'`).join(', ') : 'none';
    throw new RangeError(`A feature must be one of those declared (${list}), got ${describe(missing)}.`);
  }
  const some = <T>(group: { readonly [name: string]: T }): { [name: string]: T } =>
    Object.fromEntries(Object.entries(group).filter(([name]) => names.includes(name)));
  const { item, event, context, user } = features;
  return { item: some(item), event: some(event), context: some(context), user: some(user) };
}

/** The features of some items only. */
export function takeFeatures(features: Features, rows: ArrayLike<number>): Features {
  const item = Object.entries(features.item).map(([name, { feature, codes }]) => {
    return [name, { feature, codes: takeCodes(codes, rows) }] as const;
  });
  return { ...features, item: Object.fromEntries(item) };
}

/** Whether every feature of `less` is one of `more` with the same codes. */
export function coversFeatures(more: Features, less: Features): boolean {
  if (more === less) return true;
  return GROUPS.every((group) =>
    Object.entries(less[group]).every(([name, one]) => {
      const other = Object.hasOwn(more[group], name) ? more[group][name] : undefined;
      return other !== undefined && JSON.stringify(plain(other)) === JSON.stringify(plain(one));
    }),
  );
}

/** The features as JSON. */
export function featuresToJson(features: Features): object {
  return Object.fromEntries(
    GROUPS.flatMap((group) => {
      const entries = Object.entries(features[group]).map(([name, of]) => [name, plain(of)]);
      return entries.length > 0 ? [[group, Object.fromEntries(entries)]] : [];
    }),
  );
}

/** The inverse of {@link featuresToJson}; the values are checked as untrusted ones, their sizes by the catalogue. */
export function featuresFromJson(json: unknown): Partial<Features> {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) {
    throw new TypeError(`Stored features must be an object, got ${describe(json)}.`);
  }
  const read = partsFromJson(json, { categorical, multiValued, numeric, dateTime, cyclicTime }) as {
    [group: string]: object;
  };
  const { item = {} } = read;
  const columns = Object.entries(item).map(([name, column]) => {
    const { feature, codes } = (column ?? {}) as { feature?: Feature; codes?: unknown };
    return [name, { feature, codes: codesFromJson(codes, name) }];
  });
  return { ...read, item: Object.fromEntries(columns) } as Partial<Features>;
}

function plain(of: Feature | ItemFeature): unknown {
  if (isPart(of)) return partsToJson(of);
  const { feature, codes } = of;
  const list = codes instanceof Int32Array ? [...codes] : { offsets: [...codes.offsets], values: [...codes.values] };
  return { feature: partsToJson(feature), codes: list };
}

function codesFromJson(codes: unknown, name: string): Codes {
  const numbers = (list: unknown): Int32Array => {
    if (Array.isArray(list) && list.every((code) => Number.isInteger(code) && Math.abs(code) < 2 ** 31)) {
      return Int32Array.from(list as number[]);
    }
    throw new TypeError(`The stored codes of the feature '${name}' must be whole numbers, got ${describe(list)}.`);
  };
  if (Array.isArray(codes)) return numbers(codes);
  const { offsets, values } = (codes ?? {}) as { offsets?: unknown; values?: unknown };
  return { offsets: numbers(offsets), values: numbers(values) };
}

/** What to do with a value that is not in a vocabulary. */
export type UnknownValues = 'drop' | 'error';

/**
 * The codes of a raw value, without those of unknown values.
 *
 * @param what begins the sentence of an error
 * @throws RangeError for an unknown value if `unknown` is 'error'
 */
export function codesOfValue(feature: Feature, value: unknown, what: string, unknown: UnknownValues): number[] {
  const codes: number[] = [];
  for (const one of feature.read(value, what)) {
    const code = feature.code(one);
    if (code >= 0) codes.push(code);
    else if (unknown === 'error') {
      throw new RangeError(`${what} must be one of ${feature.size} known values, got ${describe(one)}.`);
    }
  }
  return codes;
}

/** Gathers the values of one feature, by event, item or user, and learns its vocabulary at the end. */
export class FeatureValues {
  readonly #feature: Feature;
  readonly #texts = new Map<string, string>();
  /** Of each owner a value, or several where the feature has several. */
  readonly #values: (CategoryValue | readonly CategoryValue[] | undefined)[] = [];
  #any = false;

  /** @param owner what has one value: an event, an item, a user */
  constructor(
    readonly name: string,
    feature: Feature,
    readonly owner: string,
  ) {
    this.#feature = feature;
  }

  /** @throws TypeError | RangeError for what cannot be a value, or a second, other value of the same item or user */
  set(row: number, value: unknown, where: string, unknown: UnknownValues): void {
    const what = `${where}: the feature '${this.name}'`;
    while (this.#values.length <= row) this.#values.push(undefined);
    const read = this.#feature.read(value, what);
    if (read.length === 0) return;
    if (this.#feature.size > 0 && unknown === 'error') codesOfValue(this.#feature, value, what, unknown);
    const own = read.map((one) => (typeof one === 'string' ? this.#shared(one) : one));
    const kept = this.#feature.many ? own : (own[0] as CategoryValue);
    const before = this.#values[row];
    if (before !== undefined && !sameValues(before, kept)) {
      throw new RangeError(
        `${what} must be the same in all rows of the ${this.owner}, got ${describe(kept)} after ${describe(before)}: declare it of the events if it changes.`,
      );
    }
    this.#values[row] = kept;
    this.#any = true;
  }

  /** One text for all equal ones: those from a file are pieces of large texts, which would stay in memory with them. */
  #shared(text: string): string {
    const known = this.#texts.get(text);
    if (known === undefined) this.#texts.set(text, text);
    return known ?? text;
  }

  /** The learned feature and the codes of the `count` owners. @throws RangeError if no row had a value */
  finish(count: number): ItemFeature {
    if (!this.#any) {
      throw new RangeError(
        `The feature '${this.name}' is declared of each ${this.owner} and has no value in any row: check its name, or do not declare it.`,
      );
    }
    const values = this.#values.slice(0, count);
    const known = values.flatMap((value) => (value === undefined ? [] : (value as CategoryValue)));
    const feature = this.#feature.size > 0 ? this.#feature : this.#feature.learn(known);
    const code = (value: CategoryValue | undefined) => (value === undefined ? -1 : feature.code(value));
    if (!feature.many) {
      return { feature, codes: Int32Array.from({ length: count }, (_, row) => code(values[row] as CategoryValue)) };
    }
    const lists = Array.from({ length: count }, (_, row) =>
      ((values[row] ?? []) as readonly CategoryValue[]).map(code).filter((found) => found >= 0),
    );
    const offsets = new Int32Array(count + 1);
    lists.forEach((list, row) => {
      offsets[row + 1] = (offsets[row] as number) + list.length;
    });
    return { feature, codes: { offsets, values: Int32Array.from(lists.flat()) } };
  }
}

function sameValues(a: CategoryValue | readonly CategoryValue[], b: CategoryValue | readonly CategoryValue[]): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
  return a.length === b.length && a.every((value) => b.includes(value));
}

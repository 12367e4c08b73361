/** What an application asks with: ids or events of histories, and what is known of the user and the moment. */
import type { Column, EventColumns } from '../core/ragged.ts';
import { Ragged } from '../core/ragged.ts';
import { checkOneOf, describe, refuseOthers } from '../core/shape.ts';
import { type Catalog, checkId, type ItemId } from './catalog.ts';
import type { Feature, FeatureValue } from './feature.ts';
import { codesOfValue, type NamedFeatures, type UnknownValues } from './features.ts';

/** An event of a history: its item, its time if the model reads times, and the values of its features. */
export interface HistoryEvent {
  item: ItemId;
  /** A number in the unit of the training data, or a Date (milliseconds). Every event of a request has one, or none has. */
  time?: number | Date | undefined;
  [feature: string]: FeatureValue | Date;
}

/** What is known of the user and the moment of a request: values of the features of users and of the context. */
export interface RequestFeatures {
  /** When the next event is to happen. @defaultValue the time of the history's last event */
  time?: number | Date | undefined;
  [feature: string]: FeatureValue | Date;
}

export interface ReadHistoriesOptions {
  /** For each history; needed where the model has features of users or of the context. */
  features?: readonly RequestFeatures[] | undefined;
  /** What to do with items and values that the catalogue does not know: leave them out, or throw. @defaultValue 'drop' */
  unknown?: UnknownValues | undefined;
}

export interface KnownHistories {
  /** The known events, with the columns that the catalogue's features name. */
  readonly histories: Ragged;
  /** For each history the ids that were left out. */
  readonly unknown: readonly (readonly ItemId[])[];
}

/**
 * Histories of raw ids, or of events with features, as rows and codes. A feature must be given by name, `undefined` where
 * it has no value; a value that is not known counts as none.
 *
 * @throws TypeError | RangeError for what can be no history, feature that is missing or that nothing reads, and what is
 * unknown if `unknown` is 'error'
 */
export function readHistories(
  catalog: Catalog,
  histories: Iterable<Iterable<ItemId | HistoryEvent>>,
  options: ReadHistoriesOptions = {},
): KnownHistories {
  const { features, unknown = 'drop', ...others } = options;
  refuseOthers('readHistories', others, options);
  const events = readEvents(catalog, histories, unknown);
  const { context, user } = catalog.features;
  const known = events.histories;
  if (features === undefined && Object.keys(context).length + Object.keys(user).length === 0) return events;
  if (features?.length !== known.count) {
    throw new RangeError(
      `features must have the values of the user and the context for each of the ${known.count} histories (${namesOf({ ...user, ...context })}), got ${features?.length ?? 'none'}.`,
    );
  }
  const asked = new Columns({ ...user, ...context }, 'The features of a request', unknown);
  const moments: number[] = [];
  for (const values of features) {
    asked.add(values);
    if (values.time !== undefined) moments.push(timeOf(values.time));
  }
  if (moments.length > 0 && moments.length < known.count) {
    throw new TypeError(`Every request must have a time, or none, got ${moments.length} of ${known.count}.`);
  }
  const moment = moments.length > 0 ? { time: Float64Array.from(moments) } : {};
  return {
    histories: new Ragged(known.offsets, known.events, { ...moment, ...asked.take() }),
    unknown: events.unknown,
  };
}

/** {@link readHistories} without the user and the moment of the request. */
export function readEvents(
  catalog: Catalog,
  histories: Iterable<Iterable<ItemId | HistoryEvent>>,
  unknown: UnknownValues = 'drop',
): KnownHistories {
  checkOneOf('unknown', unknown, ['drop', 'error']);
  const { event } = catalog.features;
  const rows: number[] = [];
  const left: ItemId[][] = [];
  const ends = [0];
  const times: number[] = [];
  const codes = new Columns(event, 'The events of a history', unknown);
  for (const history of histories) {
    if (typeof history !== 'object' || history === null || !(Symbol.iterator in history)) {
      throw new TypeError(`A history must be a list of item ids, oldest first, got ${describe(history)}.`);
    }
    const dropped: ItemId[] = [];
    for (const entry of history) {
      const event = typeof entry === 'object' && entry !== null ? entry : { item: entry };
      const row = catalog.row(event.item);
      if (row < 0) {
        if (unknown === 'error') throw new RangeError(catalog.explainUnknown(event.item));
        dropped.push(checkId(event.item, 'An item id'));
        continue;
      }
      rows.push(row);
      if (event.time !== undefined) times.push(timeOf(event.time));
      codes.add(event);
    }
    left.push(dropped);
    ends.push(rows.length);
  }
  if (times.length > 0 && times.length < rows.length) {
    throw new TypeError(
      `Every event of the histories must have a time, or none, got ${times.length} of ${rows.length}.`,
    );
  }
  const timed = times.length > 0 ? { time: Float64Array.from(times) } : {};
  const events = { item: Int32Array.from(rows), ...timed, ...codes.take() };
  return { histories: new Ragged(Int32Array.from(ends), events as EventColumns), unknown: left };
}

/** Codes of several features, row after row. */
class Columns {
  readonly #columns: [name: string, feature: Feature, codes: number[]][];

  constructor(
    readonly features: NamedFeatures,
    readonly what: string,
    readonly unknown: UnknownValues,
  ) {
    this.#columns = Object.entries(features).map(([name, feature]) => [name, feature, []]);
  }

  add(values: { readonly [name: string]: unknown }): void {
    for (const name of Object.keys(values)) {
      if (name === 'item' || name === 'time' || Object.hasOwn(this.features, name)) continue;
      throw new TypeError(
        `${this.what} may have what the model reads (${namesOf(this.features)}), got '${name}': leave it out.`,
      );
    }
    for (const [name, feature, codes] of this.#columns) {
      if (!Object.hasOwn(values, name)) {
        throw new TypeError(
          `${this.what} must have '${name}', which the model reads: give it, undefined where it is not known.`,
        );
      }
      const [code = -1] = codesOfValue(feature, values[name], `The feature '${name}'`, this.unknown);
      codes.push(code);
    }
  }

  take(): { [name: string]: Column } {
    return Object.fromEntries(this.#columns.map(([name, , codes]) => [name, Int32Array.from(codes)]));
  }
}

function namesOf(features: NamedFeatures): string {
  return Object.keys(features).join(', ') || 'none';
}

function timeOf(time: unknown): number {
  const value = time instanceof Date ? time.getTime() : time;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new TypeError(`A time must be a finite number or a valid Date, got ${describe(time)}.`);
}

/** What a model looks up of the side features of a batch. */
import { type Codes, takeCodes } from '../core/codes.ts';
import type { Column, EventColumns, SequenceColumns } from '../core/ragged.ts';
import { Ragged, takeColumn } from '../core/ragged.ts';
import type { Catalog } from './catalog.ts';
import type { NamedFeatures } from './features.ts';

/** Codes by the names of the features. */
export type NamedCodes = { readonly [name: string]: Codes };

/** Of the N events the codes of their items' features and of their own. @throws Error when a column is missing */
export function eventCodes({ features }: Catalog, { item, events }: Ragged): NamedCodes {
  const ofItems = Object.entries(features.item).map(([name, { codes }]) => [name, takeCodes(codes, item)] as const);
  return { ...Object.fromEntries(ofItems), ...columnsOf(events, features.event, 'events') };
}

/** Of the B sequences the codes of their users' features and of the moment that is asked about. @throws Error when a column is missing */
export function sequenceCodes({ features }: Catalog, { sequences }: Ragged): NamedCodes {
  return columnsOf(sequences, { ...features.user, ...features.context }, 'sequences');
}

function columnsOf(columns: SequenceColumns, features: NamedFeatures, what: string): { [name: string]: Int32Array } {
  const entries = Object.keys(features).map((name) => {
    const column = columns[name];
    if (column instanceof Int32Array) return [name, column] as const;
    throw new Error(
      `The model reads the feature '${name}', of which the ${what} have no column: take them from Interactions, or give the values to recommend.`,
    );
  });
  return Object.fromEntries(entries);
}

/**
 * The sequences, each told of the moment of its request: the named event columns (the time, the context) at the first
 * event of `following`, the sequence that really followed, become sequence columns.
 */
export function withMoments(sequences: Ragged, following: Ragged, names: readonly string[]): Ragged {
  const first = following.offsets.subarray(0, -1);
  const moments = names.flatMap((name) => {
    const column = following.events[name];
    return column ? [[name, takeColumn(column, first)] as const] : [];
  });
  if (moments.length === 0) return sequences;
  return new Ragged(sequences.offsets, sequences.events, { ...sequences.sequences, ...Object.fromEntries(moments) });
}

/**
 * Each history followed by one candidate, the history of number `of[i]` by the item `items[i]`. The candidate has no
 * event features, which nobody knows yet; its time is that of the request, or of the history's last event.
 */
export function withCandidates(histories: Ragged, of: Int32Array, items: Int32Array): Ragged {
  const { offsets: from, events, sequences } = histories;
  const count = of.length;
  const offsets = new Int32Array(count + 1);
  for (let i = 0; i < count; i++) offsets[i + 1] = (offsets[i] as number) + histories.length(of[i] as number) + 1;
  const columns: { [name: string]: Column } = {};
  for (const [name, column] of Object.entries(events)) {
    if (!column) continue;
    const out = new (column.constructor as new (n: number) => Column)(offsets[count] as number);
    for (let i = 0; i < count; i++) {
      const b = of[i] as number;
      const [begin, end] = [from[b] as number, from[b + 1] as number];
      out.set(column.subarray(begin, end), offsets[i]);
      const moment = name === 'time' ? (sequences.time?.[b] ?? column[end - 1] ?? 0) : -1;
      out[(offsets[i + 1] as number) - 1] = name === 'item' ? (items[i] as number) : moment;
    }
    columns[name] = out;
  }
  const picked = Object.entries(sequences).flatMap(([name, column]) =>
    column ? [[name, takeColumn(column, of)]] : [],
  );
  return new Ragged(offsets, columns as EventColumns, Object.fromEntries(picked));
}

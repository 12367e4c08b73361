/** The figures by which data sets are compared. */
import type { Ragged } from '../core/ragged.ts';
import type { Catalog } from './catalog.ts';

/** What a log holds; prints as a table. */
export interface InteractionsSummary {
  /** Users with at least one event. */
  users: number;
  /** Items of the catalogue. */
  items: number;
  /** Items with at least one event. */
  seenItems: number;
  events: number;
  /** Events / (users · items). */
  density: number;
  /** Events a user. Nine of ten users have at most `suggested`, a good `maxLength` for networks. */
  length: { min: number; median: number; mean: number; suggested: number; max: number };
  /** Events whose item the same user has met before. */
  repeats: number;
  /** The first and the last time, in the log's own unit, if it has times. */
  time?: { from: number; to: number };
  toString(): string;
}

export function summarize(items: Catalog, sequences: Ragged): InteractionsSummary {
  const { count: users, rows: events, time, item } = sequences;
  const lengths = Int32Array.from({ length: users }, (_, b) => sequences.length(b)).sort();
  const middle = (users - 1) / 2;
  const summary = {
    users,
    items: items.size,
    seenItems: new Set(item).size,
    events,
    density: events / (users * items.size),
    length: {
      min: lengths[0] as number,
      median: ((lengths[Math.floor(middle)] as number) + (lengths[Math.ceil(middle)] as number)) / 2,
      mean: events / users,
      suggested: usualLength(lengths),
      max: lengths[users - 1] as number,
    },
    repeats: countRepeats(sequences, items.size),
    ...(time ? { time: span(time) } : {}),
  };
  return { ...summary, toString: () => print(summary) };
}

/** The smallest length that nine of ten lengths do not exceed. */
export function usualLength(lengths: Int32Array): number {
  return lengths.slice().sort()[Math.ceil(0.9 * lengths.length) - 1] as number;
}

function countRepeats(sequences: Ragged, size: number): number {
  // lastSeen[item] is the last sequence that held the item, so nothing needs clearing between sequences
  const lastSeen = new Int32Array(size).fill(-1);
  let repeats = 0;
  for (let b = 0; b < sequences.count; b++) {
    for (const item of sequences.items(b)) {
      if (lastSeen[item] === b) repeats++;
      lastSeen[item] = b;
    }
  }
  return repeats;
}

function span(time: Float64Array): { from: number; to: number } {
  let from = Infinity;
  let to = -Infinity;
  for (const value of time) {
    from = Math.min(from, value);
    to = Math.max(to, value);
  }
  return { from, to };
}

function print(summary: Omit<InteractionsSummary, 'toString'>): string {
  const { users, items, seenItems, events, density, length, repeats, time } = summary;
  const whole = (n: number) => n.toLocaleString('en-US');
  const percent = (share: number) => `${(100 * share).toLocaleString('en-US', { maximumSignificantDigits: 3 })} %`;
  const lines: [string, string][] = [
    ['users', whole(users)],
    ['items', whole(items) + (seenItems < items ? ` (${whole(seenItems)} with events)` : '')],
    ['events', whole(events)],
    [
      'a user',
      `${length.mean.toFixed(1)} (${length.min} to ${length.max}, median ${length.median}, nine of ten at most ${length.suggested})`,
    ],
    ['density', percent(density)],
    ['repeats', `${whole(repeats)} (${percent(repeats / events)})`],
    ...(time ? [['time', `${time.from} to ${time.to}`] as [string, string]] : []),
  ];
  return lines.map(([name, value]) => `${name.padEnd(8)} ${value}`).join('\n');
}

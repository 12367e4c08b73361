/** Sequences laid end to end: the host-side form of every batch, history and data set. */
import { describe } from './shape.ts';

/** A column over events or sequences. */
export type Column = Int32Array | Float32Array | Float64Array;

/** Named columns over the N events. */
export interface EventColumns {
  /** Catalogue rows, 0 … V-1. */
  readonly item: Int32Array;
  /** Times in the data's own unit, ascending within a sequence. */
  readonly time?: Float64Array | undefined;
  readonly [feature: string]: Column | undefined;
}

/** Named columns over the B sequences. */
export interface SequenceColumns {
  /** A number for the user of each sequence. */
  readonly user?: Int32Array | undefined;
  readonly [column: string]: Column | undefined;
}

/**
 * B sequences end to end: `offsets` (B+1) cuts the N events of each column into sequences; sequence `b` is the events
 * `offsets[b] … offsets[b + 1] - 1`. No padding and no masks. It lives on the host; arrays are never changed.
 */
export class Ragged {
  /** @throws RangeError when offsets and columns do not fit together */
  constructor(
    readonly offsets: Int32Array,
    readonly events: EventColumns,
    readonly sequences: SequenceColumns = {},
  ) {
    checkOffsets(offsets, events.item.length);
    for (const [name, column] of Object.entries(events)) checkLength(name, column, events.item.length, 'events');
    for (const [name, column] of Object.entries(sequences)) checkLength(name, column, offsets.length - 1, 'sequences');
  }

  /** From one list of catalogue rows a sequence. @throws TypeError for what is no list of whole numbers */
  static from(lists: readonly ArrayLike<number>[]): Ragged {
    if (!Array.isArray(lists)) throw new TypeError(`The sequences must be an array of lists, got ${describe(lists)}.`);
    lists.forEach(checkList);
    const offsets = new Int32Array(lists.length + 1);
    lists.forEach((list, b) => {
      offsets[b + 1] = (offsets[b] as number) + list.length;
    });
    const item = new Int32Array(offsets[lists.length] as number);
    lists.forEach((list, b) => {
      item.set(list, offsets[b]);
    });
    return new Ragged(offsets, { item });
  }

  /** The number of sequences B. */
  get count(): number {
    return this.offsets.length - 1;
  }

  /** The number of events N. */
  get rows(): number {
    return this.events.item.length;
  }

  get item(): Int32Array {
    return this.events.item;
  }

  get time(): Float64Array | undefined {
    return this.events.time;
  }

  get user(): Int32Array | undefined {
    return this.sequences.user;
  }

  /** The number of events of sequence `b`. */
  length(b: number): number {
    return (this.offsets[b + 1] as number) - (this.offsets[b] as number);
  }

  /** The catalogue rows of sequence `b`, a view. */
  items(b: number): Int32Array {
    return this.events.item.subarray(this.offsets[b], this.offsets[b + 1]);
  }

  /**
   * For each named sequence the events from `from(length)` up to, not including, `to(length)`; both are clamped to the
   * sequence. They are also told the sequence and its place in `which`, since a sequence may be named more than once.
   * This one selection serves batches, truncation and splits.
   */
  slice(
    which: ArrayLike<number>,
    from: (length: number, sequence: number, place: number) => number = () => 0,
    to: (length: number, sequence: number, place: number) => number = (length) => length,
  ): Ragged {
    const count = which.length;
    const offsets = new Int32Array(count + 1);
    const starts = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const b = which[i] as number;
      const length = this.length(b);
      const begin = Math.min(Math.max(0, from(length, b, i)), length);
      const end = Math.min(Math.max(begin, to(length, b, i)), length);
      starts[i] = (this.offsets[b] as number) + begin;
      offsets[i + 1] = (offsets[i] as number) + end - begin;
    }
    const cut = (column: Column): Column => {
      const out = new (column.constructor as new (n: number) => Column)(offsets[count] as number);
      for (let i = 0; i < count; i++) {
        const start = starts[i] as number;
        const at = offsets[i] as number;
        out.set(column.subarray(start, start + (offsets[i + 1] as number) - at), at);
      }
      return out;
    };
    return new Ragged(
      offsets,
      mapColumns(this.events, cut) as EventColumns,
      mapColumns(this.sequences, (column) => takeColumn(column, which)),
    );
  }

  /**
   * For each named sequence the events at `places[i]`, in that order, with all their columns; a place, from 0, may come
   * twice.
   */
  select(which: ArrayLike<number>, places: readonly Int32Array[]): Ragged {
    const offsets = new Int32Array(which.length + 1);
    places.forEach((list, i) => {
      offsets[i + 1] = (offsets[i] as number) + list.length;
    });
    const rows = new Int32Array(offsets[which.length] as number);
    places.forEach((list, i) => {
      const start = this.offsets[which[i] as number] as number;
      for (let j = 0; j < list.length; j++) rows[(offsets[i] as number) + j] = start + (list[j] as number);
    });
    return new Ragged(
      offsets,
      mapColumns(this.events, (column) => takeColumn(column, rows)) as EventColumns,
      mapColumns(this.sequences, (column) => takeColumn(column, which)),
    );
  }

  /** The named sequences, in that order; a sequence may be named twice. */
  take(which: ArrayLike<number>): Ragged {
    return this.slice(which);
  }

  /** The most recent `n` events of every sequence. */
  last(n: number): Ragged {
    return this.slice(range(this.count), (length) => length - n);
  }
}

/** The values of the named rows, in that order; a row may be named twice. */
export function takeColumn<C extends Column>(column: C, rows: ArrayLike<number>): C {
  const out = new (column.constructor as new (n: number) => C)(rows.length);
  for (let i = 0; i < out.length; i++) out[i] = column[rows[i] as number] as number;
  return out;
}

/** 0 … n-1. */
export function range(n: number): Int32Array {
  const out = new Int32Array(n);
  for (let i = 0; i < n; i++) out[i] = i;
  return out;
}

function mapColumns(columns: SequenceColumns, change: (column: Column) => Column): SequenceColumns {
  return Object.fromEntries(
    Object.entries(columns).flatMap(([name, column]) => (column ? [[name, change(column)]] : [])),
  );
}

function checkList(list: ArrayLike<number>, b: number): void {
  if (list instanceof Int32Array) return;
  if (typeof list !== 'object' || list === null || list.length === undefined) {
    throw new TypeError(`Sequence ${b} must be a list of rows, got ${describe(list)}.`);
  }
  for (let i = 0; i < list.length; i++) {
    if (list[i] === ((list[i] as number) | 0)) continue;
    throw new TypeError(`Sequence ${b} must be a list of 32-bit whole numbers, got ${describe(list[i])}.`);
  }
}

function checkOffsets(offsets: Int32Array, events: number): void {
  const last = offsets.length - 1;
  let ok = last >= 0 && offsets[0] === 0 && offsets[last] === events;
  for (let b = 0; ok && b < last; b++) ok = (offsets[b] as number) <= (offsets[b + 1] as number);
  if (!ok) {
    throw new RangeError(
      `Offsets must start at 0, never fall and end at the number of events (${events}), got ${describe(offsets)} from ${offsets[0]} to ${offsets[last]}.`,
    );
  }
}

function checkLength(name: string, column: Column | undefined, expected: number, of: string): void {
  if (column && column.length !== expected) {
    throw new RangeError(
      `The column '${name}' must have ${expected} values, one for each of the ${of}, got ${column.length}.`,
    );
  }
}

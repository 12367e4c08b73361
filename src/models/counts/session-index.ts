/** Past sequences, found by their items: the memory of neighbourhood models. */

import { doubled } from '../../core/pair-index.ts';
import { FileFormatError } from '../../io/error.ts';
import type { ExpectedTensor } from '../../io/match-tensors.ts';
import type { TensorData } from '../../io/safetensors.ts';
import { keepLargest } from './keep-largest.ts';

/** Past sequences that share items with a history, the first `count` of both arrays. */
export interface SharedSessions {
  readonly count: number;
  /** Their numbers, in no order. */
  readonly sessions: Int32Array;
  /** Of each, the sum of the weights of the items that it shares. */
  readonly sums: Float64Array;
}

/**
 * Sequences numbered from the oldest to the most recent, and for each item the numbers of those that hold it. A sequence
 * that is more recent than all others is appended; an older one moves the rest, once before the next question.
 */
export class SessionIndex {
  /** Of each session: where its items begin, its time, and how many different items it has. */
  offsets = new Int32Array(16);
  #times = new Float64Array(16);
  distinct = new Int32Array(16);
  items = new Int32Array(64);
  #count = 0;
  #longest = 0;
  #timed: boolean | undefined;
  /** How many sessions the lists hold, and whether all sessions are in the order of their times. */
  #listed = 0;
  #ordered = true;
  /** Of each item: the sessions that hold it, ascending, and their number. */
  readonly #lists: (Int32Array | undefined)[];
  readonly #lengths: Int32Array;
  /** Of each item: its events. */
  readonly eventsOf: Int32Array;
  /** Of each item: 1 + the last session that was listed. */
  readonly #last: Int32Array;
  /**
   * Scratch: of each session the sum of the weights of shared items; the sessions found and what they are selected by;
   * 1 for those that hold the item that must be there.
   */
  #sums = new Float64Array(16);
  #found = new Int32Array(16);
  #keys = new Float64Array(16);
  #held = new Uint8Array(16);

  /** @param items the number of items in the catalogue */
  constructor(items: number) {
    this.#lists = new Array(items).fill(undefined);
    this.#lengths = new Int32Array(items);
    this.#last = new Int32Array(items);
    this.eventsOf = new Int32Array(items);
  }

  /** The number of sessions. */
  get count(): number {
    return this.#count;
  }

  /** The number of their events. */
  get events(): number {
    return this.offsets[this.#count] as number;
  }

  /** The most events of a session. */
  get longest(): number {
    return this.#longest;
  }

  /** Whether the sessions have times. */
  get timed(): boolean {
    return this.#timed === true;
  }

  /** The time of a session's last event. */
  time(session: number): number {
    return this.#times[session] as number;
  }

  /** The latest time of all sessions. */
  get latest(): number {
    this.#settle();
    return this.#times[this.#count - 1] ?? 0;
  }

  /**
   * Adds a session after those of the same time.
   *
   * @param time of its last event, in all sessions or in none
   */
  add(rows: Int32Array, time: number | undefined): void {
    if (rows.length === 0) return;
    this.#timed ??= time !== undefined;
    if (this.#timed !== (time !== undefined)) {
      throw new RangeError('Sequences with times and without were mixed: count those of one kind only.');
    }
    if (this.#count + 2 > this.offsets.length) this.#growSessions();
    const begin = this.events;
    const end = begin + rows.length;
    while (end > this.items.length) this.items = doubled(this.items);
    this.items.set(rows, begin);
    this.#times[this.#count] = time ?? 0;
    if (this.#count > 0 && (time ?? 0) < (this.#times[this.#count - 1] as number)) this.#ordered = false;
    this.offsets[++this.#count] = end;
    this.#longest = Math.max(this.#longest, rows.length);
  }

  /**
   * The most recent sessions that hold one of `rows`.
   *
   * @param rows    different items, and the weight of each, above 0
   * @param most    how many sessions to take
   * @param holding only sessions that hold this one of `rows`
   * @returns views that the next call overwrites
   */
  sharing(rows: Int32Array, weights: Float64Array, most: number, holding?: number): SharedSessions {
    this.#settle();
    const [sums, found, keys, held] = [this.#sums, this.#found, this.#keys, this.#held];
    const open = holding === undefined;
    let count = open ? 0 : this.#hold(holding, most);
    const floor = open ? 0 : (found[0] as number); // the oldest session that may count
    for (let q = 0; q < rows.length; q++) {
      const list = this.#lists[rows[q] as number];
      const weight = weights[q] as number;
      if (!list || !(weight > 0)) continue;
      const length = this.#lengths[rows[q] as number] as number;
      // A session that is among the most recent of all is among the most recent of each of its items.
      const first = open ? Math.max(0, length - most) : 0;
      for (let i = length - 1; i >= first; i--) {
        const session = list[i] as number;
        if (session < floor) break;
        const sum = sums[session] as number;
        if (!open && held[session] === 0) continue;
        if (open && sum === 0) found[count++] = session;
        sums[session] = sum + weight;
      }
    }
    for (let i = 0; !open && i < count; i++) held[found[i] as number] = 0;
    if (count > most) {
      for (let i = 0; i < count; i++) keys[i] = found[i] as number;
      keepLargest(keys, found, count, most);
      for (let i = most; i < count; i++) sums[found[i] as number] = 0;
      count = most;
    }
    for (let i = 0; i < count; i++) {
      const session = found[i] as number;
      keys[i] = sums[session] as number;
      sums[session] = 0;
    }
    return { count, sessions: found, sums: keys };
  }

  /** Finds the most recent sessions that hold one item, ascending; returns how many there are. */
  #hold(row: number, most: number): number {
    const length = this.#lengths[row] as number;
    const count = Math.min(most, length);
    const recent = this.#lists[row]?.subarray(length - count, length) ?? new Int32Array(0);
    this.#found.set(recent);
    for (const session of recent) this.#held[session] = 1;
    return count;
  }

  /** The arrays of a file. */
  state(): Map<string, TensorData> {
    this.#settle();
    const times = this.timed ? this.#times.slice(0, this.#count) : new Float64Array(0);
    return new Map<string, TensorData>([
      ['offsets', { dtype: 'I32', shape: [this.#count + 1], data: this.offsets.slice(0, this.#count + 1) }],
      ['sessions', { dtype: 'I32', shape: [this.events], data: this.items.slice(0, this.events) }],
      ['times', { dtype: 'F64', shape: [times.length], data: times }],
    ]);
  }

  /**
   * The inverse of {@link state}.
   *
   * @throws FileFormatError when the arrays do not fit together
   */
  static restore(tensors: ReadonlyMap<string, TensorData>, items: number): SessionIndex {
    const offsets = tensors.get('offsets')?.data as Int32Array;
    const rows = tensors.get('sessions')?.data as Int32Array;
    const times = tensors.get('times')?.data as Float64Array;
    const fault = (what: string) => new FileFormatError(`The file's sessions are damaged: ${what}.`);
    if (offsets[0] !== 0 || offsets.at(-1) !== rows.length) throw fault('the offsets do not span the events');
    const count = offsets.length - 1;
    if (times.length !== 0 && times.length !== count) throw fault(`${count} sessions and ${times.length} times`);
    const bad = rows.find((row) => row < 0 || row >= items);
    if (bad !== undefined) throw fault(`row ${bad} is not one of the ${items} items`);
    const index = new SessionIndex(items);
    for (let s = 0; s < count; s++) {
      const [begin, end] = [offsets[s] as number, offsets[s + 1] as number];
      if (begin >= end || end > rows.length) throw fault(`the offsets go from ${begin} to ${end}`);
      const time = times.length > 0 ? (times[s] as number) : undefined;
      if (time !== undefined && !Number.isFinite(time)) throw fault(`a time is ${time}`);
      index.add(rows.subarray(begin, end), time);
    }
    return index;
  }

  /** Brings sessions into the order of their times, and lists those that are not listed yet. */
  #settle(): void {
    if (!this.#ordered) this.#reorder();
    for (; this.#listed < this.#count; this.#listed++) {
      const session = this.#listed;
      let distinct = 0;
      for (let i = this.offsets[session] as number; i < (this.offsets[session + 1] as number); i++) {
        const row = this.items[i] as number;
        this.eventsOf[row] = (this.eventsOf[row] as number) + 1;
        if (this.#last[row] === session + 1) continue;
        this.#last[row] = session + 1;
        this.#append(row, session);
        distinct++;
      }
      this.distinct[session] = distinct;
    }
    if (this.#sums.length < this.offsets.length) {
      const size = this.offsets.length;
      [this.#sums, this.#keys] = [new Float64Array(size), new Float64Array(size)];
      [this.#found, this.#held] = [new Int32Array(size), new Uint8Array(size)];
    }
  }

  #append(row: number, session: number): void {
    const length = this.#lengths[row] as number;
    let list = this.#lists[row];
    if (!list) list = this.#lists[row] = new Int32Array(4);
    else if (length === list.length) list = this.#lists[row] = doubled(list);
    list[length] = session;
    this.#lengths[row] = length + 1;
  }

  #reorder(): void {
    const times = this.#times.slice(0, this.#count);
    const order = Array.from(times.keys()).sort((a, b) => (times[a] as number) - (times[b] as number) || a - b);
    const [items, offsets] = [this.items.slice(0, this.events), this.offsets.slice()];
    order.forEach((from, to) => {
      const [begin, end] = [offsets[from] as number, offsets[from + 1] as number];
      const at = this.offsets[to] as number;
      this.items.set(items.subarray(begin, end), at);
      this.offsets[to + 1] = at + end - begin;
      this.#times[to] = times[from] as number;
    });
    this.#lengths.fill(0);
    this.#last.fill(0);
    this.eventsOf.fill(0);
    this.#listed = 0;
    this.#ordered = true;
  }

  #growSessions(): void {
    this.offsets = doubled(this.offsets);
    this.#times = doubled(this.#times);
    this.distinct = doubled(this.distinct);
  }
}

/** What {@link SessionIndex.state} holds, for `matchTensors`. */
export const SESSION_TENSORS: readonly (readonly [string, ExpectedTensor])[] = [
  ['offsets', { dtype: 'I32', shape: [-1] }],
  ['sessions', { dtype: 'I32', shape: [-1] }],
  ['times', { dtype: 'F64', shape: [-1] }],
];

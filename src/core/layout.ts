/** Where the rows of one batch belong: the device-side companion of `Ragged`. */
import * as tf from '@tensorflow/tfjs-core';
import { constant } from '../backend/recording.ts';
import { type Ragged, range } from './ragged.ts';
import { refuseOthers } from './shape.ts';

export interface LayoutOptions {
  /** The position of each sequence's first row. @defaultValue all 0 */
  starts?: Int32Array | undefined;
  /** Rows of the tensors, at least N; rows past N belong to no sequence. @defaultValue N */
  capacity?: number | undefined;
  /** The number, within the whole training step, of this layout's first sequence; randomness depends on it. @defaultValue 0 */
  firstSequence?: number | undefined;
}

/**
 * The layout of N rows `[N, D]` in B sequences: each row's sequence, position from the start and position from the end,
 * as host arrays and as int32 tensors, which are made when they are first asked for. Dispose of the layout when the
 * batch is done.
 *
 * Rows N … capacity-1 belong to no sequence: token-wise ops may compute there, sequence ops write 0, losses never read
 * them, and their gradient is 0.
 */
export class Layout {
  readonly offsets: Int32Array;
  readonly starts: Int32Array;
  readonly capacity: number;
  readonly firstSequence: number;
  /** The sequence of each row, -1 past N (host). */
  readonly sequences: Int32Array;
  /** The position of each row from the start, the sequence's `starts` included (host). */
  readonly positions: Int32Array;
  /** The position of each row from the end of its sequence, 0 for the last (host). */
  readonly positionsFromEnd: Int32Array;
  readonly #memo = new Map<unknown, tf.Tensor[]>();
  readonly #derived = new Map<unknown, Layout>();

  /** @param of a batch, or its offsets (B+1) */
  constructor(of: Ragged | Int32Array, options: LayoutOptions = {}) {
    const { starts, capacity, firstSequence, ...others } = options;
    refuseOthers('Layout', others, options);
    this.offsets = of instanceof Int32Array ? of : of.offsets;
    const rows = this.offsets[this.count] as number;
    this.starts = starts ?? new Int32Array(this.count);
    this.capacity = capacity ?? rows;
    this.firstSequence = firstSequence ?? 0;
    if (this.starts.length !== this.count) {
      throw new RangeError(
        `starts must have one value for each of the ${this.count} sequences, got ${this.starts.length}.`,
      );
    }
    if (this.capacity < rows) throw new RangeError(`capacity must be at least the ${rows} rows, got ${this.capacity}.`);
    if (this.capacity >= 2 ** 24) {
      throw new RangeError(
        `A batch may have at most ${2 ** 24 - 1} rows, got ${this.capacity}: use a smaller batchSize.`,
      );
    }
    this.sequences = new Int32Array(this.capacity).fill(-1);
    this.positions = new Int32Array(this.capacity);
    this.positionsFromEnd = new Int32Array(this.capacity);
    for (let b = 0; b < this.count; b++) {
      const [begin, end] = [this.offsets[b] as number, this.offsets[b + 1] as number];
      for (let row = begin; row < end; row++) {
        this.sequences[row] = b;
        this.positions[row] = (this.starts[b] as number) + row - begin;
        this.positionsFromEnd[row] = end - 1 - row;
      }
    }
  }

  /** {@link sequences} as a tensor `[capacity]` int32. */
  get sequence(): tf.Tensor1D {
    return this.#tensor(this.sequences);
  }

  /** {@link positions} as a tensor `[capacity]` int32. */
  get position(): tf.Tensor1D {
    return this.#tensor(this.positions);
  }

  /** {@link positionsFromEnd} as a tensor `[capacity]` int32. */
  get positionFromEnd(): tf.Tensor1D {
    return this.#tensor(this.positionsFromEnd);
  }

  #tensor(values: Int32Array): tf.Tensor1D {
    return this.memo(values, () => [tf.tensor1d(values, 'int32')])[0] as tf.Tensor1D;
  }

  /** The number of sequences B. */
  get count(): number {
    return this.offsets.length - 1;
  }

  /** The number of real rows N. */
  get rows(): number {
    return this.offsets[this.count] as number;
  }

  /** The number of rows of sequence `b`. */
  length(b: number): number {
    return (this.offsets[b + 1] as number) - (this.offsets[b] as number);
  }

  /** The row of each sequence's last event; throws for an empty sequence, which has none. */
  lastRows(): Int32Array {
    const rows = new Int32Array(this.count);
    for (let b = 0; b < rows.length; b++) {
      if (this.length(b) === 0) throw new RangeError(`Sequence ${b} is empty and has no last row.`);
      rows[b] = (this.offsets[b + 1] as number) - 1;
    }
    return rows;
  }

  /**
   * The layout of the last row of every sequence alone, at its position: the queries of a model that wants only what
   * comes next. It is the same object every time, and disposed of with this layout at the latest.
   *
   * @throws RangeError for an empty sequence, which has none
   */
  last(): Layout {
    return this.derived('last', () => {
      const starts = this.lastRows();
      for (let b = 0; b < starts.length; b++) starts[b] = this.positions[starts[b] as number] as number;
      return new Layout(range(this.count + 1), { starts, firstSequence: this.firstSequence });
    });
  }

  /** A layout that follows from this one alone: made once under `key`, disposed of with this one. */
  derived(key: unknown, make: () => Layout): Layout {
    const layout = this.#derived.get(key) ?? make();
    this.#derived.set(key, layout);
    return layout;
  }

  /**
   * The row, in this layout, of each row of `queries`, a layout of some positions of the same sequences.
   *
   * @throws if `queries` has a position that this layout has not
   */
  rowsOf(queries: Layout): Int32Array {
    const rows = new Int32Array(queries.rows);
    for (let row = 0; row < rows.length; row++) {
      const b = queries.sequences[row] as number;
      const position = queries.positions[row] as number;
      const at = (this.offsets[b] as number) + position - (this.starts[b] as number);
      if (!(at >= (this.offsets[b] as number) && at < (this.offsets[b + 1] as number))) {
        throw new RangeError(`Position ${position} of sequence ${b} is asked for, which this layout does not have.`);
      }
      rows[row] = at;
    }
    return rows;
  }

  /**
   * For each row of `queries`, a layout of some positions of the same sequences, the window of the `length` rows that end
   * with it, oldest first: rows of this layout, and -1 where the sequence has none.
   *
   * @returns `[queries.capacity · length]`; rows past the N of `queries` have no rows in their windows
   */
  windows(length: number, queries: Layout = this): Int32Array {
    const out = new Int32Array(queries.capacity * length).fill(-1);
    const rows = this.rowsOf(queries);
    for (let query = 0; query < rows.length; query++) {
      const first = this.offsets[queries.sequences[query] as number] as number;
      let row = rows[query] as number;
      for (let place = length - 1; place >= 0 && row >= first; place--) out[query * length + place] = row--;
    }
    return out;
  }

  /**
   * `column` over the N rows, lengthened to `capacity` by its last value: a lookup by it reads no row, and leaves a gradient
   * for none, that the N rows do not.
   */
  pad(column: Int32Array): Int32Array {
    if (column.length !== this.rows) {
      throw new RangeError(`A column of this layout must have ${this.rows} values, got ${column.length}.`);
    }
    if (this.capacity === this.rows) return column;
    const out = new Int32Array(this.capacity).fill(column.at(-1) ?? 0);
    out.set(column);
    return out;
  }

  /** Tensors that follow from this layout alone: made once under `key`, freed with the layout. */
  memo(key: unknown, make: () => tf.Tensor[]): tf.Tensor[] {
    let tensors = this.#memo.get(key);
    if (!tensors) {
      tensors = constant(make).map((tensor) => tf.keep(tensor));
      this.#memo.set(key, tensors);
    }
    return tensors;
  }

  dispose(): void {
    for (const tensors of this.#memo.values()) tf.dispose(tensors);
    this.#memo.clear();
    for (const layout of this.#derived.values()) layout.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

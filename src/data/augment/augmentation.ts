/** Views of a sequence: other sequences that a user with the same taste might have had. */
import type { Part } from '../../core/part.ts';
import type { Column, EventColumns } from '../../core/ragged.ts';
import { Ragged, range } from '../../core/ragged.ts';
import type { Rng } from '../../core/rng.ts';

/** One view: events of the sequence, in the order of the view, and what item each shows. */
export interface View {
  /** Places in the sequence, from 0; a place may come twice. The other columns of an event follow its place. */
  readonly events: Int32Array;
  /** `[events.length]` catalogue rows. */
  readonly items: Int32Array;
}

export interface ViewContext {
  /** The number of items V. */
  readonly items: number;
  /** The row of [MASK], if the model has one. */
  readonly mask?: number | undefined;
  readonly rng: Rng;
}

/** Makes a view of a sequence. It never makes an empty one. */
export interface Augmentation extends Part {
  /** @param sequence catalogue rows, at least one */
  view(sequence: Int32Array, context: ViewContext): View;
  /** For augmentations that must know all training sequences: gives what takes the place of `view`. */
  prepare?(train: Ragged, items: number): Augmentation['view'];
}

/** The view that shows the sequence as it is. */
export function sameView(sequence: Int32Array): View {
  return { events: range(sequence.length), items: sequence };
}

/** The views of all sequences as a batch, with all their columns. */
export function viewsOf(sequences: Ragged, view: (sequence: Int32Array, b: number) => View): Ragged {
  const views = Array.from({ length: sequences.count }, (_, b) => view(sequences.items(b), b));
  const offsets = new Int32Array(sequences.count + 1);
  views.forEach(({ events }, b) => {
    offsets[b + 1] = (offsets[b] as number) + events.length;
  });
  const rows = new Int32Array(offsets[sequences.count] as number);
  const item = new Int32Array(rows.length);
  views.forEach(({ events, items }, b) => {
    rows.set(
      events.map((place) => (sequences.offsets[b] as number) + place),
      offsets[b],
    );
    item.set(items, offsets[b]);
  });
  const columns: { [name: string]: Column } = {};
  for (const [name, column] of Object.entries(sequences.events)) {
    if (!column || name === 'item') continue;
    const values = new (column.constructor as new (n: number) => Column)(rows.length);
    rows.forEach((row, i) => {
      values[i] = column[row] as number;
    });
    columns[name] = values;
  }
  return new Ragged(offsets, { ...columns, item } as EventColumns, sequences.sequences);
}

/** The first event of a stretch of `length` of a sequence of `events`. */
export function stretchStart(events: number, length: number, rng: Rng): number {
  return rng.fork('start').int(0, events - length + 1);
}

/** Views of a sequence: other sequences that a user with the same taste might have had. */
import type { Part } from '../../core/part.ts';
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
  const all = range(sequences.count);
  const views = Array.from(all, (b) => view(sequences.items(b), b));
  const {
    offsets,
    events,
    sequences: columns,
  } = sequences.select(
    all,
    views.map((each) => each.events),
  );
  const item = new Int32Array(events.item.length);
  views.forEach(({ items }, b) => {
    item.set(items, offsets[b]);
  });
  return new Ragged(offsets, { ...events, item }, columns);
}

/** The first event of a stretch of `length` of a sequence of `events`. */
export function stretchStart(events: number, length: number, rng: Rng): number {
  return rng.fork('start').int(0, events - length + 1);
}

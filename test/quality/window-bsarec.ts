/** BSARec as its authors run it: over windows whose empty slots are read, filtered and trained. */
import * as tf from '@tensorflow/tfjs-core';
import {
  BSARec,
  type BSARecBlock,
  dropout,
  dropoutAdd,
  gatherRows,
  Layout,
  type Ragged,
  type Rng,
  type SASRecOptions,
  selectRows,
} from 'seqrec';
import type { Recipe } from './recipe.ts';

/**
 * {@link BSARec} over left-padded windows of `maxLength` slots (yehjin-shin/BSARec): an empty slot is its trained position,
 * the filter transforms the whole window, and empty slots, for which every key is masked alike, attend to all of it. Theirs
 * have a row of the item table besides, which lookups never train.
 */
export class WindowBSARec extends BSARec {
  static override readonly modelName = 'WindowBSARec';

  /** @param queries the last event of each sequence, if not all */
  override encode(events: Ragged, layout: Layout, rng?: Rng, queries?: Layout): tf.Tensor2D {
    const { full, real, empty } = windows(layout, this.maxLength);
    const width = this.items.weight.shape[1] as number;
    const filled = [...real.rows, ...empty.rows];
    const place = Int32Array.from(filled);
    for (let i = 0; i < filled.length; i++) place[filled[i] as number] = i;
    /** Rows of real slots and of empty ones, in the order of the windows. */
    const joined = (ofReal: tf.Tensor2D, ofEmpty: tf.Tensor2D) =>
      gatherRows(empty.rows.length > 0 ? tf.concat([ofReal, ofEmpty]) : ofReal, place);
    const attend = (block: BSARecBlock, x: tf.Tensor2D, asked: Layout, random?: Rng) => {
      const own = gatherRows(x, real.rows);
      const queries = asked === full ? real.layout : real.layout.last();
      const call = { queries, keys: real.layout, causal: true, rng: random?.fork('attention') };
      const ofReal = block.attention.forward(selectRows(own, real.layout, queries), own, own, call);
      if (asked !== full) return ofReal;
      if (empty.rows.length === 0) return joined(ofReal, ofReal);
      const ofAll = { queries: empty.layout, keys: full, rng: random?.fork('empty') };
      return joined(ofReal, block.attention.forward(gatherRows(x, empty.rows), x, x, ofAll));
    };
    const layer = (x: tf.Tensor2D, block: BSARecBlock, i: number) => {
      const asked = queries && i === this.blocks.length - 1 ? full.last() : full;
      const random = rng?.fork('block').fork(i);
      const own = selectRows(x, full, asked);
      const branch = (name: string, y: tf.Tensor2D) => dropoutAdd(own, y, block.dropout, random?.fork(name), asked);
      const slow = block.filterNorm.forward(branch('filtered', selectRows(block.filter.forward(x, full), full, asked)));
      const past = block.attentionNorm.forward(branch('attended', attend(block, x, asked, random)));
      const y: tf.Tensor2D = tf.add(tf.mul(slow, block.alpha), tf.mul(past, 1 - block.alpha));
      return block.norm.forward(block.feedForward.forward(y, asked, random?.fork('feedForward'), y));
    };
    const items = joined(this.items.forward(events.item), tf.zeros([empty.rows.length, width]));
    const input = this.inputNorm.forward(tf.add(items, this.positions.forward(full, events)));
    const states = (this.blocks as BSARecBlock[]).reduce(layer, dropout(input, this.dropout, rng?.fork('input'), full));
    return queries ? states : gatherRows(states, real.rows);
  }
}

/** A recipe of BSARec over its authors' windows instead. */
export function overWindows(own: Recipe): Recipe {
  return {
    ...own,
    label: `${own.label} over the authors' windows with pads`,
    model: (items, data) => {
      const options = (own.model(items, data) as BSARec).config() as Partial<SASRecOptions>;
      return new WindowBSARec({ ...options, items });
    },
    remarks: 'The filter transforms 50 slots of which the empty ones, trained positions, come first.',
  };
}

interface Slots {
  /** Their rows of the windows. */
  readonly rows: Int32Array;
  readonly layout: Layout;
}

/** Windows of `size` slots: as a whole, their real slots and the empty ones before them. */
function windows(events: Layout, size: number): { full: Layout; real: Slots; empty: Slots } {
  const { count, firstSequence } = events;
  const lengths = Int32Array.from({ length: count }, (_, b) => events.length(b));
  const slots = (name: string, from: (length: number) => number, to: (length: number) => number): Slots => {
    const offsets = new Int32Array(count + 1);
    const rows: number[] = [];
    lengths.forEach((length, b) => {
      for (let slot = from(length); slot < to(length); slot++) rows.push(b * size + slot);
      offsets[b + 1] = rows.length;
    });
    const starts = lengths.map(from);
    return {
      rows: Int32Array.from(rows),
      layout: events.derived(name, () => new Layout(offsets, { starts, firstSequence })),
    };
  };
  const all = slots(
    'window',
    () => 0,
    () => size,
  );
  const empty = (length: number) => size - length;
  return { full: all.layout, real: slots('real', empty, () => size), empty: slots('empty', () => 0, empty) };
}

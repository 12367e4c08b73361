/** Between rows end to end and windows of one length, for algorithms that are defined on a window. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { expectShape, refuseOthers } from '../core/shape.ts';
import { takeRows } from './segment-sum.ts';
import { withGradient } from './with-gradient.ts';

/** On which side of a window the free places are. */
export type PadSide = 'left' | 'right';

/**
 * Each sequence in a window of `length` places; free places are 0.
 *
 * @param x              `[capacity, D]`
 * @param layout         the sequences of the rows
 * @param options
 * @param options.length the number of places T, at least the longest sequence
 * @param options.side   where the free places are
 * @returns `[B, T, D]`
 */
export function toPadded(
  x: tf.Tensor2D,
  layout: Layout,
  { length, side, ...others }: { length: number; side: PadSide },
): tf.Tensor3D {
  refuseOthers('toPadded', others);
  expectShape(x, [layout.capacity, -1], 'The input of toPadded');
  const dim = x.shape[1];
  const { rowOfPlace, placeOfRow } = places(layout, length, side);
  return withGradient(
    [x],
    () => tf.reshape(takeOrZero(x, rowOfPlace), [layout.count, length, dim]),
    (dy: tf.Tensor3D) => [takeOrZero(tf.reshape(dy, [-1, dim]), placeOfRow)],
  );
}

/**
 * The rows of windows: the inverse of {@link toPadded}.
 *
 * @param x            `[B, T, D]`
 * @param layout       the sequences of the rows
 * @param options
 * @param options.side where the free places are
 * @returns `[capacity, D]`; rows past N are 0
 */
export function fromPadded(x: tf.Tensor3D, layout: Layout, { side, ...others }: { side: PadSide }): tf.Tensor2D {
  refuseOthers('fromPadded', others);
  expectShape(x, [layout.count, -1, -1], 'The input of fromPadded');
  const [, length, dim] = x.shape;
  const { rowOfPlace, placeOfRow } = places(layout, length, side);
  return withGradient(
    [x],
    () => takeOrZero(tf.reshape(x, [-1, dim]), placeOfRow),
    (dy: tf.Tensor2D) => [tf.reshape(takeOrZero(dy, rowOfPlace), x.shape)],
  );
}

/** For each place of the windows its row and for each row its place, -1 where there is none. */
function places(layout: Layout, length: number, side: PadSide): { rowOfPlace: Int32Array; placeOfRow: Int32Array } {
  const rowOfPlace = new Int32Array(layout.count * length).fill(-1);
  const placeOfRow = new Int32Array(layout.capacity).fill(-1);
  for (let b = 0; b < layout.count; b++) {
    const events = layout.length(b);
    if (events > length) {
      throw new RangeError(
        `Sequence ${b} has ${events} rows, which do not fit a window of ${length}: keep its last ${length} rows.`,
      );
    }
    const first = b * length + (side === 'left' ? length - events : 0);
    for (let i = 0, row = layout.offsets[b] as number; i < events; i++, row++) {
      rowOfPlace[first + i] = row;
      placeOfRow[row] = first + i;
    }
  }
  return { rowOfPlace, placeOfRow };
}

/** `x[rows[i]]`, and zeros where `rows[i]` is -1. */
function takeOrZero(x: tf.Tensor2D, rows: Int32Array): tf.Tensor2D {
  const [count, dim] = x.shape;
  if (!rows.includes(-1)) return takeRows(x, rows);
  const padded: tf.Tensor2D = tf.concat([x, tf.zeros([1, dim])]);
  return takeRows(
    padded,
    rows.map((row) => (row === -1 ? count : row)),
  );
}

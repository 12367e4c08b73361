/** A softmax over the rows of a sequence. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { expectShape } from '../core/shape.ts';
import { hasKernel, runKernel } from './kernel.ts';
import { sumRows, takeRows } from './segment-sum.ts';
import { withGradient } from './with-gradient.ts';

/**
 * Every column of every sequence made positive with the sum 1: the shares of its rows. Rows past the layout's N give 0.
 *
 * @param x `[layout.capacity, C]`
 * @returns `[layout.capacity, C]`
 */
export function softmaxOverTime(x: tf.Tensor2D, layout: Layout): tf.Tensor2D {
  expectShape(x, [layout.capacity, -1], 'The input of softmaxOverTime');
  return withGradient(
    [x],
    (save) => {
      const y = shares(x, layout);
      save(y);
      return y;
    },
    (dy: tf.Tensor2D, y: tf.Tensor2D) => {
      const along: tf.Tensor2D = tf.mul(y, dy);
      return [tf.sub(along, tf.mul(y, spread(rowsOf(along, layout), layout)))];
    },
  );
}

function shares(x: tf.Tensor2D, layout: Layout): tf.Tensor2D {
  if (x.shape[1] >= 4 && hasKernel('SeqrecSoftmaxOverTime')) {
    const offsets = layout.memo('offsets', () => [tf.tensor1d(layout.offsets, 'int32')])[0] as tf.Tensor;
    return runKernel('SeqrecSoftmaxOverTime', { x, offsets }, { rows: layout.rows });
  }
  if (layout.rows === 0) return tf.zerosLike(x);
  const rows = rowsOf(x, layout);
  const [last, ...steps] = layout.memo(shares, () => indices(layout)) as [tf.Tensor1D, ...tf.Tensor1D[]];
  // After the steps 1, 2, 4, … a row holds the largest of all up to it.
  const largest = steps.reduce((most: tf.Tensor2D, step) => tf.maximum(most, takeRows(most, step)), rows);
  const powers: tf.Tensor2D = tf.exp(tf.sub(rows, takeRows(largest, last)));
  const y: tf.Tensor2D = tf.div(powers, tf.slice(spread(powers, layout), 0, layout.rows));
  return layout.rows < layout.capacity ? tf.concat([y, spare(x, layout)]) : y;
}

/** For each row the sum over the rows of its sequence, 0 past N. */
function spread(rows: tf.Tensor2D, layout: Layout): tf.Tensor2D {
  const sequences = layout.sequences.subarray(0, layout.rows);
  const sums = takeRows(sumRows(rows, sequences, layout.count), sequences);
  return layout.rows < layout.capacity ? tf.concat([sums, spare(rows, layout)]) : sums;
}

function rowsOf(x: tf.Tensor2D, layout: Layout): tf.Tensor2D {
  return layout.rows < layout.capacity ? tf.slice(x, 0, layout.rows) : x;
}

function spare(x: tf.Tensor2D, layout: Layout): tf.Tensor2D {
  return tf.zeros([layout.capacity - layout.rows, x.shape[1]]);
}

/** For each row the last one of its sequence, and then those 1, 2, 4, … rows before it, but at least the first. */
function indices(layout: Layout): tf.Tensor1D[] {
  const { rows, offsets, sequences } = layout;
  const of = (row: (row: number, first: number, end: number) => number) =>
    tf.tensor1d(
      Int32Array.from({ length: rows }, (_, i) => {
        const b = sequences[i] as number;
        return row(i, offsets[b] as number, offsets[b + 1] as number);
      }),
      'int32',
    );
  const made = [of((_row, _first, end) => end - 1)];
  let longest = 1;
  for (let b = 0; b < layout.count; b++) longest = Math.max(longest, layout.length(b));
  for (let step = 1; step < longest; step *= 2) made.push(of((row, first) => Math.max(first, row - step)));
  return made;
}

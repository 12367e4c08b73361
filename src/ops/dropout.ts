/** Dropout (Srivastava et al., 2014), with masks that depend only on what an element is, not on how a step is split. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { mix, type Rng } from '../core/rng.ts';
import { checkNumber, expectShape } from '../core/shape.ts';
import { hasKernel, runKernel } from './kernel.ts';
import { withGradient } from './with-gradient.ts';

/**
 * Sets each element to 0 with probability `rate` and multiplies the others by 1 / (1 - rate). Without an rng, or at
 * rate 0, it is `x` itself. An element's fate is a function of the rng's key, its sequence in the step, its position and
 * its column ({@link dropoutMask}).
 *
 * @param x      `[capacity, D]`; rows past the layout's N become 0
 * @param rate   0 up to, not including, 1
 * @param layout where the rows belong; without it they count as the positions of sequence 0
 */
export function dropout(x: tf.Tensor2D, rate: number, rng: Rng | undefined, layout?: Layout): tf.Tensor2D {
  checkNumber('The dropout rate', rate, { min: 0, below: 1 });
  if (!rng || rate === 0) return x;
  if (layout) expectShape(x, [layout.capacity, -1], 'The input of dropout');
  if (hasKernel('SeqrecDropout')) {
    const multiplied = (x: tf.Tensor2D) => fusedDropout(x, rate, rng, layout);
    return withGradient(
      [x],
      () => multiplied(x),
      (dy: tf.Tensor2D) => [multiplied(dy)],
    );
  }
  return withGradient(
    [x],
    (save) => {
      const mask = tf.tensor2d(dropoutMask(rng, rate, x.shape, layout), x.shape);
      save(mask);
      return tf.mul(x, mask);
    },
    (dy: tf.Tensor2D, mask: tf.Tensor2D) => [tf.mul(dy, mask)],
  );
}

/**
 * `x` + {@link dropout} of `y`, in one pass where the backend can: the end of a residual branch.
 *
 * @param x `[capacity, D]`
 * @param y `[capacity, D]`
 */
export function dropoutAdd(
  x: tf.Tensor2D,
  y: tf.Tensor2D,
  rate: number,
  rng: Rng | undefined,
  layout?: Layout,
): tf.Tensor2D {
  expectShape(y, x.shape, 'What dropoutAdd adds');
  if (!rng || rate === 0 || !hasKernel('SeqrecDropout')) {
    const dropped = dropout(y, rate, rng, layout);
    return withGradient(
      [x, dropped],
      () => tf.add(x, dropped),
      (dy: tf.Tensor2D) => [tf.clone(dy), tf.clone(dy)],
    );
  }
  checkNumber('The dropout rate', rate, { min: 0, below: 1 });
  if (layout) expectShape(x, [layout.capacity, -1], 'The input of dropout');
  return withGradient(
    [x, y],
    () => fusedDropout(y, rate, rng, layout, x),
    (dy: tf.Tensor2D) => [tf.clone(dy), fusedDropout(dy, rate, rng, layout)],
  );
}

/** `x` times its mask, which is made on the way and not kept, plus `plus`. */
function fusedDropout(
  x: tf.Tensor2D,
  rate: number,
  rng: Rng,
  layout: Layout | undefined,
  plus?: tf.Tensor2D,
): tf.Tensor2D {
  const inputs = {
    x,
    ...(plus && { plus }),
    ...(layout && { sequences: layout.sequence, positions: layout.position }),
  };
  const [rows, firstSequence] = layout ? [layout.rows, layout.firstSequence] : [x.shape[0], 0];
  return runKernel('SeqrecDropout', inputs, { rows, firstSequence, key: rng.key, ...dropoutLimits(rate) });
}

/**
 * What {@link dropout} multiplies by: 0 or 1 / (1 - rate). With the rng's key (low, high), `mix` (lowbias32), all sums and
 * products modulo 2^32 and G = 0x9e3779b9, G' = 0x85ebca6b:
 *
 * ```text
 * row  = mix(mix(low + sequence * G) ^ (high + position * G'))
 * word = mix(row + (column >>> 1) * G)
 * bits = column even ? word & 0xffff : word >>> 16
 * kept = bits >= round(rate * 65536)
 * ```
 *
 * where `sequence` counts within the step (`layout.firstSequence` + the sequence in the layout) and `position` includes
 * the layout's `starts`.
 *
 * @param shape `[rows, columns]`
 * @returns row-major
 */
export function dropoutMask(
  rng: Rng,
  rate: number,
  [rows, columns]: readonly [rows: number, columns: number],
  layout?: Layout,
): Float32Array {
  const mask = new Float32Array(rows * columns);
  const keep = dropoutLimits(rate);
  const real = layout ? layout.rows : rows;
  for (let row = 0; row < real; row++) {
    const sequence = layout ? layout.firstSequence + (layout.sequences[row] as number) : 0;
    const position = layout ? (layout.positions[row] as number) : row;
    const key = dropoutRow(rng, sequence, position);
    const out = row * columns;
    for (let column = 0; column < columns; column += 2) {
      const word = mix(key + Math.imul(column >>> 1, GOLDEN));
      mask[out + column] = (word & 0xffff) >= keep.threshold ? keep.scale : 0;
      if (column + 1 < columns) mask[out + column + 1] = word >>> 16 >= keep.threshold ? keep.scale : 0;
    }
  }
  return mask;
}

/** The hash of one row of a dropout mask. */
export function dropoutRow(rng: Rng, sequence: number, position: number): number {
  const [low, high] = rng.key;
  return mix(mix(low + Math.imul(sequence, GOLDEN)) ^ (high + Math.imul(position, POSITION)));
}

/** The 16 bits that decide on the element of `column` in the row hashed to `row`. */
export function dropoutBits(row: number, column: number): number {
  const word = mix(row + Math.imul(column >>> 1, GOLDEN));
  return column & 1 ? word >>> 16 : word & 0xffff;
}

/** An element is kept, and multiplied by `scale`, if its 16 bits are at least `threshold`. */
export function dropoutLimits(rate: number): { threshold: number; scale: number } {
  return { threshold: Math.round(rate * 65536), scale: 1 / (1 - rate) };
}

const GOLDEN = 0x9e3779b9;
const POSITION = 0x85ebca6b;

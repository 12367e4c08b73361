/** Rotation of pairs of columns: the op of rotary positions. */
import * as tf from '@tensorflow/tfjs-core';
import { expectShape } from '../core/shape.ts';
import { hasKernel, runKernel } from './kernel.ts';
import { withGradient } from './with-gradient.ts';

/**
 * Turns the columns 2i and 2i + 1 of each head by the angle of their row:
 * (a, b) becomes (a · cos − b · sin, b · cos + a · sin).
 *
 * @param x     `[N, D]`
 * @param turns `[N, D / heads]`: sines in even and cosines in odd columns, for all heads; gets no gradient
 * @param heads divides D into heads of an even width
 * @returns `[N, D]`
 */
export function rotatePairs(x: tf.Tensor2D, turns: tf.Tensor2D, heads: number): tf.Tensor2D {
  const [rows, dim] = x.shape;
  if (dim % (2 * heads) !== 0) {
    throw new RangeError(`rotatePairs needs heads of an even width, got ${dim} columns for ${heads} heads.`);
  }
  expectShape(turns, [rows, dim / heads], 'The turns of rotatePairs');
  return withGradient(
    [x],
    (save) => {
      save(turns);
      return rotated(x, turns, heads, 1);
    },
    // The gradient is turned back.
    (dy: tf.Tensor2D, turns: tf.Tensor2D) => [rotated(dy, turns, heads, -1)],
  );
}

function rotated(x: tf.Tensor2D, turns: tf.Tensor2D, heads: number, sign: 1 | -1): tf.Tensor2D {
  if (hasKernel('SeqrecRotatePairs')) return runKernel('SeqrecRotatePairs', { x, turns }, { heads, sign });
  const pairs = [x.size / 2, 2] as const;
  const split = (of: tf.Tensor) => tf.split(tf.reshape(of, [...pairs]), 2, 1) as [tf.Tensor2D, tf.Tensor2D];
  const [a, b] = split(x);
  const [sin, cos] = split(tf.tile(turns, [1, heads]));
  const turned = tf.mul(sin, sign);
  const out = tf.concat([tf.sub(tf.mul(a, cos), tf.mul(b, turned)), tf.add(tf.mul(b, cos), tf.mul(a, turned))], 1);
  return tf.reshape(out, x.shape);
}

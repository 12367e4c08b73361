/** The slow part of each sequence: its lowest frequencies. */
import * as tf from '@tensorflow/tfjs-core';
import { Layout } from '../core/layout.ts';
import { checkNumber, expectShape } from '../core/shape.ts';
import { countPairs, pairSumsOf } from './pairs-sums.ts';
import { withGradient } from './with-gradient.ts';

/**
 * Every column of every sequence with only its `bins` lowest frequencies left: what a discrete Fourier transform over the
 * sequence's own length, a cut after `bins` coefficients and the inverse transform give. The first bin is the mean; a
 * sequence that has no more bins stays as it is. Rows past the layout's N give 0.
 *
 * It is a projection on 2 · bins - 1 sines and cosines, computed as two real products, so that no FFT is needed and the work
 * grows with the rows.
 *
 * @param x    `[layout.capacity, D]`
 * @param bins how many are left, at least 1
 */
export function lowPass(x: tf.Tensor2D, layout: Layout, bins: number): tf.Tensor2D {
  checkNumber('bins', bins, { min: 1, integer: true });
  expectShape(x, [layout.capacity, -1], 'The input of lowPass');
  return withGradient(
    [x],
    () => projected(x, layout, bins),
    // A projection is its own transpose.
    (dy: tf.Tensor2D) => [projected(dy, layout, bins)],
  );
}

/** The waves of a sequence ask its rows how much they have of them, and the rows get that much of them back. */
function projected(x: tf.Tensor2D, layout: Layout, bins: number): tf.Tensor2D {
  const lengths = Array.from({ length: layout.count }, (_, b) => layout.length(b));
  const queries = layout.derived(`waves ${bins}`, () => {
    const offsets = new Int32Array(layout.count + 1);
    lengths.forEach((length, b) => {
      offsets[b + 1] = (offsets[b] as number) + Math.min(2 * bins - 1, length);
    });
    return new Layout(offsets);
  });
  const pairs = queries.rows === 0 ? 0 : countPairs({ first: 0, end: layout.count }, queries, layout);
  const plan = { queries, keys: layout, heads: 1, causal: false, pairs };
  const [waves] = layout.memo(`lowPass ${bins}`, () => {
    const known = new Map<number, Float32Array>();
    const values = new Float32Array(pairs);
    let at = 0;
    for (const length of lengths) {
      const own = known.get(length) ?? wavesOf(length, bins);
      known.set(length, own);
      values.set(own, at);
      at += own.length;
    }
    return [tf.tensor2d(values, [pairs, 1])];
  }) as [tf.Tensor2D];
  return pairSumsOf(plan, waves, pairSumsOf(plan, waves, x), 'keys');
}

/** The orthonormal real waves of the lowest `bins` frequencies of `length` places, one after the other. */
function wavesOf(length: number, bins: number): Float32Array {
  const count = Math.min(2 * bins - 1, length);
  const waves = new Float32Array(count * length);
  for (let wave = 0; wave < count; wave++) {
    // 1, cos, sin, cos, sin, … of the frequencies 0, 1, 1, 2, 2, …
    const bin = (wave + 1) >> 1;
    const of = wave % 2 || wave === 0 ? Math.cos : Math.sin;
    // The mean and, of an even length, the fastest wave have no second phase.
    const height = Math.sqrt((bin === 0 || 2 * bin === length ? 1 : 2) / length);
    for (let t = 0; t < length; t++)
      waves[wave * length + t] = height * of((2 * Math.PI * ((bin * t) % length)) / length);
  }
  return waves;
}

/** The slow part of each sequence: its lowest frequencies. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { checkNumber, expectShape } from '../core/shape.ts';
import { chunksOf } from './attention-chunks.ts';
import { multiply } from './product.ts';
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

/** Rows of sequences that share a product; a longer sequence has its own. */
const ROWS = 128;

function projected(x: tf.Tensor2D, layout: Layout, bins: number): tf.Tensor2D {
  const chunks = chunksOf(layout, layout, ROWS).filter((chunk) => chunk.keys > 0);
  const waves = layout.memo(`lowPass ${bins}`, () => {
    const known = new Map<number, Float32Array[]>();
    const of = (length: number) => {
      const made = known.get(length) ?? wavesOf(length, bins);
      known.set(length, made);
      return made;
    };
    return chunks.map(({ first, end, keys }) => {
      const lengths = Array.from({ length: end - first }, (_, i) => layout.length(first + i));
      return tf.tensor2d(diagonal(lengths.map(of), lengths, keys), [
        lengths.reduce((sum, n) => sum + of(n).length, 0),
        keys,
      ]);
    });
  }) as tf.Tensor2D[];
  const width = x.shape[1];
  const out = chunks.map(({ key, keys }, i) =>
    tf.tidy(() => {
      const wave = waves[i] as tf.Tensor2D;
      return multiply(wave, multiply(wave, tf.slice(x, [key, 0], [keys, width])), { transposeA: true });
    }),
  );
  if (layout.rows < layout.capacity || out.length === 0) out.push(tf.zeros([layout.capacity - layout.rows, width]));
  return tf.concat(out);
}

/** The orthonormal real waves of the lowest `bins` frequencies of `length` places. */
function wavesOf(length: number, bins: number): Float32Array[] {
  const waves: Float32Array[] = [];
  for (let bin = 0; bin < Math.min(bins, Math.floor(length / 2) + 1) && length > 0; bin++) {
    // The mean and, of an even length, the fastest wave have no second phase.
    const single = bin === 0 || 2 * bin === length;
    const height = Math.sqrt((single ? 1 : 2) / length);
    const angle = (t: number) => (2 * Math.PI * ((bin * t) % length)) / length;
    waves.push(Float32Array.from({ length }, (_, t) => height * Math.cos(angle(t))));
    if (!single) waves.push(Float32Array.from({ length }, (_, t) => height * Math.sin(angle(t))));
  }
  return waves;
}

/** The waves of several sequences in a matrix of `columns` places, each over its own. */
function diagonal(waves: readonly Float32Array[][], lengths: readonly number[], columns: number): Float32Array {
  const rows = waves.reduce((sum, of) => sum + of.length, 0);
  const out = new Float32Array(rows * columns);
  let [row, column] = [0, 0];
  waves.forEach((of, b) => {
    for (const wave of of) out.set(wave, row++ * columns + column);
    column += lengths[b] as number;
  });
  return out;
}

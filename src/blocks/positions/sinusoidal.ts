/** Sinusoidal positions. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../../core/layout.ts';
import { Module } from '../../core/module.ts';
import { checkPositions, type PositionBlock, type PositionsPart } from './positions.ts';

/** Fixed sines and cosines of the position from the start (Vaswani et al., 2017, section 3.5): even columns sin, odd cos. */
export function sinusoidal(): PositionsPart {
  return { name: 'sinusoidal', options: {}, create: ({ dim, maxLength }) => new SinusoidalPositions(maxLength, dim) };
}

class SinusoidalPositions extends Module implements PositionBlock {
  readonly appendOnly = true;

  constructor(
    readonly maxLength: number,
    readonly dim: number,
  ) {
    super();
  }

  forward(layout: Layout): tf.Tensor2D {
    checkPositions(layout, this.maxLength, layout.positions);
    return sinusoidRows(layout, this.dim);
  }
}

/** The row of {@link sinusoidTable} for each row's position from the start, `[capacity, dim]`; it lives as long as the layout. */
export function sinusoidRows(layout: Layout, dim: number): tf.Tensor2D {
  const make = () => {
    const { positions, rows, capacity } = layout;
    let count = 0;
    for (let row = 0; row < rows; row++) count = Math.max(count, (positions[row] as number) + 1);
    const table = sinusoidTable(count, dim);
    const out = new Float32Array(capacity * dim);
    for (let row = 0; row < rows; row++) {
      const at = (positions[row] as number) * dim;
      out.set(table.subarray(at, at + dim), row * dim);
    }
    return [tf.tensor2d(out, [capacity, dim])];
  };
  return layout.memo(`sinusoids ${dim}`, make)[0] as tf.Tensor2D;
}

/**
 * The sinusoidal table `[length, dim]`, row-major, made on the host (GPUs are imprecise for large arguments):
 * `sin(p · w)` in even and `cos(p · w)` in odd columns, `w = 10000^(−2⌊column / 2⌋ / dim)`; an odd `dim` ends with a sine.
 */
export function sinusoidTable(length: number, dim: number): Float32Array {
  const table = new Float32Array(length * dim);
  for (let column = 0; column < dim; column++) {
    const frequency = Math.exp((column - (column % 2)) * (-Math.log(10000) / dim));
    const wave = column % 2 ? Math.cos : Math.sin;
    for (let position = 0; position < length; position++) table[position * dim + column] = wave(position * frequency);
  }
  return table;
}

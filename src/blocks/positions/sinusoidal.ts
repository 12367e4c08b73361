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
  #table: Float32Array | undefined;

  constructor(
    readonly maxLength: number,
    readonly dim: number,
  ) {
    super();
  }

  forward(layout: Layout): tf.Tensor2D {
    checkPositions(layout, this.maxLength, layout.positions);
    return layout.memo(this, () => [this.#encodings(layout)])[0] as tf.Tensor2D;
  }

  #encodings(layout: Layout): tf.Tensor2D {
    const { dim } = this;
    this.#table ??= sinusoidTable(this.maxLength, dim);
    const table = this.#table;
    const out = new Float32Array(layout.capacity * dim);
    for (let row = 0; row < layout.rows; row++) {
      const position = layout.positions[row] as number;
      out.set(table.subarray(position * dim, (position + 1) * dim), row * dim);
    }
    return tf.tensor2d(out, [layout.capacity, dim]);
  }
}

/**
 * The sinusoidal table `[length, dim]`, row-major, made on the host (GPUs are imprecise for large arguments):
 * `sin(p · w)` in even and `cos(p · w)` in odd columns, `w = 10000^(−2⌊column / 2⌋ / dim)`; an odd `dim` ends with a sine.
 */
export function sinusoidTable(length: number, dim: number): Float32Array {
  const table = new Float32Array(length * dim);
  for (let position = 0; position < length; position++) {
    for (let column = 0; column < dim; column++) {
      const angle = position * Math.exp((column - (column % 2)) * (-Math.log(10000) / dim));
      table[position * dim + column] = column % 2 ? Math.cos(angle) : Math.sin(angle);
    }
  }
  return table;
}

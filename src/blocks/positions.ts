/** Positional encodings that are added to the rows. */
import * as tf from '@tensorflow/tfjs-core';
import { xavierUniform } from '../core/initializers.ts';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import { Parameter } from '../core/parameter.ts';
import type { Part } from '../core/part.ts';
import { embedding } from '../ops/embedding.ts';

/** Gives each row of a layout its encoding. */
export interface PositionBlock extends Module {
  /** @returns `[capacity, dim]` */
  forward(layout: Layout): tf.Tensor2D;
}

/** Chooses a model's positional encoding. */
export interface PositionsPart extends Part {
  create(size: { dim: number; maxLength: number }): PositionBlock;
}

/** A trained vector for each position from the start of the sequence: row 0 is the first event's. */
export function learnedFromStart(): PositionsPart {
  return {
    name: 'learnedFromStart',
    options: {},
    create: ({ dim, maxLength }) => new LearnedPositions(maxLength, dim, 'start'),
  };
}

/**
 * A trained vector for each position from the end of the sequence: row 0 is the last event's. A table over the slots of
 * a left-padded window, as SASRec's authors have, is this one with its rows in reverse.
 */
export function learnedFromEnd(): PositionsPart {
  return {
    name: 'learnedFromEnd',
    options: {},
    create: ({ dim, maxLength }) => new LearnedPositions(maxLength, dim, 'end'),
  };
}

/** Fixed sines and cosines of the position from the start (Vaswani et al., 2017, section 3.5): even columns sin, odd cos. */
export function sinusoidal(): PositionsPart {
  return { name: 'sinusoidal', options: {}, create: ({ dim, maxLength }) => new SinusoidalPositions(maxLength, dim) };
}

/** No positional encoding. */
export function noPositions(): PositionsPart {
  return { name: 'noPositions', options: {}, create: ({ dim }) => new NoPositions(dim) };
}

class LearnedPositions extends Module implements PositionBlock {
  readonly weight: Parameter;
  readonly #from: 'start' | 'end';

  constructor(maxLength: number, dim: number, from: 'start' | 'end') {
    super();
    this.weight = new Parameter([maxLength, dim], xavierUniform);
    this.#from = from;
  }

  forward(layout: Layout): tf.Tensor2D {
    const start = this.#from === 'start';
    checkPositions(layout, this.weight.shape[0] as number, start ? layout.positions : layout.positionsFromEnd);
    return embedding(this.weight, start ? layout.position : layout.positionFromEnd);
  }
}

class SinusoidalPositions extends Module implements PositionBlock {
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

class NoPositions extends Module implements PositionBlock {
  constructor(readonly dim: number) {
    super();
  }

  forward(layout: Layout): tf.Tensor2D {
    return layout.memo(this, () => [tf.zeros([layout.capacity, this.dim])])[0] as tf.Tensor2D;
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

function checkPositions(layout: Layout, maxLength: number, positions: Int32Array): void {
  for (let row = 0; row < layout.rows; row++) {
    const position = positions[row] as number;
    if (position < 0 || position >= maxLength) {
      throw new RangeError(
        `Position ${position} of sequence ${layout.sequences[row]} is outside 0 … ${maxLength - 1}: shorten the sequence or raise maxLength.`,
      );
    }
  }
}

/** What a stack of blocks is made of, and the part that chooses it. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import type { Module } from '../core/module.ts';
import type { Part } from '../core/part.ts';
import type { Rng } from '../core/rng.ts';

/** A block over sequences: `[N, dim]` to `[N, dim]`. With `rng`, dropout is on. */
export interface SequenceBlock extends Module {
  /** What a row knows of its sequence: the rows before it, or all. @defaultValue 'past' */
  readonly reads?: 'past' | 'all' | undefined;
  /**
   * @param x       `[layout.capacity, dim]`
   * @param queries the rows that are wanted, some positions of the same sequences. A block that can computes only these
   *                and returns `[queries.capacity, dim]`; others ignore it and return all rows. `selectRows` takes them from x.
   */
  forward(x: tf.Tensor2D, layout: Layout, rng?: Rng, queries?: Layout): tf.Tensor2D;
  /**
   * {@link forward} for rows that follow others of the same, single sequence. A block without it makes sessions compute
   * their whole history for every answer.
   *
   * @param layout of the new rows; it starts at the position of the first
   * @param before what `after` was for the rows before; undefined or empty if there are none
   */
  resume?(x: tf.Tensor2D, layout: Layout, before?: readonly tf.Tensor2D[], queries?: Layout): Continued;
  /** The attention weights, one tensor `[heads, Tq, Tk]` a sequence. */
  attentionWeights?(x: tf.Tensor2D, layout: Layout, queries?: Layout): tf.Tensor3D[];
}

/** Rows that were computed from those before them, and what is needed to go on. */
export type Continued = {
  /** `[N, dim]` */
  states: tf.Tensor2D;
  after: tf.Tensor2D[];
};

/** What the model tells each of its blocks. */
export interface BlockSize {
  dim: number;
  heads: number;
  /** Rate of every dropout in the block. */
  dropout: number;
  /** A row reads only its own past. */
  causal: boolean;
}

/** Chooses a model's blocks. */
export interface BlockPart extends Part {
  create(size: BlockSize): SequenceBlock;
}

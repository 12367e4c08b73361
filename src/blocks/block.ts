/** What a stack of blocks is made of, and the part that chooses it. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import type { Module } from '../core/module.ts';
import type { Part } from '../core/part.ts';
import type { Rng } from '../core/rng.ts';

/** A block over sequences: `[N, dim]` to `[N, dim]`. With `rng`, dropout is on. */
export interface SequenceBlock extends Module {
  /**
   * @param x       `[layout.capacity, dim]`
   * @param queries the rows that are wanted, some positions of the same sequences. A block that can computes only these
   *                and returns `[queries.capacity, dim]`; others ignore it and return all rows.
   */
  forward(x: tf.Tensor2D, layout: Layout, rng?: Rng, queries?: Layout): tf.Tensor2D;
}

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

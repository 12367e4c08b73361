/** Positions that act inside attention, and the part that chooses them. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../../core/layout.ts';
import type { Module } from '../../core/module.ts';
import type { Part } from '../../core/part.ts';

/** What tells the attention of one block how far a query is from a key. */
export interface AttentionPositions extends Module {
  /**
   * Turns projected queries or keys by the positions of their rows.
   *
   * @param x `[layout.capacity, dim]`
   * @returns `[layout.capacity, dim]`
   */
  turn?(x: tf.Tensor2D, layout: Layout): tf.Tensor2D;
  /** Added to the scores: `[1 or heads, P, P]`, indexed by query and key position, for all positions of both layouts. */
  bias?(queries: Layout, keys: Layout): tf.Tensor3D;
}

/** Chooses the positions inside attention. */
export interface AttentionPositionsPart extends Part {
  create(size: { dim: number; heads: number }): AttentionPositions;
}

/** What the distance of two events says of them, and the part that chooses it. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../../core/layout.ts';
import type { Module } from '../../core/module.ts';
import type { Part } from '../../core/part.ts';
import type { Ragged } from '../../core/ragged.ts';

/** A number for every pair of a query and a key of the same sequence, which is added to their product. */
export interface PairBias extends Module {
  /**
   * @param queries some positions of the sequences
   * @param keys    all events
   * @param events  the columns of the keys
   * @returns `[pairs, 1]`, in the order of `pairProducts`
   */
  forward(queries: Layout, keys: Layout, events: Ragged): tf.Tensor2D;
}

/** Chooses what is added to the products of pairs. */
export interface PairBiasPart extends Part {
  create(size: { maxLength: number }): PairBias;
}

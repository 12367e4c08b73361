/** What `fit` needs of a model. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Output } from '../blocks/output-head.ts';
import type { Layout } from '../core/layout.ts';
import type { Module } from '../core/module.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import type { Scorer } from '../evaluation/scorer.ts';

/** A network that gives every event of a sequence a state `[N, D]`, scored against `output()`. */
export interface Trainable extends Module, Scorer {
  /** The most events a sequence may have. */
  readonly maxLength: number;
  /**
   * @param events the batch's columns on the host
   * @param layout the same batch on the device
   * @param rng    turns dropout on
   * @returns `[capacity, D]`
   */
  encode(events: Ragged, layout: Layout, rng?: Rng): tf.Tensor2D;
  output(): Output;
  /** Every option but the catalogue; a checkpoint belongs to a model with these. */
  config(): object;
  /** The model as a file, from which workers make it again; a model without trains on one thread. */
  save?(): Promise<Uint8Array>;
}

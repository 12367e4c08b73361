/** What `fit` needs of a model. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Continued } from '../blocks/block.ts';
import type { Output } from '../blocks/output-head.ts';
import type { Layout } from '../core/layout.ts';
import type { Module } from '../core/module.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import type { Scorer } from '../evaluation/scorer.ts';
import type { FitOptions } from './fit-options.ts';

/** How a model is trained unless told otherwise. */
export type FitDefaults = Pick<FitOptions, 'objective' | 'loss' | 'optimizer' | 'batchSize' | 'clipNorm'>;

/** A network that gives every event of a sequence a state `[N, D]`, scored against `output()`. */
export interface Trainable extends Module, Scorer {
  /** The most events a sequence may have. */
  readonly maxLength: number;
  /**
   * What a state knows of its sequence: 'past', the events up to its own; 'all', later ones too; 'last', only the last
   * event of a sequence has a state. An objective that does not fit is refused. @defaultValue 'past'
   */
  readonly reads?: 'past' | 'all' | 'last' | undefined;
  /** The row of [MASK] in the model's own table, if it has one. */
  readonly mask?: number | undefined;
  /** What `fit` does unless told otherwise. @defaultValue those of {@link FitOptions} */
  readonly defaults?: FitDefaults | undefined;
  /**
   * @param events  the batch's columns on the host
   * @param layout  the same batch on the device
   * @param rng     turns dropout on
   * @param queries the last event of each sequence, where only their states are asked for
   * @returns `[capacity, D]`, or `[queries.capacity, D]`
   */
  encode(events: Ragged, layout: Layout, rng?: Rng, queries?: Layout): tf.Tensor2D;
  /**
   * Of a recurrent model: as `encode`, from the states that an earlier call left.
   *
   * @param before `[B, H]` of every layer. @defaultValue the beginning
   * @returns `after`: what the sequences leave behind, `[B, H]` of every layer
   */
  encodeFrom?(events: Ragged, layout: Layout, before?: readonly tf.Tensor2D[], rng?: Rng, queries?: Layout): Continued;
  /** @param rng turns dropout on, for models that drop parts of what they score */
  output(rng?: Rng): Output;
  /** Every option but the catalogue; a checkpoint belongs to a model with these. */
  config(): object;
  /** The model as a file, from which workers make it again; a model without trains on one thread. */
  save?(): Promise<Uint8Array>;
}

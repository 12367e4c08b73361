/** What a model is trained to make small. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Output } from '../blocks/output-head.ts';
import type { Part } from '../core/part.ts';
import type { Negatives, Sampler } from '../data/negatives/sampler.ts';

export type { Output };

/** The questions of M states. */
export interface LossTargets {
  /** `[M]` the catalogue row of each target. */
  readonly item: Int32Array;
  /** `[M]` the weight of each target. */
  readonly weight: Float32Array;
  /** `[M]` what a target's own score should be, 1 or 0, for losses of given labels. */
  readonly label?: Float32Array | undefined;
  /** How many of the last targets are pairs of views; they are there for losses with `contrasts` only. @defaultValue 0 */
  readonly views?: number | undefined;
  /** Drawn by the loss's own sampler. */
  readonly negatives?: Negatives | undefined;
}

/** A loss over states, one target each. It never receives the score of every item `[M, V]`. */
export interface Loss extends Part {
  /** What to draw for each target; the training loop draws it on the host. */
  readonly negatives?: { readonly count: number; readonly sampler: Sampler } | undefined;
  /** Whether the loss compares states with each other, so that a step must not be split. @defaultValue false */
  readonly coupled?: boolean | undefined;
  /** Whether it compares views, which an objective such as `contrastive()` must give. @defaultValue false */
  readonly contrasts?: boolean | undefined;
  /**
   * The weighted SUM over the targets; the training loop divides by the total weight of the whole step.
   *
   * @param states `[M, D]`
   * @param output what the states are scored against: scale · (states · weightᵀ + bias)
   */
  forward(states: tf.Tensor2D, output: Output, targets: LossTargets): tf.Scalar;
}

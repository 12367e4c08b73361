/** The questions a model is trained on. */
import type { Part } from '../core/part.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';

/** The questions of one step: M targets, each asked at a row of the inputs. All on the host. */
export interface Batch {
  /** What the model reads. */
  readonly inputs: Ragged;
  readonly targets: {
    /** `[M]` the input row whose state must predict the target. */
    readonly row: Int32Array;
    /** `[M]` the sequence of the batch that the target belongs to. */
    readonly sequence: Int32Array;
    /** `[M]` the catalogue row to predict. */
    readonly item: Int32Array;
    /** `[M]` the weight of the target in the loss. */
    readonly weight: Float32Array;
  };
}

export interface BatchContext {
  /** The most events the model reads. */
  readonly maxLength: number;
  /** The random stream of a sequence of the batch: it depends on seed, epoch and sequence, never on the batch. */
  stream(sequence: number): Rng;
}

/** Turns the sequences of a step into inputs and targets. */
export interface Objective extends Part {
  batch(sequences: Ragged, context: BatchContext): Batch;
}

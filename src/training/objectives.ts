/** Objectives: what a model is asked to predict from a sequence. */
import type { Part } from '../core/part.ts';
import { Ragged, range } from '../core/ragged.ts';
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

/**
 * Every event predicts the one after it (SASRec, section 3.5): of each sequence the most recent `maxLength + 1` events
 * are used, all but the last as inputs and all but the first as targets, each with weight 1.
 */
export function nextItem(): Objective {
  return {
    name: 'nextItem',
    options: {},
    batch(sequences, { maxLength }) {
      const recent = sequences.last(maxLength + 1);
      const inputs = recent.slice(range(recent.count), () => 0, (length) => length - 1);
      const item = recent.slice(range(recent.count), () => 1).item;
      const row = range(inputs.rows);
      const sequence = new Int32Array(inputs.rows);
      for (let b = 0; b < inputs.count; b++) sequence.fill(b, inputs.offsets[b], inputs.offsets[b + 1]);
      return { inputs, targets: { row, sequence, item, weight: new Float32Array(inputs.rows).fill(1) } };
    },
  };
}

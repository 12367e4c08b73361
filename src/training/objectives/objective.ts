/** The questions a model is trained on. */
import type { Part } from '../../core/part.ts';
import type { Ragged } from '../../core/ragged.ts';
import type { Rng } from '../../core/rng.ts';
import type { ExampleRule, Examples } from '../../data/examples.ts';

/** The questions of one step: M targets, each asked at a row of the inputs. All on the host. */
export interface Batch {
  /** What the model reads; no sequence of it is empty. */
  readonly inputs: Ragged;
  readonly targets: {
    /** `[M]` the input row whose state must predict the target. */
    readonly row: Int32Array;
    /** `[M]` the example of the batch that the target belongs to. */
    readonly sequence: Int32Array;
    /** `[M]` the catalogue row to predict. */
    readonly item: Int32Array;
    /** `[M]` the weight of the target in the loss. */
    readonly weight: Float32Array;
    /** `[M]` what the target's own score should be, 1 or 0, for losses of given labels. */
    readonly label?: Float32Array | undefined;
    /** How many of the last targets are no questions but pairs of views, for losses that compare them. @defaultValue 0 */
    readonly views?: number | undefined;
  };
}

export interface BatchContext {
  /** The most events the model reads. */
  readonly maxLength: number;
  /** The number of items V. */
  readonly items: number;
  /** The row of [MASK] in the model's own table, if it has one. */
  readonly mask?: number | undefined;
  /** The random stream of an example of the batch: it depends on seed, epoch and example, never on the batch. */
  stream(sequence: number): Rng;
}

/** Turns the examples of a step into inputs and targets. */
export interface Objective extends Part {
  /**
   * What is drawn once an epoch.
   *
   * @defaultValue every sequence of at least two events: its most recent `maxLength + 1`
   */
  readonly examples?: ExampleRule | undefined;
  /**
   * The steps of every epoch, as numbers of examples, where their order belongs to the objective.
   *
   * @defaultValue all examples in random order, `batchSize` a step
   */
  steps?(examples: Examples, batchSize: number): Iterable<Int32Array>;
  /**
   * Whether a row is asked for an event that the inputs hold after it, which only a model whose states read nothing but
   * their past can learn from. @defaultValue false
   */
  readonly causal?: boolean | undefined;
  /** Whether its batches have views. @defaultValue false */
  readonly contrasts?: boolean | undefined;
  /** @param examples one sequence an example */
  batch(examples: Ragged, context: BatchContext): Batch;
  /**
   * For objectives that must know all training sequences: called once a run, it gives what takes the place of `batch`.
   *
   * @param items the number of items V
   */
  prepare?(examples: Examples, items: number): Objective['batch'];
}

/** What turns examples into questions: by `prepare` where there is one. */
export function prepared(objective: Objective, examples: Examples, items: number): Objective['batch'] {
  return objective.prepare?.(examples, items) ?? ((given, context) => objective.batch(given, context));
}

/** The training sequences of one epoch, in random order, a batch at a time. */
import type { Ragged } from '../core/ragged.ts';
import { range } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import { checkNumber } from '../core/shape.ts';

export interface BatchOptions {
  /** Sequences a batch; the last batch of an epoch may have fewer. */
  batchSize: number;
  /** Inputs a sequence: the most recent `maxLength + 1` events are kept, the inputs and the last one's target. */
  maxLength: number;
  /** The stream of the epoch, forked with the epoch's number by the caller. @defaultValue none: the order of the data */
  rng?: Rng | undefined;
  /** The step to begin with, to continue an epoch that was interrupted. @defaultValue 0 */
  from?: number | undefined;
}

/** One step's sequences. */
export interface SequenceBatch {
  /** The step within the epoch, from 0. */
  step: number;
  /** The number of steps of the epoch. */
  steps: number;
  /** Which of the given sequences these are. */
  which: Int32Array;
  /** Their most recent events, cut out when asked for. */
  readonly sequences: Ragged;
}

/**
 * The order of one epoch: every sequence of at least two events (a shorter one has no next event to learn) once.
 * A pure function of the sequences and the stream.
 */
export function epochOrder(sequences: Ragged, rng?: Rng): Int32Array {
  const long = range(sequences.count).filter((b) => sequences.length(b) >= 2);
  if (long.length === 0) {
    throw new RangeError(`Training needs a sequence of at least 2 events, got none among ${sequences.count}.`);
  }
  return rng ? rng.permutation(long.length).map((i) => long[i] as number) : long;
}

/**
 * The batches of one epoch. Begun at step n (`from`), it gives exactly the batches that a whole run gives from there on.
 *
 * @example
 * ```ts
 * for (const { which, sequences } of batches(train.sequences, { batchSize: 128, maxLength: 50, rng: rng.fork('order').fork(epoch) })) { … }
 * ```
 */
export function* batches(sequences: Ragged, options: BatchOptions): Generator<SequenceBatch, void, undefined> {
  const batchSize = checkNumber('batchSize', options.batchSize, { min: 1, integer: true });
  const maxLength = checkNumber('maxLength', options.maxLength, { min: 1, integer: true });
  const order = epochOrder(sequences, options.rng);
  const steps = Math.ceil(order.length / batchSize);
  const from = checkNumber('from', options.from ?? 0, { min: 0, max: steps, integer: true });
  for (let step = from; step < steps; step++) {
    const which = order.subarray(step * batchSize, (step + 1) * batchSize);
    yield {
      step,
      steps,
      which,
      get sequences() {
        return latestEvents(sequences, which, maxLength);
      },
    };
  }
}

/** Of the named sequences the most recent `maxLength + 1` events: the inputs and the last one's target. */
export function latestEvents(sequences: Ragged, which: Int32Array, maxLength: number): Ragged {
  return sequences.slice(which, (length) => length - (maxLength + 1));
}

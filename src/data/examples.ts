/** The examples of an epoch: stretches of the training sequences, each drawn once. */
import { type Ragged, range } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';

/** Which stretches of a sequence are examples. */
export interface ExampleRule {
  /** The number of examples of a sequence of `length` events. */
  count(length: number): number;
  /** The events of an example, 0 … count - 1 of its sequence: those from `from` up to, not including, `to`. */
  stretch(length: number, example: number, maxLength: number): readonly [from: number, to: number];
}

export interface ExampleOptions {
  /** The most events that the model reads. */
  maxLength: number;
  /**
   * @defaultValue one example a sequence of at least two events: its most recent `maxLength + 1`, the inputs and the last
   * one's target
   */
  rule?: ExampleRule | undefined;
}

/** A sequence of one event has no next event to learn. */
const wholeSequences: ExampleRule = {
  count: (length) => (length >= 2 ? 1 : 0),
  stretch: (length, _example, maxLength) => [Math.max(0, length - maxLength - 1), length],
};

/**
 * The examples of training sequences, numbered sequence by sequence.
 *
 * @example
 * ```ts
 * const examples = new Examples(train.sequences, { maxLength: 50 });
 * for (const which of examples.batches(128, rng.fork(epoch))) {
 *   const events = examples.take(which); // a Ragged of 128 sequences
 * }
 * ```
 */
export class Examples {
  readonly sequences: Ragged;
  readonly maxLength: number;
  readonly #rule: ExampleRule;
  /** `[B + 1]` the number of the first example of each sequence. */
  readonly #first: Int32Array;

  /** @throws RangeError when there are none */
  constructor(sequences: Ragged, { maxLength, rule = wholeSequences, ...others }: ExampleOptions) {
    refuseOthers('Examples', others);
    this.sequences = sequences;
    this.maxLength = checkNumber('maxLength', maxLength, { min: 1, integer: true });
    this.#rule = rule;
    this.#first = new Int32Array(sequences.count + 1);
    for (let b = 0; b < sequences.count; b++) {
      this.#first[b + 1] = (this.#first[b] as number) + rule.count(sequences.length(b));
    }
    if (this.count === 0) {
      throw new RangeError(`Training needs a sequence of at least 2 events, got none among ${sequences.count}.`);
    }
  }

  /** The number of examples. */
  get count(): number {
    return this.#first[this.sequences.count] as number;
  }

  /** The sequence of an example: the last one that begins at it or before. */
  sequenceOf(example: number): number {
    let [low, high] = [0, this.sequences.count];
    while (low + 1 < high) {
      const middle = (low + high) >>> 1;
      if ((this.#first[middle] as number) <= example) low = middle;
      else high = middle;
    }
    return low;
  }

  /** The number of the first example of sequence `b`. */
  firstOf(b: number): number {
    return this.#first[b] as number;
  }

  /** The events of the examples, one sequence each. */
  take(which: Int32Array): Ragged {
    const sequences = which.map((example) => this.sequenceOf(example));
    const stretches = Array.from(which, (example, i) => {
      const b = sequences[i] as number;
      return this.#rule.stretch(this.sequences.length(b), example - this.firstOf(b), this.maxLength);
    });
    return this.sequences.slice(
      sequences,
      (_length, _sequence, i) => (stretches[i] as readonly [number, number])[0],
      (_length, _sequence, i) => (stretches[i] as readonly [number, number])[1],
    );
  }

  /**
   * The examples of one epoch, `batchSize` at a time; the last batch may have fewer.
   *
   * @param rng the stream of the epoch, which decides the order; without it the order of the data
   */
  batches(batchSize: number, rng?: Rng): Int32Array[] {
    checkNumber('batchSize', batchSize, { min: 1, integer: true });
    const order = rng ? rng.permutation(this.count) : range(this.count);
    return Array.from({ length: Math.ceil(this.count / batchSize) }, (_, step) =>
      order.subarray(step * batchSize, (step + 1) * batchSize),
    );
  }
}

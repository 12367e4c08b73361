/** The states that a recurrent model carries from one step of training to the next. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import type { Examples } from '../data/examples.ts';
import { gatherRows } from '../ops/gather-rows.ts';
import type { OptimizerState } from './optimizers/optimizer.ts';
import type { Trainable } from './trainable.ts';

/** Examples and the states `[B, H]` of every layer after them. */
interface Left {
  readonly which: Int32Array;
  readonly states: tf.Tensor2D[];
}

/**
 * What the examples of the step before left behind. An example that follows one of these in the same sequence goes on
 * from its state, through which no gradient flows back; every other one begins anew.
 */
export class CarriedStates {
  readonly #examples: Examples;
  #last: Left = { which: new Int32Array(0), states: [] };
  #next: Left | undefined;

  constructor(examples: Examples) {
    this.#examples = examples;
  }

  /** The states of the examples `which`, one sequence of `events` each; what they leave behind counts after {@link advance}. */
  encode(
    model: Trainable,
    which: Int32Array,
    events: Ragged,
    layout: Layout,
    rng?: Rng,
    queries?: Layout,
  ): tf.Tensor2D {
    if (!model.encodeFrom) throw new Error('This model has no encodeFrom, so that no state goes on from step to step.');
    if (events.count !== which.length) {
      throw new Error(
        `An objective with steps of its own must make one input of each of its ${which.length} examples, got ${events.count}.`,
      );
    }
    const { states, after } = model.encodeFrom(events, layout, this.#before(which), rng, queries);
    this.#next = { which, states: after.map((state) => tf.keep(state)) };
    return states;
  }

  /** The step is done: the next one goes on from what it left. */
  advance(): void {
    if (!this.#next) return;
    this.#replace(this.#next);
    this.#next = undefined;
  }

  /** For a checkpoint. */
  async save(): Promise<{ which: number[]; states: OptimizerState }> {
    const { which, states } = this.#last;
    const values = await Promise.all(states.map((state) => state.data()));
    const stored = states.map(({ shape }, i) => ({ shape, data: Float32Array.from(values[i] as Float32Array) }));
    return { which: [...which], states: new Map(stored.map((state, layer) => [String(layer), state])) };
  }

  /** The inverse of {@link save}. */
  restore(which: readonly number[], states: OptimizerState): void {
    const layers = Array.from({ length: states.size }, (_, layer) => states.get(String(layer)));
    const made = layers.flatMap((state) => (state ? [tf.tensor2d(state.data, state.shape as [number, number])] : []));
    this.#replace({ which: Int32Array.from(which), states: made });
  }

  /** Begins anew, as every epoch does. */
  clear(): void {
    this.advance();
    this.#replace({ which: new Int32Array(0), states: [] });
  }

  #replace(last: Left): void {
    tf.dispose(this.#last.states);
    this.#last = last;
  }

  /** Nothing if all begin anew. */
  #before(which: Int32Array): tf.Tensor2D[] | undefined {
    const places = new Map([...this.#last.which].map((example, row) => [example + 1, row]));
    const none = this.#last.which.length;
    const rows = which.map((example) => {
      const first = this.#examples.firstOf(this.#examples.sequenceOf(example));
      return (example > first ? places.get(example) : undefined) ?? none;
    });
    if (rows.every((row) => row === none)) return undefined;
    // Mostly all sessions go on at their places.
    if (rows.length === none && rows.every((row, b) => row === b)) return this.#last.states;
    return this.#last.states.map((state) => gatherRows(tf.concat([state, tf.zeros([1, state.shape[1]])]), rows));
  }
}

/** One history of a network that goes on from what it has computed, event by event. */
import * as tf from '@tensorflow/tfjs-core';
import type { Continued } from '../../blocks/block.ts';
import { Layout } from '../../core/layout.ts';
import type { Parameter } from '../../core/parameter.ts';
import type { Ragged } from '../../core/ragged.ts';
import type { TopK } from '../../evaluation/scorer.ts';
import { selectRows } from '../../ops/gather-rows.ts';
import type { HistoryReader } from './session.ts';

/**
 * Reads the events of one history that follow those read before.
 *
 * @param events  the new ones
 * @param layout  of them; it starts at the position of the first
 * @param before  what `after` was for the events before, undefined if there are none
 * @param queries the last of them: a network that can computes its state only
 * @returns `states`: those of the new events, or of the last alone; `after`: what it needs to go on
 */
export type EventStream = (
  events: Ragged,
  layout: Layout,
  before: readonly tf.Tensor2D[] | undefined,
  queries: Layout,
) => Continued;

/** What a streamed history asks of its model. */
export interface Streaming {
  readonly stream: EventStream;
  readonly parameters: readonly Parameter[];
  /** The best items for the state `[1, D]`. */
  best(state: tf.Tensor2D, k: number, exclude: Ragged): Promise<TopK>;
  /** Whether a whole history of so many events is answered in less time than one more event is read. */
  soonerAfresh(events: number): boolean;
  /** The best items for a whole history. */
  afresh(history: Ragged, k: number, exclude: Ragged): Promise<TopK>;
}

/** Keeps the tensors that the network needs to go on, until the history is longer than the network reads. */
export class StreamedHistory implements HistoryReader {
  readonly #model: Streaming;
  #known: Known | undefined;

  constructor(model: Streaming) {
    this.#model = model;
  }

  topK(history: Ragged, events: number, k: number, exclude: Ragged): Promise<TopK> {
    if (events === 0 || events > history.rows || this.#model.soonerAfresh(events)) {
      this.dispose();
      return this.#model.afresh(history, k, exclude);
    }
    return this.#model.best(this.#read(history).state, k, exclude);
  }

  dispose(): void {
    if (this.#known) tf.dispose([this.#known.state, ...this.#known.after]);
    this.#known = undefined;
  }

  #read(history: Ragged): Known {
    // Training gives a parameter other values, another backend cannot go on with these tensors.
    const origin = [tf.backend(), ...this.#model.parameters.map(({ value }) => value.dataId)];
    if (this.#known && !origin.every((part, i) => part === this.#known?.origin[i])) this.dispose();
    const before = this.#known;
    const read = before?.events ?? 0;
    if (before && read === history.rows) return before;
    const fresh = history.slice([0], () => read);
    using layout = new Layout(fresh, { starts: Int32Array.of(read) });
    using last = layout.last();
    const { state, after } = tf.tidy(() => {
      const { states, after } = this.#model.stream(fresh, layout, before?.after, last);
      return { state: states.shape[0] === 1 ? states : selectRows(states, layout, last), after };
    });
    for (const tensor of [state, ...after]) tf.keep(tensor);
    this.dispose();
    this.#known = { events: history.rows, state, after, origin };
    return this.#known;
  }
}

interface Known {
  readonly events: number;
  /** `[1, D]`, of the last event. */
  readonly state: tf.Tensor2D;
  readonly after: readonly tf.Tensor2D[];
  /** What all of it was computed with and on. */
  readonly origin: readonly object[];
}

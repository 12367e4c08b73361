/** STAN. */
import type { Part } from '../core/part.ts';
import type { Ragged } from '../core/ragged.ts';
import { checkNumber, describe } from '../core/shape.ts';
import { checkDecay, type Decay, exponentialDecay } from './counts/decay.ts';
import {
  type NeighborQuery,
  SessionNeighbors,
  type SessionNeighborsOptions,
  sharingAny,
  type Votes,
} from './counts/session-neighbors.ts';

/** Where the codes of STAN differ. */
export interface StanForm extends Part {
  /** The weight of an item that repeats in the history: that of its last position, or the sum over all. */
  readonly repeats: 'last' | 'sum';
  /** The history's length in the cosine: of its weights, or of a 1 for each different item. */
  readonly length: 'weights' | 'items';
  /** i*, from which a neighbour's items are near or far: its own last shared item, or the one last in the history. */
  readonly anchor: 'neighbor' | 'history';
  /** A neighbour votes for an item once, at its last position, or at each position. */
  readonly votes: 'last' | 'each';
  /** Neighbours after the history weigh more than 1, or 1. */
  readonly future: 'more' | 'one';
}

/** STAN as session-rec has it (algorithms/knn/stan.py), whose published results are the best known. */
export function sessionRecForm(): StanForm {
  return {
    name: 'sessionRecForm',
    options: {},
    repeats: 'last',
    length: 'weights',
    anchor: 'neighbor',
    votes: 'last',
    future: 'more',
  };
}

/** STAN by the paper's equations, as WarpRec has it. */
export function paperForm(): StanForm {
  return {
    name: 'paperForm',
    options: {},
    repeats: 'sum',
    length: 'items',
    anchor: 'history',
    votes: 'each',
    future: 'one',
  };
}

export interface STANOptions extends SessionNeighborsOptions {
  /** How many neighbours vote. @defaultValue 500 */
  k?: number | undefined;
  /** How many sequences, the most recent ones with a shared item, are compared with the history. @defaultValue 5000 */
  sample?: number | undefined;
  /** What an item of the history counts by its position from the end. @defaultValue exponentialDecay(\{ scale: 1.02 \}) */
  position?: Decay | undefined;
  /**
   * The age at which a past sequence counts 1/e, in the unit of the data's times: five days, which session-rec takes, are
   * 432,000 in seconds and 432,000,000 where times were Dates. Null: age does not count.
   *
   * @defaultValue null
   */
  recency?: number | null | undefined;
  /** What an item of a neighbour counts by its distance from the shared one. @defaultValue exponentialDecay(\{ scale: 2.05 \}) */
  proximity?: Decay | undefined;
  /** @defaultValue sessionRecForm() */
  form?: StanForm | undefined;
}

/**
 * Sequence and Time Aware Neighborhood (Garg et al., SIGIR 2019): past sessions that share items with the current one
 * vote for what they hold. Recent items of the current session count more (equation 3), recent sessions count more
 * (5), and so do items that stood near the shared one (7):
 *
 * - similarity(n) = sum of the position weights of shared items / (length of the history · √(different items of n)) ·
 *   exp(-age of n / recency)
 * - score(i) = sum over the k most similar n of similarity(n) · proximity of i in n to the shared item
 *
 * The age is the time from the last event of n to the last event of the history: if the history has no times, to the
 * latest event counted, which changes all scores by one factor.
 *
 * @example
 * ```ts
 * const model = new STAN({ items: log.items, recency: 5 * 86_400 }); // times in seconds
 * await model.fit(train);
 * await model.recommend(['tea', 'cup'], { excludeSeen: false });
 * ```
 */
export class STAN extends SessionNeighbors {
  static override readonly modelName: string = 'STAN';
  static override readonly parts = { sharingAny, exponentialDecay, sessionRecForm };
  readonly recency: number | null;
  readonly #position: Decay;
  readonly #proximity: Decay;
  readonly #form: StanForm;
  /** Proximities by step, for sequences of up to as many events. */
  #near = new Float64Array(0);

  constructor({ recency = null, position, proximity, form = sessionRecForm(), ...options }: STANOptions) {
    super({ ...options, k: options.k ?? 500, sample: options.sample ?? 5000 });
    this.recency = recency === null ? null : checkNumber('recency', recency, { above: 0, below: Infinity });
    this.#position = checkDecay('position', position ?? exponentialDecay({ scale: 1.02 }));
    this.#proximity = checkDecay('proximity', proximity ?? exponentialDecay({ scale: 2.05 }));
    if (typeof form?.repeats !== 'string') {
      throw new TypeError(`form must be sessionRecForm() or paperForm(), got ${describe(form)}.`);
    }
    this.#form = form;
  }

  protected override weigh({ rows, items, weights, position }: NeighborQuery): void {
    const length = rows.length;
    const at = (place: number) => this.#position.weight(length - place + 1, length);
    for (let q = 0; q < items.length; q++) weights[q] = at(position[items[q] as number] as number);
    if (this.#form.repeats === 'last' || items.length === length) return;
    weights.fill(0);
    rows.forEach((row, i) => {
      const q = items.indexOf(row);
      weights[q] = (weights[q] as number) + at(i + 1);
    });
  }

  protected override norm({ weights }: NeighborQuery): number {
    const squares = weights.reduce((sum, weight) => sum + weight * weight, 0);
    return Math.sqrt(this.#form.length === 'weights' ? squares : weights.length);
  }

  protected override similarity(shared: number, session: number, { time }: NeighborQuery): number {
    const cosine = shared / Math.sqrt(this.sessions.distinct[session] as number);
    if (this.recency === null) return cosine;
    const age = time - this.sessions.time(session);
    return cosine * Math.exp(-(this.#form.future === 'one' ? Math.max(0, age) : age) / this.recency);
  }

  protected override vote(
    votes: Votes,
    begin: number,
    end: number,
    similarity: number,
    { position }: NeighborQuery,
  ): void {
    const { items, longest } = this.sessions;
    if (this.#near.length !== longest + 1) {
      this.#near = Float64Array.from({ length: longest + 1 }, (_, distance) =>
        this.#proximity.weight(distance + 1, longest),
      );
    }
    const near = this.#near;
    const byNeighbor = this.#form.anchor === 'neighbor';
    let [anchor, latest] = [-1, 0];
    for (let i = end - 1; i >= begin; i--) {
      const place = position[items[i] as number] as number;
      if (place <= latest) continue;
      [anchor, latest] = [i, place];
      if (byNeighbor) break;
    }
    const once = this.#form.votes === 'last';
    for (let i = end - 1; i >= begin; i--) {
      const weight = similarity * (near[Math.abs(i - anchor)] as number);
      if (once) votes.addOnce(items[i] as number, weight);
      else votes.add(items[i] as number, weight);
    }
  }

  protected override checkSequences(sequences: Ragged): void {
    if (this.recency === null || sequences.time) return;
    throw new RangeError(
      `STAN weighs sequences by their age (recency ${this.recency}) and the data have no times: give every event a time, or leave recency out.`,
    );
  }

  protected override config() {
    return {
      ...super.config(),
      position: this.#position,
      recency: this.recency,
      proximity: this.#proximity,
      form: this.#form,
    };
  }
}

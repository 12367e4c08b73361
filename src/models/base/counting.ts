/** The base of models that only count: fitted in one pass, updated at any time. */
import type { Ragged } from '../../core/ragged.ts';
import { checkTraining, type Interactions } from '../../data/interactions.ts';
import { Recommender } from './recommender.ts';

/** What a counting model has seen. */
export interface CountReport {
  /** Sequences counted by this call. */
  readonly sequences: number;
  /** Their events. */
  readonly events: number;
  /** What the model holds now, by kind. */
  readonly counts: { readonly [what: string]: number };
}

/** A model whose state is counts of events. */
export abstract class CountingModel extends Recommender {
  /** Counts `train` afresh, forgetting what was counted before. */
  async fit(train: Interactions): Promise<CountReport> {
    const sequences = this.#sequencesOf(train);
    this.clear();
    return this.#count(sequences);
  }

  /** Counts `more` in addition, as if its sequences had been at the end of what was counted before. */
  async partialFit(more: Interactions): Promise<CountReport> {
    return this.#count(this.#sequencesOf(more));
  }

  /** Forgets all counts. */
  protected abstract clear(): void;

  /**
   * Counts one sequence.
   *
   * @param rows its items, oldest first
   * @param time of its last event, if the data have times
   */
  protected abstract count(rows: Int32Array, time: number | undefined): void;

  /** @throws RangeError when `sequences` lack what the model counts */
  protected checkSequences(_sequences: Ragged): void {}

  /** What the model holds, for the report. */
  protected abstract counts(): CountReport['counts'];

  /** Whether anything was counted. */
  protected abstract get counted(): boolean;

  /** @throws Error when there is nothing to answer or save with */
  protected requireCounts(): void {
    if (!this.counted)
      throw new Error('This model holds no counts: call fit first, with sequences long enough to count.');
  }

  #count(sequences: Ragged): CountReport {
    const { offsets, time } = sequences;
    for (let b = 0; b < sequences.count; b++) this.count(sequences.items(b), time?.[(offsets[b + 1] as number) - 1]);
    return { sequences: sequences.count, events: sequences.rows, counts: this.counts() };
  }

  #sequencesOf(data: Interactions): Ragged {
    checkTraining(data, this.catalog);
    this.checkSequences(data.sequences);
    return data.sequences;
  }
}

/** The narrow waist: all that evaluation and serving know of a model. */
import type { Ragged } from '../core/ragged.ts';
import type { Catalog } from '../data/catalog.ts';
import type { UserId } from '../data/event-collector.ts';

/**
 * A model that scores items. Anything with these methods can be evaluated: a network, a Markov chain, or another
 * system's lists turned into scores.
 */
export interface Scorer {
  readonly catalog: Catalog;
  /** The users that the column `user` of histories counts in, if the model has a vector for each. */
  readonly knownUsers?: readonly UserId[] | undefined;
  /**
   * `[B, V]` row-major: the score of every item of the catalogue as the next one of each history, higher is better. An
   * item scored -Infinity is never recommended. A history may be empty; a model that has no answer to that throws.
   */
  scores(histories: Ragged): Promise<Float32Array>;
  /** The best `k` items of each history; faster than `scores` where a model has it. */
  topK?(histories: Ragged, k: number, options?: ExcludeOptions): Promise<TopK>;
  /**
   * The rank of every target event among the whole catalogue: 1 + the number of other items that are not excluded and
   * have the target's score or a higher one. A target is never excluded. Faster than `scores` where a model has it.
   */
  ranks?(histories: Ragged, targets: Ragged, options?: ExcludeOptions): Promise<Int32Array>;
  /**
   * The scores of some items for each history, one sequence of rows a history, end to end. For a model that computes each
   * score by itself; faster than `scores` where targets compete with few items.
   */
  candidateScores?(histories: Ragged, candidates: Ragged): Promise<Float32Array>;
}

export interface ExcludeOptions {
  /** One sequence a history: catalogue rows that are no candidates. Rows may repeat. */
  exclude?: Ragged | undefined;
}

/** The best items of B histories. */
export interface TopK {
  /** `[B, k]` catalogue rows, best first; -1 where there are no more. */
  readonly items: Int32Array;
  /** `[B, k]`, parallel to `items`; -Infinity where there are no more. */
  readonly scores: Float32Array;
}

/** How many histories to score at once, so that their scores stay within `maxBytes` (but at least one). */
export function chunkSize(items: number, batchSize: number, maxBytes: number): number {
  return Math.max(1, Math.min(batchSize, Math.floor(maxBytes / (4 * items))));
}

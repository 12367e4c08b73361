/** The base of networks that read a history together with one candidate. */
import * as tf from '@tensorflow/tfjs-core';
import { checkDevice, ready } from '../../backend/select.ts';
import { batchLayout } from '../../core/batch-layout.ts';
import { Ragged, range } from '../../core/ragged.ts';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import type { ItemId } from '../../data/catalog.ts';
import { withCandidates } from '../../data/feature-codes.ts';
import type { HistoryEvent } from '../../data/histories.ts';
import { ranksOfScores } from '../../evaluation/rank.ts';
import type { ExcludeOptions, TopK } from '../../evaluation/scorer.ts';
import { topKOfScores } from '../../evaluation/top-k.ts';
import { logLoss } from '../../losses/log-loss.ts';
import { selectRows } from '../../ops/gather-rows.ts';
import { itemScores } from '../../ops/item-scores.ts';
import { checkRows } from '../../ops/rows.ts';
import { pointwise } from '../../training/objectives/pointwise.ts';
import type { FitDefaults } from '../../training/trainable.ts';
import type { Recommendation } from './recommendation.ts';
import { ofOne, type RecommendOptions } from './recommender.ts';
import { SequenceModel } from './sequence-model.ts';

/** The most rows, of histories with their candidates, that are encoded at once. */
const ROWS = 4096;

/**
 * A network that reads a history followed by one candidate and whose `output()` is one score of the last state: it is
 * trained with `pointwise()` and `logLoss()`. The network runs once for each candidate, B · V times for the scores of B
 * histories, so it ranks a few hundred candidates that something cheaper has chosen: {@link rerank}.
 */
export abstract class CandidateModel extends SequenceModel {
  override get defaults(): FitDefaults {
    return { objective: pointwise(), loss: logLoss() };
  }

  /** The scores of every item, one run of the network each. @returns `[B · V]`, row-major */
  override async scores(histories: Ragged): Promise<Float32Array> {
    const all = range(this.catalog.size);
    return this.candidateScores(histories, Ragged.from(Array.from({ length: histories.count }, () => all)));
  }

  override async topK(histories: Ragged, k: number, { exclude }: ExcludeOptions = {}): Promise<TopK> {
    checkNumber('k', k, { min: 1, integer: true });
    return topKOfScores(await this.scores(histories), this.catalog.size, k, exclude);
  }

  override async ranks(histories: Ragged, targets: Ragged, { exclude }: ExcludeOptions = {}): Promise<Int32Array> {
    return ranksOfScores(await this.scores(histories), this.catalog.size, targets, exclude);
  }

  protected override async scoresOf(histories: Ragged, item: number): Promise<Float32Array> {
    return this.candidateScores(histories, Ragged.from(Array.from({ length: histories.count }, () => [item])));
  }

  /**
   * The scores of some items for each history.
   *
   * @param histories  at least one event each; only the most recent `maxLength` are read
   * @param candidates one sequence of catalogue rows a history
   * @returns one score a candidate; a logarithm of odds, so that σ(score) is a probability
   */
  async candidateScores(histories: Ragged, candidates: Ragged): Promise<Float32Array> {
    this.requireEvents(histories);
    if (candidates.count !== histories.count) {
      throw new RangeError(
        `candidates must have one sequence for each of the ${histories.count} histories, got ${candidates.count}.`,
      );
    }
    checkRows(candidates.item, this.catalog.size, 'Candidates');
    await ready();
    const recent = histories.last(this.maxLength);
    const of = new Int32Array(candidates.rows);
    for (let b = 0; b < candidates.count; b++) of.fill(b, candidates.offsets[b], candidates.offsets[b + 1]);
    const out = new Float32Array(of.length);
    for (let from = 0, to = 0; from < of.length; from = to) {
      for (let rows = 0; to < of.length && (to === from || rows <= ROWS); to++) {
        rows += recent.length(of[to] as number) + 1;
      }
      const scores = this.#lastScores(
        withCandidates(recent, of.subarray(from, to), candidates.item.subarray(from, to)),
      );
      try {
        out.set(await scores.data(), from);
        checkDevice();
      } finally {
        scores.dispose();
      }
    }
    return out;
  }

  #lastScores(inputs: Ragged): tf.Tensor2D {
    using layout = batchLayout(inputs);
    using last = layout.last();
    return tf.tidy(() => {
      const states = this.encode(inputs, layout, undefined, last);
      const asked = states.shape[0] === last.capacity ? states : selectRows(states, layout, last);
      return itemScores(asked, this.output());
    });
  }

  /**
   * The given candidates, best first; those that the model does not know are left out.
   *
   * @example
   * ```ts
   * const candidates = (await sasrec.recommend(history, { k: 200 })).map(({ item }) => item);
   * const best = await bst.rerank(history, candidates, { k: 10 });
   * ```
   */
  async rerank(
    history: Iterable<ItemId | HistoryEvent>,
    candidates: Iterable<ItemId>,
    options: Omit<RecommendOptions, 'exclude' | 'excludeSeen'> = {},
  ): Promise<Recommendation[]> {
    const { catalog } = this;
    const { k: most, unknown, onUnknown, features, user, ...others } = options;
    refuseOthers('rerank', others, options);
    const read = this.readHistories([history], ofOne({ unknown, onUnknown, features, user }));
    const rows = Int32Array.from(new Set(catalog.rows(candidates, { unknown }).rows));
    const k = checkNumber('k', most ?? 10, { min: 1, integer: true });
    const scores = await this.candidateScores(read, Ragged.from([rows]));
    const order = range(rows.length).sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
    return Array.from(order.subarray(0, k), (i) => ({
      item: catalog.id(rows[i] as number),
      score: scores[i] as number,
    }));
  }
}

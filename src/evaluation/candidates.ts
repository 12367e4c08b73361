/** Who competes with the targets: the whole catalogue, or a few items as in older papers. */
import type { Part } from '../core/part.ts';
import { Ragged, range } from '../core/ragged.ts';
import { Rng } from '../core/rng.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import type { Interactions } from '../data/interactions.ts';
import { aliasTable, itemCounts } from '../data/negatives/popularity.ts';

/** Chooses the items that are ranked together with the targets of each history. */
export interface Candidates extends Part {
  /** Says in reports what the targets compete with. */
  readonly protocol: string;
  /** The number of histories that there are candidates for, if not for any; a holdout must have as many. */
  readonly histories?: number | undefined;
  /**
   * The competitors of each history, no row twice; targets and excluded rows among them are left out by the caller.
   *
   * @param first the number of the first of `histories` within the whole holdout
   */
  choose(histories: Ragged, targets: Ragged, items: number, first: number): Ragged;
}

/** Options of {@link sampledCandidates} and {@link popularCandidates}. */
export interface SampledCandidatesOptions {
  /** Competitors of each history. @defaultValue 100 */
  count?: number | undefined;
  /** @defaultValue 0 */
  seed?: number | undefined;
}

/**
 * `count` items a history, drawn uniformly without repeats from those that are neither in the history nor targets, as
 * SASRec's paper did with 100. Ranks among samples do not order models as full ranks do (Krichene & Rendle, 2020): use
 * this to compare with published numbers only.
 *
 * @throws RangeError when a history leaves fewer than `count` items
 */
export function sampledCandidates(options: SampledCandidatesOptions = {}): Candidates {
  const { count = 100, seed = 0, ...others } = options;
  refuseOthers('sampledCandidates', others, options);
  checkNumber('count', count, { min: 1, integer: true });
  const root = new Rng(seed).fork('candidates');
  return {
    name: 'sampledCandidates',
    options: { count, seed },
    protocol: `${count} items drawn uniformly (seed ${seed})`,
    choose: (histories, targets, items, first) =>
      drawDistinct(histories, targets, { items, count, first }, (b, draw) => root.fork(first + b).int(draw, items)),
  };
}

/**
 * `count` items a history, drawn by their popularity in `train` without repeats from those that are neither in the history
 * nor targets, as BERT4Rec's paper did with 100. What is said of {@link sampledCandidates} holds here, too.
 *
 * @throws RangeError when a history leaves fewer than `count` items with training events, or the holdout has another number
 * of items
 */
export function popularCandidates(train: Interactions, options: SampledCandidatesOptions = {}): Candidates {
  const { count = 100, seed = 0, ...others } = options;
  refuseOthers('popularCandidates', others, options);
  checkNumber('count', count, { min: 1, integer: true });
  const root = new Rng(seed).fork('popular candidates');
  const counts = Float64Array.from(itemCounts(train.sequences, train.items.size));
  const draw = aliasTable(counts, train.rows);
  const never = Int32Array.from(counts.keys()).filter((row) => counts[row] === 0);
  return {
    name: 'popularCandidates',
    options: { count, seed },
    protocol: `${count} items drawn by popularity (seed ${seed})`,
    choose(histories, targets, items, first) {
      if (items !== counts.length) {
        throw new RangeError(
          `popularCandidates counted the ${counts.length} items of another catalogue, and the holdout has ${items}: pass the training part of its split.`,
        );
      }
      return drawDistinct(histories, targets, { items, count, first, never }, (b, i) => {
        const rng = root.fork(first + b);
        return draw(rng.uint32(2 * i), rng.uint32(2 * i + 1));
      });
    },
  };
}

/** @param draw the item of a try for history `b`; never one of `never` */
function drawDistinct(
  histories: Ragged,
  targets: Ragged,
  { items, count, first, never = [] }: { items: number; count: number; first: number; never?: Iterable<number> },
  draw: (b: number, attempt: number) => number,
): Ragged {
  const taken = new Int32Array(items);
  const lists = Array.from({ length: histories.count }, (_, b) => {
    let free = items;
    for (const row of [...histories.items(b), ...targets.items(b), ...never]) {
      if (taken[row] !== b + 1) free--;
      taken[row] = b + 1;
    }
    if (free < count) {
      throw new RangeError(
        `${count} candidates must be drawn, but history ${first + b} leaves only ${free} items: lower count.`,
      );
    }
    const list = new Int32Array(count);
    for (let drawn = 0, attempt = 0; drawn < count; attempt++) {
      const row = draw(b, attempt);
      if (taken[row] === b + 1) continue;
      taken[row] = b + 1;
      list[drawn++] = row;
    }
    return list;
  });
  return Ragged.from(lists);
}

/**
 * Candidates that are given, such as the 99 test negatives that S3-Rec publishes with its data.
 *
 * @param lists    one sequence of rows for each history of the holdout, in its order; {@link readHistories} makes them of
 *                 ids. What is a target, seen (where seen items are left out) or repeated counts no further.
 * @param protocol what the report calls them
 * @throws RangeError when the holdout has more or fewer histories
 */
export function givenCandidates(lists: Ragged, protocol = 'the given items'): Candidates {
  return {
    name: 'givenCandidates',
    options: {},
    protocol,
    histories: lists.count,
    choose: (histories, _targets, _items, first) => lists.take(range(histories.count).map((b) => first + b)),
  };
}

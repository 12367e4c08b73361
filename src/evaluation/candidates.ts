/** Who competes with the targets: the whole catalogue, or a few items as in older papers. */
import type { Part } from '../core/part.ts';
import { Ragged } from '../core/ragged.ts';
import { Rng } from '../core/rng.ts';
import { checkNumber } from '../core/shape.ts';

/** Chooses the items that are ranked together with the targets of each history. */
export interface Candidates extends Part {
  /** Says in reports what the targets compete with. */
  readonly protocol: string;
  /**
   * The competitors of each history, no row twice; targets and excluded rows among them are left out by the caller.
   *
   * @param first the number of the first of `histories` within the whole holdout
   */
  choose(histories: Ragged, targets: Ragged, items: number, first: number): Ragged;
}

/**
 * `count` items a history, drawn uniformly without repeats from those that are neither in the history nor targets, as
 * SASRec's and BERT4Rec's papers did with 100. Ranks among samples do not order models as full ranks do (Krichene &
 * Rendle, 2020): use this to compare with published numbers only.
 *
 * @throws RangeError when a history leaves fewer than `count` items
 */
export function sampledCandidates({
  count = 100,
  seed = 0,
}: {
  count?: number | undefined;
  seed?: number | undefined;
} = {}): Candidates {
  checkNumber('count', count, { min: 1, integer: true });
  const root = new Rng(seed).fork('candidates');
  return {
    name: 'sampledCandidates',
    options: { count, seed },
    protocol: `${count} items drawn uniformly (seed ${seed})`,
    choose(histories, targets, items, first) {
      const taken = new Int32Array(items);
      const lists = Array.from({ length: histories.count }, (_, b) => {
        let free = items;
        for (const row of [...histories.items(b), ...targets.items(b)]) {
          if (taken[row] !== b + 1) free--;
          taken[row] = b + 1;
        }
        if (free < count) {
          throw new RangeError(
            `${count} candidates must be drawn, but history ${first + b} leaves only ${free} items: lower count.`,
          );
        }
        const rng = root.fork(first + b);
        const list = new Int32Array(count);
        for (let drawn = 0, draw = 0; drawn < count; draw++) {
          const row = rng.int(draw, items);
          if (taken[row] === b + 1) continue;
          taken[row] = b + 1;
          list[drawn++] = row;
        }
        return list;
      });
      return Ragged.from(lists);
    },
  };
}

/**
 * Candidates that are given, such as the 99 published test negatives of a data set.
 *
 * @param lists one sequence of rows for each history of the holdout, in its order
 */
export function givenCandidates(lists: Ragged): Candidates {
  return {
    name: 'givenCandidates',
    options: {},
    protocol: 'the given items',
    choose(histories, _targets, _items, first) {
      if (first + histories.count > lists.count) {
        throw new RangeError(`Candidates must be given for every history, got ${lists.count} lists.`);
      }
      return lists.take(Array.from({ length: histories.count }, (_, b) => first + b));
    },
  };
}

/** Negatives drawn uniformly. */
import { range } from '../../core/ragged.ts';
import { refuseOthers } from '../../core/shape.ts';
import { drawPerTarget, drawShared, type NegativeRequest, type Sampler } from './sampler.ts';

/** Options of {@link uniform}. */
export interface UniformOptions {
  /** Never draw an item of the user's own training history, as SASRec. @defaultValue false */
  excludeSeen?: boolean | undefined;
  /** One set of negatives for all targets of a step; not together with `excludeSeen`. @defaultValue false */
  shared?: boolean | undefined;
}

/**
 * Draws every item with the same probability, with replacement. By default the target itself and other items of the user
 * may come, as in the authors' code of gSASRec and in RecTools; `excludeSeen` draws only items that are not in the
 * user's training history, as in the authors' code of SASRec.
 *
 * All drawable items being alike, there is no `logQ`: it would cancel.
 */
export function uniform(options: UniformOptions = {}): Sampler {
  const { excludeSeen = false, shared = false, ...others } = options;
  refuseOthers('uniform', others, options);
  if (excludeSeen && shared) {
    throw new Error(
      'uniform: negatives shared by all users cannot leave out what one has seen: set excludeSeen or shared.',
    );
  }
  return {
    name: 'uniform',
    options: { excludeSeen, shared },
    perTarget: !shared,
    prepare: (_train, items) => (request) => {
      const { count } = request;
      if (shared) return { items: drawShared(request, (rng, k) => rng.int(k, items)), shared, count };
      if (!excludeSeen) return { items: drawPerTarget(request, (rng, k) => rng.int(k, items)), shared, count };
      return { items: drawUnseen(request, items), shared, count };
    },
  };
}

/** Tries of one draw before the unseen items are listed; each fails at most every second time. */
const TRIES = 32;

function drawUnseen(request: NegativeRequest, items: number): Int32Array {
  const { seen } = request;
  // visits[i] is the last visit of a sequence whose history holds item i: marking a history costs its length, not V.
  const visits = new Int32Array(items);
  let visit = 0;
  let visited = -1;
  let distinct = 0;
  const unseen = new Map<number, Int32Array>();
  return drawPerTarget(request, (rng, k, sequence) => {
    if (visited !== sequence) {
      visited = sequence;
      visit++;
      distinct = 0;
      for (const item of seen.items(sequence)) {
        if (visits[item] === visit) continue;
        visits[item] = visit;
        distinct++;
      }
    }
    // Rejection is cheap while at most half of the items are seen; beyond that the unseen ones are listed once.
    for (let attempt = 0; 2 * distinct <= items && attempt < TRIES; attempt++) {
      const item = rng.int(k * (TRIES + 1) + attempt, items);
      if (visits[item] !== visit) return item;
    }
    let rows = unseen.get(sequence);
    if (!rows) {
      rows = range(items).filter((item) => visits[item] !== visit);
      unseen.set(sequence, rows);
    }
    if (rows.length === 0) {
      throw new RangeError(
        `A history of ${seen.length(sequence)} events holds all ${items} items, so no negative is left for it: set excludeSeen to false.`,
      );
    }
    return rows[rng.int(k * (TRIES + 1) + TRIES, rows.length)] as number;
  });
}

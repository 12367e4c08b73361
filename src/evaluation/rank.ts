/** The ranks of targets, from scores of all items. */
import type { Ragged } from '../core/ragged.ts';

/**
 * The rank of every target event: 1 + the number of candidates other than itself that have its score or a higher one,
 * so that a tie counts against the target and a model that scores everything alike gains nothing. Candidates are all
 * items but the excluded ones; a target is never excluded.
 *
 * @param scores  `[B, V]` row-major
 * @param items   V
 * @param targets the targets of each history
 * @param exclude one sequence a history: rows that are no candidates; rows may repeat
 * @throws RangeError when a score is NaN
 */
export function ranksOfScores(scores: Float32Array, items: number, targets: Ragged, exclude?: Ragged): Int32Array {
  const count = checkScores(scores, items);
  const ranks = new Int32Array(targets.rows);
  const skipped = new Int32Array(items);
  for (let b = 0; b < count; b++) {
    const row = scores.subarray(b * items, (b + 1) * items);
    const own = targets.items(b);
    for (const target of own) skipped[target] = b + 1;
    const left = Int32Array.from(exclude?.items(b) ?? []).filter((item) => {
      const first = skipped[item] !== b + 1;
      skipped[item] = b + 1;
      return first;
    });
    for (let t = 0; t < own.length; t++) {
      const score = row[own[t] as number] as number;
      let rank = atLeast(row, score);
      if (rank < 0) throw badScores(b, Math.max(0, row.findIndex(Number.isNaN)));
      for (const item of left) if ((row[item] as number) >= score) rank--;
      ranks[(targets.offsets[b] as number) + t] = rank;
    }
  }
  return ranks;
}

/**
 * The rank of every target event among some items, by the rule of {@link ranksOfScores}.
 *
 * @param scores  of the events of `among`
 * @param targets the targets of each history
 * @param among   one sequence a history: its targets, then other rows, none twice
 * @throws RangeError when a score is NaN
 */
export function ranksAmong(scores: Float32Array, targets: Ragged, among: Ragged): Int32Array {
  if (scores.length !== among.rows) {
    throw new RangeError(
      `Scores must have one value for each of the ${among.rows} candidates, got ${scores.length} values.`,
    );
  }
  const ranks = new Int32Array(targets.rows);
  for (let b = 0; b < among.count; b++) {
    const competing = scores.subarray(among.offsets[b], among.offsets[b + 1]);
    const bad = competing.findIndex(Number.isNaN);
    if (bad >= 0) throw badScores(b, among.items(b)[bad] as number);
    for (let t = 0; t < targets.length(b); t++) {
      const score = competing[t] as number;
      ranks[(targets.offsets[b] as number) + t] = competing.reduce((rank, other) => rank + (other >= score ? 1 : 0), 0);
    }
  }
  return ranks;
}

/** How many scores are `score` or higher; -1 if one is NaN. */
function atLeast(scores: Float32Array, score: number): number {
  let rank = 0;
  let worse = 0;
  for (let i = 0; i < scores.length; i++) {
    const other = scores[i] as number;
    // `| 0` keeps V8 from branching on the comparison, which is several times slower here.
    rank += Number(other >= score) | 0;
    worse += Number(other < score) | 0;
  }
  // A NaN is in neither count.
  return rank + worse === scores.length ? rank : -1;
}

/** The number of histories B that `scores` `[B, V]` belong to. */
export function checkScores(scores: Float32Array, items: number): number {
  if (scores.length % items !== 0) {
    throw new RangeError(
      `Scores must have one value for each of the ${items} items a history, got ${scores.length} values.`,
    );
  }
  return scores.length / items;
}

export function badScores(history: number, row: number): RangeError {
  return new RangeError(
    `Every score must be a number, got NaN for row ${row} of history ${history}: did training diverge (a smaller learning rate helps)?`,
  );
}

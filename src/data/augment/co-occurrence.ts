/** Which item goes best with another, by how often both are in one sequence. */
import { doubled, PairIndex } from '../../core/pair-index.ts';
import type { Ragged } from '../../core/ragged.ts';

/**
 * For each item the one that is most often within `window` events of it, weighted by popularity as in CoSeRec: a pair of
 * items in a sequence counts 1 / ln(1 + the sequence's length); of equals the lower row. An item that is never with
 * another has -1.
 */
export function companions(train: Ragged, items: number, window: number): Int32Array {
  const pairs = new PairIndex();
  let counts = new Float64Array(16);
  const count = (one: number, other: number, share: number) => {
    const pair = pairs.add(one, other);
    if (pair === counts.length) counts = doubled(counts);
    counts[pair] = (counts[pair] as number) + share;
  };
  for (let b = 0; b < train.count; b++) {
    const sequence = train.items(b);
    const share = 1 / Math.log(1 + sequence.length);
    for (let i = 0; i < sequence.length; i++) {
      for (let j = i + 1; j <= Math.min(i + window, sequence.length - 1); j++) {
        const [one, other] = [sequence[i] as number, sequence[j] as number];
        if (one === other) continue;
        count(one, other, share);
        count(other, one, share);
      }
    }
  }
  const best = new Int32Array(items).fill(-1);
  const most = new Float64Array(items);
  for (let pair = 0; pair < pairs.size; pair++) {
    const [one, other, times] = [pairs.first(pair), pairs.second(pair), counts[pair] as number];
    const now = best[one] as number;
    if (times < (most[one] as number) || (times === most[one] && now >= 0 && now < other)) continue;
    best[one] = other;
    most[one] = times;
  }
  return best;
}

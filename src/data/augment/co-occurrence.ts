/** Which item goes best with another, by how often both are in one sequence. */
import type { Ragged } from '../../core/ragged.ts';

/**
 * For each item the one that is most often within `window` events of it, weighted by popularity as in CoSeRec: a pair of
 * items in a sequence counts 1 / ln(1 + the sequence's length); of equals the lower row. An item that is never with
 * another has -1.
 */
export function companions(train: Ragged, items: number, window: number): Int32Array {
  const counts = new Map<number, number>();
  for (let b = 0; b < train.count; b++) {
    const sequence = train.items(b);
    const share = 1 / Math.log(1 + sequence.length);
    for (let i = 0; i < sequence.length; i++) {
      for (let j = i + 1; j <= Math.min(i + window, sequence.length - 1); j++) {
        const [one, other] = [sequence[i] as number, sequence[j] as number];
        if (one === other) continue;
        for (const key of [one * items + other, other * items + one]) counts.set(key, (counts.get(key) ?? 0) + share);
      }
    }
  }
  const best = new Int32Array(items).fill(-1);
  const most = new Float64Array(items);
  for (const [key, count] of counts) {
    const [one, other] = [Math.floor(key / items), key % items];
    const now = best[one] as number;
    if (count < (most[one] as number) || (count === most[one] && now >= 0 && now < other)) continue;
    best[one] = other;
    most[one] = count;
  }
  return best;
}

/** The questions that every loss over negatives is checked on. */
import type { Negatives } from 'seqrec';
import type { SampledCase } from '../../reference/losses.ts';

export const targets = Int32Array.of(3, 0, 3, 10, 7);
export const weights = Float32Array.of(1, 0.5, 2, 0, 1);

/** Negatives that differ from target to target; some repeat, one equals its target. */
export const drawn: Negatives = {
  items: Int32Array.of(1, 2, 3, /**/ 5, 5, 9, /**/ 0, 1, 2, /**/ 8, 4, 6, /**/ 2, 2, 2),
  shared: false,
  count: 3,
};

/** The same negatives for all; one repeats, two equal a target. */
export const shared: Negatives = { items: Int32Array.of(2, 10, 5, 5, 7, 1, 8), shared: true, count: 7 };

/** The targets as each other's negatives. */
export const inBatch: Negatives = { items: targets, shared: true, count: 5, own: Int32Array.of(0, 1, 2, 3, 4) };

export const kinds: readonly (readonly [kind: string, negatives: Negatives])[] = [
  ['negatives of their own', drawn],
  ['shared negatives', shared],
  ['in-batch negatives', inBatch],
];

/** What the reference is asked for `negatives`; `hits` says whether those that equal the target count. */
export function referenceCase(negatives: Negatives, { scale = 1, hits = true } = {}): SampledCase {
  const { items, count, own } = negatives;
  const lists = [...targets].map((target, m) => {
    const list = negatives.shared ? [...items] : [...items.subarray(m * count, (m + 1) * count)];
    return list.filter((item, k) => own?.[m] !== k && (hits || item !== target));
  });
  return { targets, weights, negatives: lists, scale };
}

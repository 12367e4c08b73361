/** Negatives drawn by popularity. */
import type { Ragged } from '../../core/ragged.ts';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { drawPerTarget, drawShared, type Sampler } from './sampler.ts';

/** Options of {@link popularity}. */
export interface PopularityOptions {
  /** The power of the counts: 1 draws as often as seen, 0 draws all seen items alike. @defaultValue 0.75 */
  alpha?: number | undefined;
  /** One set of negatives for all targets of a step. @defaultValue false */
  shared?: boolean | undefined;
}

/**
 * Draws items with the probability p ∝ count^alpha, with replacement; a target's own item may come (word2vec's 0.75:
 * Mikolov et al., 2013; GRU4Rec: Hidasi & Karatzoglou, 2018, section 3.1). An item without training events is never
 * drawn.
 *
 * `logQ` is ln p. TensorFlow's sampled softmax and the papers subtract the logarithm of the expected count, which is
 * ln K + ln p for K draws; ln K is the same for positives and negatives and cancels. A target without training events
 * gets the p of an item seen once, so that its correction is a number.
 */
export function popularity(options: PopularityOptions = {}): Sampler {
  const { alpha = 0.75, shared = false, ...others } = options;
  refuseOthers('popularity', others, options);
  checkNumber('popularity: alpha', alpha, { min: 0 });
  return {
    name: 'popularity',
    options: { alpha, shared },
    perTarget: !shared,
    prepare(train, items) {
      const counts = itemCounts(train, items);
      const weights = Float64Array.from(counts, (n) => (n > 0 ? n ** alpha : 0));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      if (!(total > 0)) throw new Error('popularity() needs training events to count, got none.');
      const draw = aliasTable(weights, total);
      // 1 is the weight of an item seen once, whatever alpha is.
      const logP = Float32Array.from(weights, (weight) => Math.log((weight > 0 ? weight : 1) / total));
      const logOf = (rows: Int32Array) => Float32Array.from(rows, (row) => logP[row] as number);
      return (request) => {
        const drawn = shared
          ? drawShared(request, (rng, k) => draw(rng.uint32(2 * k), rng.uint32(2 * k + 1)))
          : drawPerTarget(request, (rng, k) => draw(rng.uint32(2 * k), rng.uint32(2 * k + 1)));
        const { count, target } = request;
        return { items: drawn, shared, count, logQ: logOf(drawn), targetLogQ: logOf(target) };
      };
    },
  };
}

/** The number of events of each of the `items` items. */
export function itemCounts(train: Ragged, items: number): Int32Array {
  const counts = new Int32Array(items);
  for (const row of train.item) counts[row] = (counts[row] as number) + 1;
  return counts;
}

/**
 * Constant-time draws by the alias method (Walker, 1977; Vose, 1991): each of V equal columns holds a part of its own
 * item and lends the rest to one other. Two 32-bit numbers choose the column and the part.
 */
export function aliasTable(weights: Float64Array, total: number): (column: number, part: number) => number {
  const count = weights.length;
  const scaled = weights.map((weight) => (weight / total) * count);
  const own = new Float64Array(count).fill(2 ** 32);
  const alias = Int32Array.from({ length: count }, (_, i) => i);
  const small: number[] = [];
  const large: number[] = [];
  for (let i = 0; i < count; i++) ((scaled[i] as number) < 1 ? small : large).push(i);
  while (small.length && large.length) {
    const low = small.pop() as number;
    const high = large[large.length - 1] as number;
    own[low] = Math.round((scaled[low] as number) * 2 ** 32);
    alias[low] = high;
    scaled[high] = (scaled[high] as number) - (1 - (scaled[low] as number));
    if ((scaled[high] as number) < 1) small.push(large.pop() as number);
  }
  // Rounding may leave columns that are full but for an ulp; an item of weight 0 among them must still never come.
  for (const i of small) if (weights[i] === 0) [own[i], alias[i]] = [0, heaviest(weights)];
  return (column, part) => {
    const i = Math.floor((column / 2 ** 32) * count);
    return part < (own[i] as number) ? i : (alias[i] as number);
  };
}

function heaviest(weights: Float64Array): number {
  let best = 0;
  for (let i = 1; i < weights.length; i++) if ((weights[i] as number) > (weights[best] as number)) best = i;
  return best;
}

/** The targets of the step as each other's negatives. */
import { range } from '../../core/ragged.ts';
import { itemCounts } from './popularity.ts';
import type { Sampler } from './sampler.ts';

/**
 * The other targets of the step are the negatives of a target, shared and with duplicates as they are (GRU4Rec: Hidasi
 * et al., 2016, section 3.2.1; Yi et al., 2019). The loss's number of negatives has no say.
 *
 * A target is no negative of its own, but another target with the same item is, as in the authors' GRU4Rec; the
 * `maskHits` of a sampled softmax leaves those out too. Popular items come as often as they are targets, so `logQ` is
 * ln(count / events) of the training data.
 */
export function inBatch(): Sampler {
  return {
    name: 'inBatch',
    options: {},
    prepare(train, items) {
      const counts = itemCounts(train, items);
      const events = Math.max(train.rows, 1);
      // An item without training events counts as seen once, so that its correction is a number.
      const logP = Float32Array.from(counts, (n) => Math.log(Math.max(n, 1) / events));
      return ({ target }) => {
        const logQ = Float32Array.from(target, (row) => logP[row] as number);
        const own = range(target.length);
        return { items: target, shared: true, count: target.length, logQ, targetLogQ: logQ, own };
      };
    },
  };
}

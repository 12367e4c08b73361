/** Hard negatives. */
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { checkSampler, type Sampler } from './sampler.ts';

/** Options of {@link hardest}. */
export interface HardestOptions {
  /** The number of negatives to choose from, more than the loss takes. */
  pool: number;
  /** What draws the pool. */
  sampler: Sampler;
}

/**
 * Of `pool` negatives of `sampler` those that the model scores highest, as many as the loss takes: dynamic negative
 * sampling (Zhang et al., SIGIR 2013). Scores of the whole pool are computed at every step; only the chosen ones push the
 * model. Where several have the score of the last one chosen, which an item drawn twice has, all of these count. `logQ` is
 * that of `sampler`.
 *
 * A pool may hold the target itself or other items the user likes, which are the hardest of all: choose from
 * `uniform({ excludeSeen: true })`, or `maskHits` in losses that have it. The penalty of `l2Rows` is on the whole pool.
 */
export function hardest({ pool, sampler, ...others }: HardestOptions): Sampler {
  refuseOthers('hardest', others);
  checkNumber('hardest: pool', pool, { min: 2, integer: true });
  checkSampler('hardest: sampler', sampler);
  return {
    name: 'hardest',
    options: { pool, sampler },
    perTarget: sampler.perTarget,
    prepare(train, items) {
      const draw = sampler.prepare(train, items);
      return (request) => {
        if (request.count >= pool) {
          throw new RangeError(
            `hardest: pool (${pool}) must be greater than the ${request.count} negatives of the loss: set more or take fewer.`,
          );
        }
        return { ...draw({ ...request, count: pool }), hardest: request.count };
      };
    },
  };
}

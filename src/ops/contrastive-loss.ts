/** Softmax cross-entropy of rows among each other: each has a partner to be told from the other rows. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { multiply } from './product.ts';
import { checkRows } from './rows.ts';
import { takeRows } from './segment-sum.ts';
import { withGradient } from './with-gradient.ts';

export interface ContrastiveLossOptions {
  /** `[M]` the partner of each row; the partner's partner is the row itself. */
  partner: Int32Array;
  /** The share of each row in the sum. @defaultValue all 1 */
  weights?: Float32Array | undefined;
  /** Divides the products. @defaultValue 1 */
  temperature?: number | undefined;
  /** Whether `other`, neither the row itself nor its partner, is among those to be told from. @defaultValue all are */
  counts?: ((row: number, other: number) => boolean) | undefined;
}

/**
 * The weighted SUM over the rows of -ln of the partner's share in the softmax of x · xᵀ / temperature over the partner
 * and the rows that count. All M² products are held.
 *
 * @param x `[M, D]`
 */
export function contrastiveLoss(x: tf.Tensor2D, options: ContrastiveLossOptions): tf.Scalar {
  const count = x.shape[0];
  const {
    partner,
    weights = new Float32Array(count).fill(1),
    temperature = 1,
    counts = () => true,
    ...others
  } = options;
  refuseOthers('contrastiveLoss', others, options);
  checkNumber('contrastiveLoss: temperature', temperature, { above: 0 });
  checkPartners(partner, weights, count);
  return withGradient(
    [x],
    (save) => {
      if (count === 0) {
        save(x, tf.zeros([0, 0]));
        return tf.scalar(0);
      }
      const seen = seenRows(partner, counts);
      const scores = tf.div(multiply(x, x, { transposeB: true }), temperature);
      const visible = tf.add(scores, tf.mul(tf.sub(seen, 1), HIDDEN));
      const top = tf.max(visible, 1, true);
      const exponentials = tf.mul(tf.exp(tf.sub(visible, top)), seen);
      const total = tf.sum(exponentials, 1, true);
      const own = tf.div(tf.sum(tf.mul(x, takeRows(x, partner)), 1, true), temperature);
      const weight = tf.tensor2d(weights, [count, 1]);
      save(x, tf.mul(exponentials, tf.div(weight, tf.mul(total, temperature))));
      return tf.sum(tf.mul(weight, tf.sub(tf.add(top, tf.log(total)), own)));
    },
    (dy: tf.Scalar, x: tf.Tensor2D, shares: tf.Tensor2D) => {
      if (count === 0) return [tf.zerosLike(x)];
      // Of each product both rows have a share: as the one that asks, and as one that is told from.
      const others = tf.add(multiply(shares, x), multiply(shares, x, { transposeA: true }));
      const both = Float32Array.from(
        weights,
        (w, row) => (w + (weights[partner[row] as number] as number)) / temperature,
      );
      const own = tf.mul(takeRows(x, partner), tf.tensor2d(both, [count, 1]));
      return [tf.mul(tf.sub(others, own), dy)];
    },
  );
}

/** Beyond any score, and still finite when scores are added to it. */
const HIDDEN = 1e30;

/** `[M, M]`: 1 where the row sees the other. */
function seenRows(partner: Int32Array, counts: (row: number, other: number) => boolean): tf.Tensor2D {
  const count = partner.length;
  const seen = new Float32Array(count * count);
  for (let row = 0; row < count; row++) {
    for (let other = 0; other < count; other++) {
      if (other !== row && (other === partner[row] || counts(row, other))) seen[row * count + other] = 1;
    }
  }
  return tf.tensor2d(seen, [count, count]);
}

function checkPartners(partner: Int32Array, weights: Float32Array, count: number): void {
  if (partner.length !== count || weights.length !== count) {
    throw new RangeError(
      `contrastiveLoss needs a partner and a weight for each of the ${count} rows, got ${partner.length} and ${weights.length}.`,
    );
  }
  checkRows(partner, count, 'contrastiveLoss');
  const alone = partner.findIndex((other, row) => other === row || partner[other] !== row);
  if (alone >= 0) throw new RangeError(`Rows must be partners of each other, got ${partner[alone]} for row ${alone}.`);
}

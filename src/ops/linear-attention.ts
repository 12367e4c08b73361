/** Attention without a softmax, whose cost grows with the number of rows and not with its square. */
import * as tf from '@tensorflow/tfjs-core';
import { Layout } from '../core/layout.ts';
import { expectShape, refuseOthers } from '../core/shape.ts';
import { checkAttention } from './attention.ts';
import { longestOf } from './attention-fused.ts';
import { pieceMasks, piecesOf, ROWS, type Sight } from './linear-attention-pieces.ts';
import { pairProducts, pairSums } from './pairs.ts';
import { countPairs, type PairsPlan, pairSumsOf } from './pairs-sums.ts';
import { multiply } from './product.ts';
import { withGradient } from './with-gradient.ts';

export interface LinearAttentionOptions {
  /** Where the rows of the queries belong. */
  queries: Layout;
  /** Where the rows of keys and values belong; its sequence b is what sequence b of the queries asks. @defaultValue queries */
  keys?: Layout | undefined;
  /** The number of heads; must divide the width. */
  heads: number;
  /** A query sees only the keys whose position is not above its own. @defaultValue false */
  causal?: boolean | undefined;
}

/**
 * For each query the sum of the values of its own sequence, each times the product of query and key. Since
 * Σⱼ (q · kⱼ) vⱼ = q (Σⱼ kⱼᵀ vⱼ), a long sequence is read through sums of kᵀv (Katharopoulos et al., ICML 2020,
 * without their kernel and divisor). A query that sees no key gives 0, and so do rows past the layout's N.
 *
 * @param q `[queries.capacity, D]`
 * @param k `[keys.capacity, D]`
 * @param v `[keys.capacity, D]`
 * @returns `[queries.capacity, D]`
 */
export function linearAttention(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  { queries, keys = queries, heads, causal = false, ...others }: LinearAttentionOptions,
): tf.Tensor2D {
  refuseOthers('linearAttention', others);
  const dim = q.shape[1];
  checkAttention(dim, heads, queries, keys);
  expectShape(q, [queries.capacity, dim], 'The queries of linearAttention');
  expectShape(k, [keys.capacity, dim], 'The keys of linearAttention');
  expectShape(v, [keys.capacity, dim], 'The values of linearAttention');
  const call = { queries, keys, heads, causal };
  const pairs = countPairs({ first: 0, end: queries.count }, queries, keys);
  const few = pairs <= (dim / heads) * (queries.rows + keys.rows);
  if (few || (causal && Math.max(longestOf(queries), longestOf(keys)) <= ROWS)) {
    return pairSums(pairProducts(q, k, call), v, call);
  }
  const forth = { queries, keys, heads, sight: 'past' } as const;
  const back = { queries: keys, keys: queries, heads, sight: 'future' } as const;
  const sums = causal ? runningSums : wholeSums;
  return withGradient(
    [q, k, v],
    (save) => {
      save(q, k, v);
      return sums(forth, q, k, v);
    },
    // The sum is linear in each of the three, so its gradients are sums of the same kind.
    (dy: tf.Tensor2D, q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) => [
      sums(forth, dy, v, k),
      sums(back, v, dy, q),
      sums(back, k, q, dy),
    ],
  );
}

interface Sums {
  readonly queries: Layout;
  readonly keys: Layout;
  readonly heads: number;
  readonly sight: Sight;
}

/** Σⱼ (q · kⱼ) vⱼ over all keys, off the tape: each head has a matrix Σⱼ kⱼᵀ vⱼ for every sequence. */
function wholeSums({ queries, keys, heads }: Sums, q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D): tf.Tensor2D {
  const width = q.shape[1] / heads;
  // A row has a pair with each row of the matrix: its column of the same number.
  const matrix = keys.derived(`matrix ${width}`, () => {
    return new Layout(Int32Array.from({ length: keys.count + 1 }, (_, b) => b * width));
  });
  const planOf = (rows: Layout): PairsPlan => {
    return { queries: rows, keys: matrix, heads: 1, causal: false, pairs: rows.rows * width };
  };
  const out = Array.from({ length: heads }, (_, head) =>
    tf.tidy(() => {
      const rowsOf = (x: tf.Tensor2D, { rows }: Layout) => tf.slice(x, [0, head * width], [rows, width]);
      const weights = (x: tf.Tensor2D, layout: Layout) => tf.reshape(rowsOf(x, layout), [-1, 1]) as tf.Tensor2D;
      const summed = pairSumsOf(planOf(keys), weights(k, keys), rowsOf(v, keys), 'keys');
      return pairSumsOf(planOf(queries), weights(q, queries), summed);
    }),
  );
  return heads === 1 ? (out[0] as tf.Tensor2D) : tf.concat(out, 1);
}

/** Σⱼ (q · kⱼ) vⱼ over the keys in sight, off the tape. */
function runningSums(
  { queries, keys, heads, sight }: Sums,
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
): tf.Tensor2D {
  const width = q.shape[1] / heads;
  const pieces = piecesOf(queries, keys, sight);
  const masks = pieceMasks(pieces, queries, keys, sight);
  const out = Array.from({ length: heads }, (_, head) =>
    tf.tidy(() => {
      const rows = (x: tf.Tensor2D, from: number, count: number) => tf.slice(x, [from, head * width], [count, width]);
      let far: tf.Tensor2D | undefined; // Σ kᵀv
      const parts = pieces.map(({ query, queries: count, key, keys: near, anew, from, more }, i) => {
        if (anew) far = undefined;
        if (more > 0) {
          const added = multiply(rows(k, from, more), rows(v, from, more), { transposeA: true });
          far = far ? tf.add(far, added) : added;
        }
        const own = rows(q, query, count);
        const distant = far && multiply(own, far);
        if (near === 0 || count === 0) return { query, rows: distant ?? tf.zeros<tf.Rank.R2>([count, width]) };
        const weights = multiply(own, rows(k, key, near), { transposeB: true });
        const close = multiply(tf.mul(weights, masks[i] as tf.Tensor2D), rows(v, key, near));
        return { query, rows: distant ? (tf.add(close, distant) as tf.Tensor2D) : close };
      });
      const ordered = parts.sort((a, b) => a.query - b.query).map((part) => part.rows);
      const spare: tf.Tensor2D = tf.zeros([queries.capacity - queries.rows, width]);
      return tf.concat([...ordered, spare].filter((part, i) => i === 0 || part.shape[0] > 0));
    }),
  );
  return heads === 1 ? (out[0] as tf.Tensor2D) : tf.concat(out, 1);
}

/** Attention without a softmax, whose cost grows with the number of rows and not with its square. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { expectShape } from '../core/shape.ts';
import { checkHeads } from './attention.ts';
import { longestOf } from './attention-fused.ts';
import { pieceMasks, piecesOf, ROWS, type Sight } from './linear-attention-pieces.ts';
import { pairProducts, pairSums } from './pairs.ts';
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
 * Σⱼ (q · kⱼ) vⱼ = q (Σⱼ kⱼᵀ vⱼ), a long sequence is read through running sums of kᵀv (Katharopoulos et al., ICML 2020,
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
  { queries, keys = queries, heads, causal = false }: LinearAttentionOptions,
): tf.Tensor2D {
  const dim = q.shape[1];
  checkHeads(dim, heads, queries, keys);
  expectShape(q, [queries.capacity, dim], 'The queries of linearAttention');
  expectShape(k, [keys.capacity, dim], 'The keys of linearAttention');
  expectShape(v, [keys.capacity, dim], 'The values of linearAttention');
  if (Math.max(longestOf(queries), longestOf(keys)) <= ROWS) {
    const call = { queries, keys, heads, causal };
    return pairSums(pairProducts(q, k, call), v, call);
  }
  const forth = { queries, keys, heads, sight: causal ? 'past' : 'all' } as const;
  const back = { queries: keys, keys: queries, heads, sight: causal ? 'future' : 'all' } as const;
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

/** Σⱼ (q · kⱼ) vⱼ over the keys in sight, off the tape. */
function sums({ queries, keys, heads, sight }: Sums, q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D): tf.Tensor2D {
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

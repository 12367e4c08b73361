/** Products and sums over the pairs of a query and a key of the same sequence: attention without a softmax over the keys. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { expectShape, refuseOthers } from '../core/shape.ts';
import { checkAttention } from './attention.ts';
import { chunkOf, forEachPair, memoKey } from './attention-chunks.ts';
import { countPairs, type PairsPlan, pairProductsOf, pairSumsOf } from './pairs-sums.ts';
import { withGradient } from './with-gradient.ts';

export interface PairsOptions {
  /** Where the rows of the queries belong. */
  queries: Layout;
  /** Where the rows of the keys belong; its sequence b is what sequence b of the queries asks. @defaultValue queries */
  keys?: Layout | undefined;
  /** The number of heads; must divide the width. */
  heads: number;
  /** A query sees only the keys whose position is not above its own. @defaultValue false */
  causal?: boolean | undefined;
}

export interface PairProductsOptions extends PairsOptions {
  /** `[pairs, 1]`, added to the products of all heads: what positions and times say of a pair. */
  plus?: tf.Tensor2D | undefined;
}

/**
 * The product of query and key for every pair and head. Pairs stand sequence by sequence, query by query, key by key; those
 * that are not seen have 0.
 *
 * @param q `[queries.capacity, D]`
 * @param k `[keys.capacity, D]`
 * @returns `[pairs, heads]`, in every sequence every query with every key
 */
export function pairProducts(q: tf.Tensor2D, k: tf.Tensor2D, options: PairProductsOptions): tf.Tensor2D {
  const { plus, ...pairs } = options;
  const plan = planOf('pairProducts', q.shape[1], pairs);
  expectShape(q, [plan.queries.capacity, -1], 'The queries of pairProducts');
  expectShape(k, [plan.keys.capacity, q.shape[1]], 'The keys of pairProducts');
  if (plus) expectShape(plus, [plan.pairs, 1], 'What pairProducts adds');
  return withGradient(
    [q, k, ...(plus ? [plus] : [])],
    (save) => {
      save(q, k);
      return pairProductsOf(plan, q, k, plus);
    },
    (dy: tf.Tensor2D, q: tf.Tensor2D, k: tf.Tensor2D) => [
      pairSumsOf(plan, dy, k),
      pairSumsOf(plan, dy, q, 'keys'),
      ...(plus ? [plan.heads === 1 ? tf.clone(dy) : tf.sum(dy, 1, true)] : []),
    ],
  );
}

/**
 * For every query the sum of the values of the keys that it sees, each times the weight of the pair. A query that sees no
 * key gives 0, and so do rows past the layout's N.
 *
 * @param weights `[pairs, heads]`, in the order of {@link pairProducts}
 * @param v       `[keys.capacity, D]`
 * @returns `[queries.capacity, D]`
 */
export function pairSums(weights: tf.Tensor2D, v: tf.Tensor2D, options: PairsOptions): tf.Tensor2D {
  const plan = planOf('pairSums', v.shape[1], options);
  expectShape(weights, [plan.pairs, plan.heads], 'The weights of pairSums');
  expectShape(v, [plan.keys.capacity, -1], 'The values of pairSums');
  return withGradient(
    [weights, v],
    (save) => {
      save(weights, v);
      return pairSumsOf(plan, weights, v);
    },
    (dy: tf.Tensor2D, weights: tf.Tensor2D, v: tf.Tensor2D) => [
      pairProductsOf(plan, dy, v),
      pairSumsOf(plan, weights, dy, 'keys'),
    ],
  );
}

/**
 * A number for every pair, for lookups, in the order of {@link pairProducts}. Made once, freed with the layout of the queries.
 *
 * @param key an object and a name that stand for the numbers, beside the layout of the queries
 * @param of  of the row of the query and the row of the key
 * @returns `[pairs]` int32
 */
export function pairIndices(
  queries: Layout,
  keys: Layout,
  key: readonly [source: object, name: string],
  of: (query: number, key: number) => number,
): tf.Tensor1D {
  const make = () => {
    const all = chunkOf(queries, keys, 0, queries.count);
    const rows = new Int32Array(countPairs(all, queries, keys));
    let pair = 0;
    forEachPair(all, queries, keys, false, (query, key) => {
      rows[pair++] = of(query, key);
    });
    return [tf.tensor1d(rows, 'int32')];
  };
  return queries.memo(memoKey(...key), make)[0] as tf.Tensor1D;
}

function planOf(op: string, dim: number, options: PairsOptions): PairsPlan {
  const { queries, keys = queries, heads, causal = false, ...others } = options;
  refuseOthers(op, others, options);
  checkAttention(dim, heads, queries, keys);
  return { queries, keys, heads, causal, pairs: countPairs({ first: 0, end: queries.count }, queries, keys) };
}

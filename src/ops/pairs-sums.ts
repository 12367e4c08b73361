/** Products and sums over pairs, off the tape: by a kernel where there is one, else block by block. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { type Chunk, chunksOf, forEachPair, memoKey } from './attention-chunks.ts';
import { layoutInputs, longestOf } from './attention-fused.ts';
import { hasKernel, runKernel } from './kernel.ts';
import { multiply } from './product.ts';
import { takeRows } from './segment-sum.ts';

/** One call, checked. */
export interface PairsPlan {
  readonly queries: Layout;
  readonly keys: Layout;
  readonly heads: number;
  readonly causal: boolean;
  readonly pairs: number;
}

/** a · b + plus for every pair `[pairs, heads]`, where the product is 0 if the query does not see the key. */
export function pairProductsOf(plan: PairsPlan, a: tf.Tensor2D, b: tf.Tensor2D, plus?: tf.Tensor2D): tf.Tensor2D {
  if (hasKernel('SeqrecPairProducts')) {
    const inputs = { q: a, k: b, ...(plus && { plus }), ...layoutInputs(plan.queries, plan.keys) };
    return runKernel('SeqrecPairProducts', inputs, attributesOf(plan));
  }
  const products = composedProducts(plan, a, b);
  return plus ? tf.add(products, plus) : products;
}

function composedProducts(plan: PairsPlan, a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  const blocks = blocksOf(plan);
  if (blocks.length === 0) return tf.zeros([plan.pairs, plan.heads]);
  const width = a.shape[1] / plan.heads;
  const out = blocks.map(({ chunk: { query, queries, key, keys }, ofPair }) =>
    tf.tidy(() => {
      const heads = Array.from({ length: plan.heads }, (_, head) => {
        const left: tf.Tensor2D = tf.slice(a, [query, head * width], [queries, width]);
        const right: tf.Tensor2D = tf.slice(b, [key, head * width], [keys, width]);
        return takeRows(withZero(multiply(left, right, { transposeB: true })), ofPair);
      });
      return heads.length === 1 ? (heads[0] as tf.Tensor2D) : tf.concat(heads, 1);
    }),
  );
  return out.length === 1 ? (out[0] as tf.Tensor2D) : tf.concat(out);
}

/** For every query Σ weight · v over its keys, or for every key Σ weight · v over the queries that see it. */
export function pairSumsOf(
  plan: PairsPlan,
  weights: tf.Tensor2D,
  v: tf.Tensor2D,
  of: 'queries' | 'keys' = 'queries',
): tf.Tensor2D {
  if (hasKernel('SeqrecPairSums')) {
    const { rows, capacity } = plan[of];
    const inputs = { weights, v, ...layoutInputs(plan.queries, plan.keys) };
    return runKernel('SeqrecPairSums', inputs, { ...attributesOf(plan), ofKeys: of === 'keys', rows, capacity });
  }
  return composedSums(plan, weights, v, of);
}

function attributesOf({ heads, causal, pairs, keys }: PairsPlan): object {
  return { heads, causal, pairs, longest: longestOf(keys) };
}

function composedSums(plan: PairsPlan, weights: tf.Tensor2D, v: tf.Tensor2D, of: 'queries' | 'keys'): tf.Tensor2D {
  const [dim, { capacity }] = [v.shape[1], plan[of]];
  const width = dim / plan.heads;
  const out: tf.Tensor2D[] = [];
  let [row, pair] = [0, 0];
  const zerosTo = (end: number) => {
    if (end > row) out.push(tf.zeros([end - row, dim]));
    row = end;
  };
  for (const { chunk, ofPair, ofBlock } of blocksOf(plan)) {
    const { query, queries, key, keys } = chunk;
    const [to, count, from, others] = of === 'queries' ? [query, queries, key, keys] : [key, keys, query, queries];
    const [firstPair, pairs] = [pair, ofPair.shape[0]];
    zerosTo(to);
    out.push(
      tf.tidy(() => {
        const heads = Array.from({ length: plan.heads }, (_, head) => {
          const column = withZero(tf.slice(weights, [firstPair, head], [pairs, 1]));
          const block = tf.reshape(takeRows(column, ofBlock), [queries, keys]) as tf.Tensor2D;
          const values: tf.Tensor2D = tf.slice(v, [from, head * width], [others, width]);
          return multiply(block, values, { transposeA: of === 'keys' });
        });
        return heads.length === 1 ? (heads[0] as tf.Tensor2D) : tf.concat(heads, 1);
      }),
    );
    row += count;
    pair += pairs;
  }
  zerosTo(capacity);
  if (out.length === 0) return tf.zeros([0, dim]);
  return out.length === 1 ? (out[0] as tf.Tensor2D) : tf.concat(out);
}

/** A block of whole sequences. */
interface Block {
  readonly chunk: Chunk;
  /** For each of its pairs the place in the block `[queries, keys]`, the place after the last where it is not seen. */
  readonly ofPair: tf.Tensor1D;
  /** For each place of the block its pair, the number of pairs where none is seen. */
  readonly ofBlock: tf.Tensor1D;
}

/** Rows of one block: larger ones waste work on pairs of different sequences, smaller ones on calls. */
const ROWS = 128;

/** The blocks that have pairs; their tensors live as long as the layout of the queries. */
function blocksOf({ queries, keys, causal }: PairsPlan): Block[] {
  const chunks = chunksOf(queries, keys, ROWS).filter((chunk) => chunk.queries > 0 && chunk.keys > 0);
  const tensors = queries.memo(memoKey(keys, `pairs, ${causal}`), () =>
    chunks.flatMap((chunk) => {
      const size = chunk.queries * chunk.keys;
      const place = (query: number, key: number) => (query - chunk.query) * chunk.keys + key - chunk.key;
      const pairAt = new Int32Array(size);
      const ofPair = new Int32Array(countPairs(chunk, queries, keys)).fill(size);
      let pairs = 0;
      forEachPair(chunk, queries, keys, false, (query, key) => {
        pairAt[place(query, key)] = pairs++;
      });
      const ofBlock = new Int32Array(size).fill(pairs);
      forEachPair(chunk, queries, keys, causal, (query, key) => {
        const at = place(query, key);
        const pair = pairAt[at] as number;
        ofBlock[at] = pair;
        ofPair[pair] = at;
      });
      return [tf.tensor1d(ofPair, 'int32'), tf.tensor1d(ofBlock, 'int32')];
    }),
  ) as tf.Tensor1D[];
  return chunks.map((chunk, i) => ({
    chunk,
    ofPair: tensors[2 * i] as tf.Tensor1D,
    ofBlock: tensors[2 * i + 1] as tf.Tensor1D,
  }));
}

/** How many pairs the sequences first … end-1 have: in each every query with every key, seen or not. */
export function countPairs({ first, end }: { first: number; end: number }, queries: Layout, keys: Layout): number {
  let count = 0;
  for (let b = first; b < end; b++) count += queries.length(b) * keys.length(b);
  return count;
}

/** As a column with a 0 at its end. */
function withZero(x: tf.Tensor2D): tf.Tensor2D {
  return tf.concat([tf.reshape(x, [-1, 1]) as tf.Tensor2D, tf.zeros<tf.Rank.R2>([1, 1])]);
}

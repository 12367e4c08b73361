/** Scaled dot-product attention of several heads over ragged rows (Vaswani et al., 2017). */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { tensorOf, type Weight } from '../core/parameter.ts';
import type { Rng } from '../core/rng.ts';
import { checkHeads, checkNumber, expectShape, refuseOthers } from '../core/shape.ts';
import { chunkMask, chunkOf, chunksOf } from './attention-chunks.ts';
import {
  type AttentionPlan,
  biasPlaces,
  composedAttention,
  composedAttentionGradients,
  maskedSoftmax,
  range,
  scorer,
} from './attention-composed.ts';
import { fusedAttention, fusedAttentionGradients, hasFusedAttention } from './attention-fused.ts';
import { dropoutBits, dropoutRow } from './dropout.ts';
import { withGradient } from './with-gradient.ts';

export interface AttentionOptions {
  /** Where the rows of the queries belong. */
  queries: Layout;
  /** Where the rows of keys and values belong; its sequence b is what sequence b of the queries asks. @defaultValue queries */
  keys?: Layout | undefined;
  /** The number of heads; must divide the width. */
  heads: number;
  /** A query sees only the keys whose position is not above its own. @defaultValue false */
  causal?: boolean | undefined;
  /** `[1, P, P]` or `[heads, P, P]`: added to the score at [head, query position, key position]. */
  bias?: Weight | undefined;
  /** Dropout on the attention weights; its masks are those of {@link attentionDropoutBits}. */
  dropout?: { rate: number; rng: Rng | undefined } | undefined;
}

/**
 * For each query the mean of the values of its own sequence, weighted by the softmax over its keys of
 * query · key / √(D / heads) + bias. A query that sees no key gives 0, and so do rows past the layout's N.
 *
 * @param q `[queries.capacity, D]`
 * @param k `[keys.capacity, D]`
 * @param v `[keys.capacity, D]`
 * @returns `[queries.capacity, D]`
 */
export function attention(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, options: AttentionOptions): tf.Tensor2D {
  const plan = planOf(q, k, options);
  const bias = options.bias && (tensorOf<tf.Tensor>(options.bias) as tf.Tensor3D);
  expectShape(v, k.shape, 'The values of attention');
  return withGradient(
    bias ? [q, k, v, bias] : [q, k, v],
    (save) => {
      save(q, k, v, ...(bias ? [bias] : []));
      return hasFusedAttention() ? fusedAttention(plan, q, k, v, bias) : composedAttention(plan, q, k, v, bias);
    },
    (dy: tf.Tensor2D, q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, bias?: tf.Tensor3D) =>
      hasFusedAttention()
        ? fusedAttentionGradients(plan, dy, q, k, v, bias)
        : composedAttentionGradients(plan, dy, q, k, v, bias),
  );
}

/**
 * The attention weights themselves, without dropout: for each sequence one tensor `[heads, Tq, Tk]`.
 *
 * @param q `[queries.capacity, D]`
 * @param k `[keys.capacity, D]`
 */
export function attentionWeights(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  options: Omit<AttentionOptions, 'dropout'>,
): tf.Tensor3D[] {
  const plan = planOf(q, k, options);
  const { queries, keys, causal, heads } = plan;
  return tf.tidy(() => {
    const bias = options.bias && (tensorOf<tf.Tensor>(options.bias) as tf.Tensor3D);
    const scores = scorer(plan, q, k, bias);
    return Array.from({ length: queries.count }, (_, b) => {
      const chunk = chunkOf(queries, keys, b, b + 1);
      if (chunk.queries === 0 || chunk.keys === 0) return tf.zeros<tf.Rank.R3>([heads, chunk.queries, chunk.keys]);
      const mask = chunkMask(chunk, queries, keys, causal);
      const places = bias && biasPlaces(plan, chunk);
      return tf.stack(range(heads).map((head) => maskedSoftmax(scores(chunk, head, places), mask))) as tf.Tensor3D;
    });
  });
}

/**
 * The 16 bits that decide on one attention weight: those of `dropout` for the rng forked by the head, in the row of the
 * query and the column of the key's position. The weight is kept if they are at least round(rate · 65536).
 *
 * @param sequence counts within the step: `queries.firstSequence` + the sequence in the layout
 */
export function attentionDropoutBits(
  rng: Rng,
  head: number,
  sequence: number,
  queryPosition: number,
  keyPosition: number,
): number {
  return dropoutBits(dropoutRow(rng.fork(head), sequence, queryPosition), keyPosition);
}

/** Rows of one block: larger ones waste work on pairs of different sequences, smaller ones on calls. */
const CHUNK_ROWS = 128;

function planOf(q: tf.Tensor2D, k: tf.Tensor2D, options: AttentionOptions): AttentionPlan {
  const { queries, keys = queries, heads, causal = false, bias, dropout, ...others } = options;
  refuseOthers('attention', others, options);
  const dim = q.shape[1];
  checkAttention(dim, heads, queries, keys);
  expectShape(q, [queries.capacity, dim], 'The queries of attention');
  expectShape(k, [keys.capacity, dim], 'The keys of attention');
  const rate = checkNumber('The dropout rate', dropout?.rate ?? 0, { min: 0, below: 1 });
  const rng = rate > 0 ? dropout?.rng : undefined;
  return {
    queries,
    keys,
    heads,
    width: dim / heads,
    causal,
    positions: bias && biasPositions(tensorOf<tf.Tensor>(bias), heads, queries, keys),
    dropout: rng && { rate, heads: range(heads).map((head) => rng.fork(head)) },
    chunks: chunksOf(queries, keys, CHUNK_ROWS),
  };
}

/** @throws RangeError when the heads do not divide the width, or the layouts are not of the same sequences */
export function checkAttention(dim: number, heads: number, queries: Layout, keys: Layout): void {
  checkHeads(dim, heads);
  if (keys.count !== queries.count) {
    throw new RangeError(
      `Queries and keys must have the same number of sequences, got ${queries.count} and ${keys.count}.`,
    );
  }
}

/** P of a checked bias. */
function biasPositions(bias: tf.Tensor, heads: number, queries: Layout, keys: Layout): number {
  const positions = bias.shape[1] ?? 0;
  expectShape(bias, [bias.shape[0] === 1 ? 1 : heads, positions, positions], 'The bias of attention');
  for (const layout of [queries, keys]) {
    for (let row = 0; row < layout.rows; row++) {
      const position = layout.positions[row] as number;
      if (position >= positions) {
        throw new RangeError(
          `An attention bias for ${positions} positions cannot serve position ${position}: shorten the sequences.`,
        );
      }
    }
  }
  return positions;
}

/** Rows through a stack of blocks, and what the stack looks at. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import type { Rng } from '../core/rng.ts';
import type { SequenceBlock } from './block.ts';

/**
 * One block after the other; the last computes only the rows of `queries`, if it can.
 *
 * @param x `[N, dim]` what the first block reads
 */
export function throughBlocks(
  blocks: readonly SequenceBlock[],
  x: tf.Tensor2D,
  layout: Layout,
  rng?: Rng,
  queries?: Layout,
): tf.Tensor2D {
  let rows = x;
  blocks.forEach((block, i) => {
    rows = block.forward(rows, layout, rng?.fork('block').fork(i), i === blocks.length - 1 ? queries : undefined);
  });
  return rows;
}

/**
 * How the last row of one sequence spreads its attention in the last block: the mean over its heads.
 *
 * @param x `[N, dim]` what the first block reads
 * @returns `[N]`; undefined if there is no last block with attention
 */
export function lastAttention(
  blocks: readonly SequenceBlock[],
  x: tf.Tensor2D,
  layout: Layout,
): tf.Tensor1D | undefined {
  const last = blocks.at(-1);
  if (!last?.attentionWeights) return undefined;
  const rows = throughBlocks(blocks.slice(0, -1), x, layout);
  using queries = layout.last();
  const [weights] = last.attentionWeights(rows, layout, queries) as [tf.Tensor3D]; // [heads, 1, N]
  return tf.mean(weights, [0, 1]);
}

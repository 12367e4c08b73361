/** What a stack of blocks looks at. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import type { SequenceBlock } from './block.ts';

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
  let rows = x;
  for (const block of blocks.slice(0, -1)) rows = block.forward(rows, layout);
  using queries = layout.last();
  const [weights] = last.attentionWeights(rows, layout, queries) as [tf.Tensor3D]; // [heads, 1, N]
  return tf.mean(weights, [0, 1]);
}

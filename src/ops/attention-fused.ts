/** Attention by a kernel of the backend, where there is one. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import type { AttentionPlan } from './attention-composed.ts';
import { dropoutLimits } from './dropout.ts';
import { hasKernel, runKernel } from './kernel.ts';

/** Whether {@link fusedAttention} and its gradients can run. */
export function hasFusedAttention(): boolean {
  return hasKernel('SeqrecAttention');
}

/** `[queries.capacity, D]` */
export function fusedAttention(
  plan: AttentionPlan,
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  bias: tf.Tensor3D | undefined,
): tf.Tensor2D {
  return runKernel('SeqrecAttention', { q, k, v, ...(bias && { bias }), ...inputsOf(plan) }, attributesOf(plan));
}

/** The gradients by q, k, v and, if there is one, the bias. */
export function fusedAttentionGradients(
  plan: AttentionPlan,
  dy: tf.Tensor2D,
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  bias: tf.Tensor3D | undefined,
): tf.Tensor[] {
  const inputs = { q, k, v, dy, ...(bias && { bias }), ...inputsOf(plan) };
  return runKernel('SeqrecAttentionGradients', inputs, attributesOf(plan));
}

function inputsOf({ queries, keys, dropout }: AttentionPlan): Record<string, tf.Tensor> {
  const inputs = layoutInputs(queries, keys);
  if (!dropout) return inputs;
  const dropoutKeys = tf.tensor1d(Int32Array.from(dropout.heads.flatMap((rng) => rng.key)), 'int32');
  return { ...inputs, dropoutKeys };
}

/** What kernels read of two layouts. */
export function layoutInputs(queries: Layout, keys: Layout): Record<string, tf.Tensor> {
  const [queryOffsets, queryStarts] = shapeOf(queries);
  const [keyOffsets, keyStarts] = shapeOf(keys);
  return { queryOffsets, queryStarts, keyOffsets, keyStarts };
}

/** The rows of the longest sequence. */
export function longestOf(layout: Layout): number {
  let longest = 0;
  for (let b = 0; b < layout.count; b++) longest = Math.max(longest, layout.length(b));
  return longest;
}

/** The offsets and starts of a layout as tensors, which live as long as it does. */
function shapeOf(layout: Layout): readonly [offsets: tf.Tensor, starts: tf.Tensor] {
  const make = () => [layout.offsets, layout.starts].map((values) => tf.tensor1d(values, 'int32'));
  return layout.memo(shapeOf, make) as [tf.Tensor, tf.Tensor];
}

function attributesOf({ queries, keys, heads, causal, dropout }: AttentionPlan): object {
  const longest = longestOf(keys);
  const { threshold, scale } = dropoutLimits(dropout?.rate ?? 0);
  const { firstSequence } = queries;
  return { heads, causal, longest, rows: [queries.rows, keys.rows], firstSequence, threshold, scale };
}

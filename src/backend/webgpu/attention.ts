/** Attention over ragged rows and its gradients. */
import type * as tf from '@tensorflow/tfjs-core';
import {
  attention,
  attentionBiasGradient,
  attentionKeyGradient,
  attentionQueryGradient,
  attentionValueGradient,
} from '../../kernels/webgpu/attention.ts';
import type { AttentionAttributes, AttentionInputs } from '../kernel-calls.ts';
import type { Gpu } from './gpu.ts';
import { groupsFor, sizeOf, type WebgpuKernel } from './kernel.ts';

export const attentionKernels: readonly WebgpuKernel[] = [
  {
    name: 'SeqrecAttention',
    run({ inputs, attrs }, gpu) {
      const all = inputs as unknown as AttentionInputs;
      const { q, k, v, bias } = all;
      const { layouts, settings } = common(gpu, all, attrs as unknown as AttentionAttributes);
      const out = gpu.output(q.shape);
      gpu.run(attention, { inputs: { q, k, v, layouts, bias }, outputs: { out }, ...settings(q) });
      gpu.dispose(layouts);
      return out;
    },
  },
  {
    name: 'SeqrecAttentionGradients',
    run({ inputs, attrs }, gpu) {
      const all = inputs as unknown as AttentionInputs & { dy: tf.TensorInfo };
      const { q, k, v, dy, bias } = all;
      const { heads } = attrs as unknown as AttentionAttributes;
      const { layouts, settings } = common(gpu, all, attrs as unknown as AttentionAttributes);
      const [dq, dk, dv] = [q, k, v].map(({ shape }) => gpu.output(shape)) as [
        tf.TensorInfo,
        tf.TensorInfo,
        tf.TensorInfo,
      ];
      const statistics = gpu.output([q.shape[0] as number, heads, 3]);
      gpu.run(attentionQueryGradient, {
        inputs: { q, k, v, dy, layouts, bias },
        outputs: { dq, statistics },
        ...settings(q),
      });
      const known = { q, k, dy, statistics, layouts, bias };
      gpu.run(attentionKeyGradient, { inputs: { ...known, v }, outputs: { dk }, ...settings(k) });
      gpu.run(attentionValueGradient, { inputs: known, outputs: { dv }, ...settings(k) });
      const dBias = bias && gpu.output(bias.shape);
      if (bias) {
        const capacity = sizeOf(bias);
        const { numbers, ...others } = settings(q);
        gpu.run(attentionBiasGradient, {
          inputs: { ...known, v },
          outputs: { dBias },
          ...others,
          numbers: { ...numbers, capacity },
          groups: groupsFor(capacity),
        });
      }
      gpu.dispose(layouts, statistics);
      return dBias ? [dq, dk, dv, dBias] : [dq, dk, dv];
    },
  },
];

/** The layouts as one tensor, for the caller to dispose of, and what all programs take. */
function common(
  gpu: Gpu,
  all: AttentionInputs,
  { heads, causal, firstSequence, threshold, scale }: AttentionAttributes,
) {
  const { q, bias, dropoutKeys } = all;
  const width = (q.shape[1] as number) / heads;
  const of = [all.queryOffsets, all.queryStarts, all.keyOffsets, all.keyStarts].map((tensor) => integers(gpu, tensor));
  const layouts = gpu.upload(Int32Array.from(of.flatMap((values) => [...values])));
  const settings = (rows: tf.TensorInfo) => {
    const capacity = rows.shape[0] as number;
    return {
      numbers: {
        count: (of[1] as Int32Array).length,
        heads,
        capacity,
        positions: bias?.shape[1] ?? 0,
        headTables: Number((bias?.shape[0] ?? 1) > 1),
        firstSequence,
        threshold,
        dropoutScale: scale,
        scale: 1 / Math.sqrt(width),
      },
      lists: { dropoutKey: dropoutKeys ? Array.from(integers(gpu, dropoutKeys), (key) => key >>> 0) : [] },
      constants: { width, causal, hasBias: bias !== undefined, hasDropout: dropoutKeys !== undefined },
      groups: groupsFor(capacity * heads),
    };
  };
  return { layouts, settings };
}

function integers(gpu: Gpu, tensor: tf.TensorInfo): Int32Array {
  const values = gpu.integers(tensor);
  if (!values) throw new TypeError('Attention needs layouts and keys of dropout that were made on the host.');
  return values as Int32Array;
}

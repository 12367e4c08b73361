/** What an optimizer does to every parameter at every step. */
import type * as tf from '@tensorflow/tfjs-core';
import { adam, amsgrad, SQUARED, sumAll, sumSquares } from '../../kernels/webgpu/optimizer.ts';
import type { Gpu } from './gpu.ts';
import { groupsFor, sizeOf, type WebgpuKernel } from './kernel.ts';

type AdamNumbers = Readonly<Record<'rate' | 'beta1' | 'beta2' | 'epsilon' | 'l2' | 'shrink', number>>;

export const optimizerKernels: readonly WebgpuKernel[] = [
  {
    name: 'SeqrecAdam',
    run({ inputs, attrs }, gpu) {
      const { value, gradient, m, v, max } = inputs as Record<'value' | 'gradient' | 'm' | 'v', tf.TensorInfo> & {
        max?: tf.TensorInfo;
      };
      const step = attrs as AdamNumbers;
      const [newValue, newM, newV] = [value, m, v].map(({ shape }) => gpu.output(shape));
      const size = sizeOf(value);
      const groups = groupsFor(size);
      gpu.run(adam, {
        inputs: { value, gradient, m, v },
        outputs: { newValue: max ? undefined : newValue, newM, newV },
        numbers: { ...step, size, rest1: 1 - step.beta1, rest2: 1 - step.beta2 },
        constants: { moves: !max },
        groups,
      });
      const outputs = [newValue, newM, newV] as tf.TensorInfo[];
      if (!max) return outputs;
      const newHighest = gpu.output(max.shape);
      gpu.run(amsgrad, {
        inputs: { value, m: newM, v: newV, highest: max },
        outputs: { newValue, newHighest },
        numbers: { ...step, size },
        groups,
      });
      return [...outputs, newHighest];
    },
  },
  {
    /** Of all tensors together. */
    name: 'SeqrecSumOfSquares',
    run({ inputs }, gpu) {
      const tensors = Object.values(inputs as Readonly<Record<string, tf.TensorInfo>>);
      const packs = Array.from({ length: Math.ceil(tensors.length / SQUARED) }, (_, i) =>
        tensors.slice(i * SQUARED, (i + 1) * SQUARED),
      );
      const groups = packs.map((pack) => Math.max(...pack.map((x) => Math.ceil(sizeOf(x) / SHARE))));
      const sums = gpu.output([groups.reduce((sum, count) => sum + count, 0)]);
      let first = 0;
      for (const [i, pack] of packs.entries()) {
        const count = groups[i] as number;
        gpu.run(sumSquares, {
          inputs: Object.fromEntries(pack.map((x, at) => [`x${at}`, x])),
          outputs: { sums },
          numbers: {
            ...Object.fromEntries(
              Array.from({ length: SQUARED }, (_, at) => [`size${at}`, pack[at] ? sizeOf(pack[at]) : 0]),
            ),
            first,
            share: SHARE,
            groups: count,
          },
          groups: count,
        });
        first += count;
      }
      const all = sumOf(gpu, sums);
      gpu.dispose(sums);
      return all;
    },
  },
];

/** Values of a workgroup. */
const SHARE = 16_384;

/** The sum of all values, in an order that depends on their number alone. */
export function sumOf(gpu: Gpu, x: tf.TensorInfo): tf.TensorInfo {
  const size = sizeOf(x);
  const groups = Math.max(1, Math.ceil(size / SHARE));
  const sums = gpu.output(groups > 1 ? [groups] : []);
  gpu.run(sumAll, { inputs: { x }, outputs: { sums }, numbers: { size, share: SHARE, groups }, groups });
  if (groups === 1) return sums;
  const all = sumOf(gpu, sums);
  gpu.dispose(sums);
  return all;
}

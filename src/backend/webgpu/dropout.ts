/** Dropout, with the masks of `dropoutMask` made on the way, and what may be added after it. */
import type * as tf from '@tensorflow/tfjs-core';
import { dropout } from '../../kernels/webgpu/dropout.ts';
import { groupsFor, sizeOf, type WebgpuKernel } from './kernel.ts';

/** What a call of dropout needs besides its tensors. */
interface Attributes {
  /** Rows after these have a mask of 0. */
  readonly rows: number;
  readonly firstSequence: number;
  readonly key: readonly [low: number, high: number];
  readonly threshold: number;
  readonly scale: number;
}

export const dropoutKernels: readonly WebgpuKernel[] = [
  {
    name: 'SeqrecDropout',
    run({ inputs, attrs }, gpu) {
      const { x, plus, sequences, positions } = inputs as {
        x: tf.TensorInfo;
        plus?: tf.TensorInfo;
        sequences?: tf.TensorInfo;
        positions?: tf.TensorInfo;
      };
      const { rows, firstSequence, key, threshold, scale } = attrs as unknown as Attributes;
      const y = gpu.output(x.shape);
      const size = sizeOf(x);
      gpu.run(dropout, {
        inputs: { x, plus, sequences, positions },
        outputs: { y },
        numbers: {
          size,
          columns: x.shape[1] as number,
          rows,
          firstSequence,
          low: key[0],
          high: key[1],
          threshold,
          scale,
        },
        constants: { hasPlus: plus !== undefined, hasLayout: sequences !== undefined },
        groups: groupsFor(size),
      });
      return y;
    },
  },
];

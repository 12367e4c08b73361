/** Dropout, with the masks of `dropoutMask` made on the way, and what may be added after it. */
import { dropout } from '../../kernels/webgpu/dropout.ts';
import type { DropoutAttributes, DropoutInputs } from '../kernel-calls.ts';
import { groupsFor, sizeOf, type WebgpuKernel } from './kernel.ts';

export const dropoutKernels: readonly WebgpuKernel[] = [
  {
    name: 'SeqrecDropout',
    run({ inputs, attrs }, gpu) {
      const { x, plus, sequences, positions } = inputs as unknown as DropoutInputs;
      const { rows, firstSequence, key, threshold, scale } = attrs as unknown as DropoutAttributes;
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

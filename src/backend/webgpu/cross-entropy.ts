/** Softmax cross-entropy and its gradients. */
import type * as tf from '@tensorflow/tfjs-core';
import { softmaxLoss } from '../../kernels/webgpu/cross-entropy.ts';
import type { CrossEntropyInputs } from '../kernel-calls.ts';
import { most } from './chunks.ts';
import type { WebgpuKernel } from './kernel.ts';
import { multiply, sumColumns } from './mat-mul.ts';
import { sumOf } from './optimizer.ts';

export const crossEntropyKernels: readonly WebgpuKernel[] = [
  {
    /** The loss and, if wanted, the gradients by states, table and bias. */
    name: 'SeqrecCrossEntropy',
    run({ inputs, attrs }, gpu) {
      const { states, table, bias, targets, weights } = inputs as unknown as CrossEntropyInputs;
      const {
        scale,
        labelSmoothing: smoothing,
        wanted,
      } = attrs as {
        scale: number;
        labelSmoothing: number;
        wanted: boolean;
      };
      const count = states.shape[0] as number;
      const columns = table.shape[0] as number;
      const losses = gpu.output([count]);
      const [dStates, dTable, dBias] = [states, table, bias].map((of) => wanted && of && gpu.output(of.shape)) as (
        | tf.TensorInfo
        | undefined
      )[];
      const size = Math.max(1, Math.floor(most.logits / columns));
      for (let first = 0; first < count; first += size) {
        const rows = Math.min(size, count - first);
        const logits = multiply(gpu, { a: states, of: [first, rows], b: table, transposeB: true, bias, scale });
        gpu.run(softmaxLoss, {
          inputs: { targets, weights },
          outputs: { logits, losses },
          numbers: { rows, columns, first, smoothing },
          constants: { wanted },
          groups: rows,
        });
        if (dStates && dTable) {
          // The logits are slopes by now.
          const adds = first > 0;
          multiply(gpu, { a: logits, b: table, scale, c: dStates, cFirst: first });
          multiply(gpu, { a: logits, transposeA: true, b: states, bFirst: first, scale, c: dTable, adds });
          if (dBias) sumColumns(gpu, logits, dBias, adds);
        }
        gpu.dispose(logits);
      }
      const loss = sumOf(gpu, losses);
      gpu.dispose(losses);
      return [loss, ...(dStates && dTable ? [dStates, dTable] : []), ...(dBias ? [dBias] : [])];
    },
  },
];

/** The affine map of rows followed by an activation, and its gradients. */
import type * as tf from '@tensorflow/tfjs-core';
import { ACTIVATIONS, activationBackward } from '../../kernels/webgpu/activations.ts';
import type { ActivationName } from './activations.ts';
import { groupsFor, sizeOf, type WebgpuKernel } from './kernel.ts';
import { multiply, sumColumns } from './mat-mul.ts';

interface Attributes {
  readonly activation?: ActivationName;
  readonly hasBias: boolean;
}

export const linearKernels: readonly WebgpuKernel[] = [
  {
    /** The result, and what the activation was applied to unless its gradient can do with the result. */
    name: 'SeqrecLinear',
    run({ inputs, attrs }, gpu) {
      const { x, weight, bias } = inputs as { x: tf.TensorInfo; weight: tf.TensorInfo; bias?: tf.TensorInfo };
      const { activation } = attrs as unknown as Attributes;
      const shape = [x.shape[0] as number, weight.shape[0] as number];
      const before = activation && activation !== 'relu' ? gpu.output(shape) : undefined;
      const y = multiply(gpu, {
        a: x,
        b: weight,
        transposeB: true,
        bias,
        activation: activation && ACTIVATIONS[activation],
        before,
      });
      return before ? [y, before] : [y];
    },
  },
  {
    /** By x, the weight and, if there is one, the bias. */
    name: 'SeqrecLinearGradients',
    run({ inputs, attrs }, gpu) {
      const { dy, x, weight, kept } = inputs as {
        readonly [name in 'dy' | 'x' | 'weight']: tf.TensorInfo;
      } & { kept?: tf.TensorInfo };
      const { activation, hasBias } = attrs as unknown as Attributes;
      const upstream = activation ? gpu.output(dy.shape) : dy;
      if (activation) {
        const size = sizeOf(dy);
        gpu.run(activationBackward, {
          inputs: { x: kept, dy },
          outputs: { dx: upstream },
          numbers: { size },
          constants: { activation: ACTIVATIONS[activation] },
          groups: groupsFor(size),
        });
      }
      const dx = multiply(gpu, { a: upstream, b: weight });
      const dWeight = multiply(gpu, { a: upstream, b: x, transposeA: true });
      const outputs = [dx, dWeight, ...(hasBias ? [sumColumns(gpu, upstream)] : [])];
      if (activation) gpu.dispose(upstream);
      return outputs;
    },
  },
];

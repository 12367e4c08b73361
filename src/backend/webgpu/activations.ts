/** Activation functions. */
import type * as tf from '@tensorflow/tfjs-core';
import { ACTIVATIONS, activationBackward, activationForward } from '../../kernels/webgpu/activations.ts';
import { groupsFor, sizeOf, type WebgpuKernel } from './kernel.ts';

/** The functions that have programs. */
export type ActivationName = keyof typeof ACTIVATIONS;

export const activationKernels: readonly WebgpuKernel[] = [
  {
    name: 'SeqrecActivation',
    run({ inputs, attrs }, gpu) {
      const { x } = inputs as { x: tf.TensorInfo };
      const { name } = attrs as unknown as { name: ActivationName };
      const y = gpu.output(x.shape);
      const size = sizeOf(x);
      gpu.run(activationForward, {
        inputs: { x },
        outputs: { y },
        numbers: { size },
        constants: { activation: ACTIVATIONS[name] },
        groups: groupsFor(size),
      });
      return y;
    },
  },
  {
    name: 'SeqrecActivationGradient',
    run({ inputs, attrs }, gpu) {
      const { x, dy } = inputs as { x: tf.TensorInfo; dy: tf.TensorInfo };
      const { name } = attrs as unknown as { name: ActivationName };
      const dx = gpu.output(x.shape);
      const size = sizeOf(x);
      gpu.run(activationBackward, {
        inputs: { x, dy },
        outputs: { dx },
        numbers: { size },
        constants: { activation: ACTIVATIONS[name] },
        groups: groupsFor(size),
      });
      return dx;
    },
  },
];

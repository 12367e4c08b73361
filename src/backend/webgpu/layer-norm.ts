/** Layer normalisation and its gradients. */
import type * as tf from '@tensorflow/tfjs-core';
import {
  COLUMNS_OF_GROUP,
  layerNorm,
  layerNormInputGradient,
  layerNormWeightGradients,
} from '../../kernels/webgpu/layer-norm.ts';
import type { WebgpuKernel } from './kernel.ts';

export const layerNormKernels: readonly WebgpuKernel[] = [
  {
    /** The result, and what the gradients need to know of the rows. */
    name: 'SeqrecLayerNorm',
    run({ inputs, attrs }, gpu) {
      const { x, weight, bias } = inputs as { [name in 'x' | 'weight' | 'bias']: tf.TensorInfo };
      const { epsilon } = attrs as { epsilon: number };
      const [rows, width] = x.shape as [number, number];
      const [y, statistics] = [gpu.output(x.shape), gpu.output([rows, 3])];
      const [from, to] = [
        { x, weight, bias },
        { y, statistics },
      ];
      gpu.run(layerNorm, { inputs: from, outputs: to, numbers: { rows, width, epsilon }, groups: rows });
      return [y, statistics];
    },
  },
  {
    name: 'SeqrecLayerNormGradients',
    run({ inputs }, gpu) {
      const { x, weight, statistics, dy } = inputs as {
        [name in 'x' | 'weight' | 'statistics' | 'dy']: tf.TensorInfo;
      };
      const [rows, width] = x.shape as [number, number];
      const numbers = { rows, width };
      const [dx, dWeight, dBias] = [gpu.output(x.shape), gpu.output([width]), gpu.output([width])];
      gpu.run(layerNormInputGradient, {
        inputs: { x, weight, statistics, dy },
        outputs: { dx },
        numbers,
        groups: rows,
      });
      gpu.run(layerNormWeightGradients, {
        inputs: { x, statistics, dy },
        outputs: { dWeight, dBias },
        numbers,
        groups: Math.ceil(width / COLUMNS_OF_GROUP),
      });
      return [dx, dWeight, dBias];
    },
  },
];

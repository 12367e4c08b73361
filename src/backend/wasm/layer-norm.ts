/** Layer normalisation and its gradients. */
import type * as tf from '@tensorflow/tfjs-core';
import type { WasmKernel } from '../wasm-kernels.ts';

interface Functions {
  layerNormForward(
    x: number,
    rows: number,
    width: number,
    weight: number,
    bias: number,
    epsilon: number,
    y: number,
  ): void;
  layerNormBackward(
    x: number,
    rows: number,
    width: number,
    weight: number,
    epsilon: number,
    dy: number,
    dx: number,
    dWeight: number,
    dBias: number,
  ): void;
}

export const layerNormKernels: readonly WasmKernel[] = [
  {
    name: 'SeqrecLayerNorm',
    run({ inputs, attrs }, wasm) {
      const { x, weight, bias } = inputs as { [name in 'x' | 'weight' | 'bias']: tf.TensorInfo };
      const { epsilon } = attrs as { epsilon: number };
      const [rows, width] = x.shape as [number, number];
      const y = wasm.output(x.shape);
      const { layerNormForward } = wasm.functions<Functions>();
      layerNormForward(
        wasm.address(x),
        rows,
        width,
        wasm.address(weight),
        wasm.address(bias),
        epsilon,
        wasm.address(y),
      );
      return y;
    },
  },
  {
    name: 'SeqrecLayerNormGradients',
    run({ inputs, attrs }, wasm) {
      const { x, weight, dy } = inputs as { [name in 'x' | 'weight' | 'dy']: tf.TensorInfo };
      const { epsilon } = attrs as { epsilon: number };
      const [rows, width] = x.shape as [number, number];
      const [dx, dWeight, dBias] = [wasm.output(x.shape), wasm.output([width]), wasm.output([width])];
      const { layerNormBackward } = wasm.functions<Functions>();
      layerNormBackward(
        wasm.address(x),
        rows,
        width,
        wasm.address(weight),
        epsilon,
        wasm.address(dy),
        wasm.address(dx),
        wasm.address(dWeight),
        wasm.address(dBias),
      );
      return [dx, dWeight, dBias];
    },
  },
];

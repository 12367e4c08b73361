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
    statistics: number,
  ): void;
  layerNormBackward(
    x: number,
    rows: number,
    width: number,
    weight: number,
    statistics: number,
    dy: number,
    dx: number,
    dWeight: number,
    dBias: number,
    scratch: number,
  ): void;
}

export const layerNormKernels: readonly WasmKernel[] = [
  {
    /** The result, and the means and deviations of the rows, for the gradients. */
    name: 'SeqrecLayerNorm',
    run({ inputs, attrs }, wasm) {
      const { x, weight, bias } = inputs as { [name in 'x' | 'weight' | 'bias']: tf.TensorInfo };
      const { epsilon } = attrs as { epsilon: number };
      const [rows, width] = x.shape as [number, number];
      const [y, statistics] = [wasm.output(x.shape), wasm.output([Math.ceil(rows / 4), 12])];
      const [from, to, by, plus] = [x, y, weight, bias].map(wasm.address) as [number, number, number, number];
      const { layerNormForward } = wasm.functions<Functions>();
      layerNormForward(from, rows, width, by, plus, epsilon, to, wasm.address(statistics));
      return [y, statistics];
    },
  },
  {
    name: 'SeqrecLayerNormGradients',
    run({ inputs }, wasm) {
      const { x, weight, statistics, dy } = inputs as {
        [name in 'x' | 'weight' | 'statistics' | 'dy']: tf.TensorInfo;
      };
      const [rows, width] = x.shape as [number, number];
      const [dx, dWeight, dBias] = [wasm.output(x.shape), wasm.output([width]), wasm.output([width])];
      const { layerNormBackward } = wasm.functions<Functions>();
      layerNormBackward(
        wasm.address(x),
        rows,
        width,
        wasm.address(weight),
        wasm.address(statistics),
        wasm.address(dy),
        wasm.address(dx),
        wasm.address(dWeight),
        wasm.address(dBias),
        wasm.scratch(8 * width),
      );
      return [dx, dWeight, dBias];
    },
  },
];

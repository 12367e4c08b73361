/** Activation functions. */
import type * as tf from '@tensorflow/tfjs-core';
import type { WasmKernel } from '../wasm-kernels.ts';

/** The functions that have kernels. */
export type ActivationName = 'gelu' | 'relu' | 'silu';

export type ActivationFunctions = {
  readonly [name in ActivationName]: (x: number, count: number, y: number) => void;
} & {
  readonly [name in `${ActivationName}Gradient`]: (x: number, dy: number, count: number, dx: number) => void;
};

export const activationKernels: readonly WasmKernel[] = [
  {
    name: 'SeqrecActivation',
    run({ inputs, attrs }, wasm) {
      const { x } = inputs as { x: tf.TensorInfo };
      const { name } = attrs as unknown as { name: ActivationName };
      const y = wasm.output(x.shape);
      wasm.functions<ActivationFunctions>()[name](wasm.address(x), sizeOf(x), wasm.address(y));
      return y;
    },
  },
  {
    name: 'SeqrecActivationGradient',
    run({ inputs, attrs }, wasm) {
      const { x, dy } = inputs as { x: tf.TensorInfo; dy: tf.TensorInfo };
      const { name } = attrs as unknown as { name: ActivationName };
      const dx = wasm.output(x.shape);
      const gradient = wasm.functions<ActivationFunctions>()[`${name}Gradient`];
      gradient(wasm.address(x), wasm.address(dy), sizeOf(x), wasm.address(dx));
      return dx;
    },
  },
];

function sizeOf({ shape }: tf.TensorInfo): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** GELU, whose error function is the slowest operation of tfjs-wasm. */
import type * as tf from '@tensorflow/tfjs-core';
import type { WasmKernel } from '../wasm-kernels.ts';

interface Functions {
  gelu(x: number, count: number, y: number): void;
  geluGradient(x: number, dy: number, count: number, dx: number): void;
}

export const geluKernels: readonly WasmKernel[] = [
  {
    name: 'SeqrecGelu',
    run({ inputs }, wasm) {
      const { x } = inputs as { x: tf.TensorInfo };
      const y = wasm.output(x.shape);
      wasm.functions<Functions>().gelu(wasm.address(x), sizeOf(x), wasm.address(y));
      return y;
    },
  },
  {
    name: 'SeqrecGeluGradient',
    run({ inputs }, wasm) {
      const { x, dy } = inputs as { x: tf.TensorInfo; dy: tf.TensorInfo };
      const dx = wasm.output(x.shape);
      wasm.functions<Functions>().geluGradient(wasm.address(x), wasm.address(dy), sizeOf(x), wasm.address(dx));
      return dx;
    },
  },
];

function sizeOf({ shape }: tf.TensorInfo): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** A sum that grows in place; it makes no output. */
import * as tf from '@tensorflow/tfjs-core';
import type { WasmKernel } from '../wasm-kernels.ts';

interface Functions {
  addTo(sum: number, x: number, count: number): void;
}

export const addToKernels: readonly WasmKernel[] = [
  {
    name: 'SeqrecAddTo',
    run({ inputs }, wasm) {
      const { sum, x } = inputs as Record<'sum' | 'x', tf.TensorInfo>;
      tf.util.assertShapesMatch(sum.shape, x.shape, 'A sum in place: ');
      wasm.functions<Functions>().addTo(wasm.address(sum), wasm.address(x), tf.util.sizeFromShape(x.shape));
      return [];
    },
  },
];

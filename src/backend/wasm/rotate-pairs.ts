/** Rotation of pairs of columns. */
import type * as tf from '@tensorflow/tfjs-core';
import type { WasmKernel } from '../wasm-kernels.ts';

interface Functions {
  rotatePairs(x: number, turns: number, rows: number, heads: number, width: number, sign: number, y: number): void;
}

export const rotatePairsKernels: readonly WasmKernel[] = [
  {
    name: 'SeqrecRotatePairs',
    run({ inputs, attrs }, wasm) {
      const { x, turns } = inputs as Record<'x' | 'turns', tf.TensorInfo>;
      const { heads, sign } = attrs as unknown as { heads: number; sign: 1 | -1 };
      const [rows, width] = turns.shape as [number, number];
      const y = wasm.output(x.shape);
      const { rotatePairs } = wasm.functions<Functions>();
      rotatePairs(wasm.address(x), wasm.address(turns), rows, heads, width, sign, wasm.address(y));
      return y;
    },
  },
];

/** What an optimizer does to every parameter at every step. */
import type * as tf from '@tensorflow/tfjs-core';
import type { WasmKernel } from '../wasm-kernels.ts';
import type { MatMulFunctions } from './mat-mul.ts';

interface Functions {
  adam(
    value: number,
    gradient: number,
    m: number,
    v: number,
    max: number,
    newValue: number,
    newM: number,
    newV: number,
    newMax: number,
    count: number,
    rate: number,
    beta1: number,
    rest1: number,
    beta2: number,
    rest2: number,
    epsilon: number,
    l2: number,
    shrink: number,
  ): void;
  sumOfSquares(x: number, count: number, sum: number): void;
}

export const optimizerKernels: readonly WasmKernel[] = [
  {
    /** New tensors instead of an update in place: an application may hold a tensor that shares the memory. */
    name: 'SeqrecAdam',
    run({ inputs, attrs }, wasm) {
      const { value, gradient, m, v, max } = inputs as Record<'value' | 'gradient' | 'm' | 'v', tf.TensorInfo> & {
        max?: tf.TensorInfo;
      };
      const { rate, beta1, beta2, epsilon, l2, shrink } = attrs as Record<
        'rate' | 'beta1' | 'beta2' | 'epsilon' | 'l2' | 'shrink',
        number
      >;
      const outputs = [value, m, v, ...(max ? [max] : [])].map(({ shape }) => wasm.output(shape));
      const [w, g, mean, square] = [value, gradient, m, v].map(wasm.address) as [number, number, number, number];
      const [newValue, newM, newV, newMax = 0] = outputs.map(wasm.address) as [number, number, number, number?];
      const count = value.shape.reduce((product, length) => product * length, 1);
      const { adam } = wasm.functions<Functions>();
      // biome-ignore format: settings below tensors
      adam(w, g, mean, square, max ? wasm.address(max) : 0, newValue, newM, newV, newMax, count,
        rate, beta1, 1 - beta1, beta2, 1 - beta2, epsilon, l2, shrink);
      return outputs;
    },
  },
  {
    /** Of all tensors together. */
    name: 'SeqrecSumOfSquares',
    run({ inputs }, wasm) {
      const tensors = Object.values(inputs as Readonly<Record<string, tf.TensorInfo>>);
      const sum = wasm.output([]);
      const scratch = wasm.scratch(4 * tensors.length);
      const { sumOfSquares, columnSums } = wasm.functions<Functions & MatMulFunctions>();
      for (const [i, x] of tensors.entries()) {
        const count = x.shape.reduce((product, length) => product * length, 1);
        sumOfSquares(wasm.address(x), count, scratch + 4 * i);
      }
      columnSums(scratch, tensors.length, 1, wasm.address(sum));
      return sum;
    },
  },
];

/** The affine map of rows followed by an activation, and its gradients. */
import type * as tf from '@tensorflow/tfjs-core';
import type { WasmKernel } from '../wasm-kernels.ts';
import type { ActivationFunctions, ActivationName } from './activations.ts';
import type { MatMulFunctions } from './mat-mul.ts';

type Functions = MatMulFunctions & ActivationFunctions;

interface Attributes {
  readonly activation?: ActivationName;
  readonly hasBias: boolean;
}

export const linearKernels: readonly WasmKernel[] = [
  {
    /** The result, and what the activation was applied to unless its gradient can do with the result. */
    name: 'SeqrecLinear',
    run({ inputs, attrs }, wasm) {
      const { x, weight, bias } = inputs as { x: tf.TensorInfo; weight: tf.TensorInfo; bias?: tf.TensorInfo };
      const { activation } = attrs as unknown as Attributes;
      const [rows, from, to] = sizes(x, weight);
      const outputs = [wasm.output([rows, to])];
      if (activation && activation !== 'relu') outputs.push(wasm.output([rows, to]));
      const functions = wasm.functions<Functions>();
      const { matMul } = functions;
      const scratch = wasm.scratch(functions.matMulScratch(to, from));
      const [y, before = y] = outputs.map(wasm.address) as [number, number?];
      const [a, b, plus] = [wasm.address(x), wasm.address(weight), bias ? wasm.address(bias) : 0];
      matMul(rows, to, from, a, 4 * from, 4, b, 4, 4 * from, plus, before, scratch);
      if (activation) functions[activation](before, rows * to, y);
      return outputs;
    },
  },
  {
    /** By x, the weight and, if there is one, the bias. */
    name: 'SeqrecLinearGradients',
    run({ inputs, attrs }, wasm) {
      const { dy, x, weight, kept } = inputs as {
        readonly [name in 'dy' | 'x' | 'weight']: tf.TensorInfo;
      } & { kept?: tf.TensorInfo };
      const { activation, hasBias } = attrs as unknown as Attributes;
      const [rows, from, to] = sizes(x, weight);
      const outputs = [x.shape, weight.shape, ...(hasBias ? [[to]] : [])].map((shape) => wasm.output(shape));
      const functions = wasm.functions<Functions>();
      const { matMul } = functions;
      const forProducts = Math.max(functions.matMulScratch(from, to), functions.matMulScratch(from, rows));
      const scratch = wasm.scratch(forProducts + (activation ? 4 * rows * to : 0));
      let upstream = wasm.address(dy);
      if (activation) {
        const before = scratch + forProducts;
        functions[`${activation}Gradient`](wasm.address(kept as tf.TensorInfo), upstream, rows * to, before);
        upstream = before;
      }
      const [dx, dWeight, dBias] = outputs.map(wasm.address) as [number, number, number?];
      const [a, b] = [wasm.address(x), wasm.address(weight)];
      matMul(rows, from, to, upstream, 4 * to, 4, b, 4 * from, 4, 0, dx, scratch);
      matMul(to, from, rows, upstream, 4, 4 * to, a, 4 * from, 4, 0, dWeight, scratch);
      if (dBias !== undefined) functions.columnSums(upstream, rows, to, dBias);
      return outputs;
    },
  },
];

function sizes(x: tf.TensorInfo, weight: tf.TensorInfo): [rows: number, from: number, to: number] {
  return [x.shape[0] as number, x.shape[1] as number, weight.shape[0] as number];
}

/** Weighted sums over the edges of a graph. */
import type * as tf from '@tensorflow/tfjs-core';
import type { WasmKernel } from '../wasm-kernels.ts';

interface Functions {
  neighborSums(
    x: number,
    from: number,
    to: number,
    weights: number,
    edges: number,
    width: number,
    stride: number,
    y: number,
  ): void;
  clear(address: number, bytes: number): void;
}

export const neighborSumsKernels: readonly WasmKernel[] = [
  {
    /** Inputs: x, and from0, to0, weights0, from1 … for each of the relations, which share the columns evenly. */
    name: 'SeqrecNeighborSums',
    run({ inputs, attrs }, wasm) {
      const tensors = inputs as { readonly [name: string]: tf.TensorInfo } & { readonly x: tf.TensorInfo };
      const { relations } = attrs as { relations: number };
      const [rows, columns] = tensors.x.shape as [number, number];
      const y = wasm.output([rows, columns]);
      const { neighborSums, clear } = wasm.functions<Functions>();
      const [source, target] = [wasm.address(tensors.x), wasm.address(y)];
      clear(target, 4 * rows * columns);
      const width = columns / relations;
      for (let r = 0; r < relations; r++) {
        const of = (name: string) => tensors[`${name}${r}`] as tf.TensorInfo;
        const [from, to, weights] = [wasm.indices(of('from')), wasm.indices(of('to')), wasm.address(of('weights'))];
        const edges = of('from').shape[0] as number;
        const first = 4 * r * width;
        neighborSums(source + first, from, to, weights, edges, width, 4 * columns, target + first);
      }
      return y;
    },
  },
];

/** Dropout, with the masks of `dropoutMask` made on the way. */
import type * as tf from '@tensorflow/tfjs-core';
import type { WasmKernel } from '../wasm-kernels.ts';

interface Functions {
  dropout(
    x: number,
    rows: number,
    columns: number,
    sequences: number,
    positions: number,
    firstSequence: number,
    low: number,
    high: number,
    threshold: number,
    scale: number,
    y: number,
    scratch: number,
  ): void;
  clear(address: number, bytes: number): void;
}

/** What a call of dropout needs besides its tensors. */
interface Attributes {
  /** Rows after these become 0. */
  readonly rows: number;
  readonly firstSequence: number;
  readonly key: readonly [low: number, high: number];
  readonly threshold: number;
  readonly scale: number;
}

export const dropoutKernels: readonly WasmKernel[] = [
  {
    name: 'SeqrecDropout',
    run({ inputs, attrs }, wasm) {
      const { x, sequences, positions } = inputs as {
        x: tf.TensorInfo;
        sequences?: tf.TensorInfo;
        positions?: tf.TensorInfo;
      };
      const { rows, firstSequence, key, threshold, scale } = attrs as unknown as Attributes;
      const [capacity, columns] = x.shape as [number, number];
      const y = wasm.output(x.shape);
      const scratch = wasm.scratch(4 * (columns + 16));
      const { dropout, clear } = wasm.functions<Functions>();
      const [from, to] = [wasm.address(x), wasm.address(y)];
      const ofSequences = sequences ? wasm.indices(sequences) : 0;
      const ofPositions = positions ? wasm.indices(positions) : 0;
      const [low, high] = key;
      dropout(from, rows, columns, ofSequences, ofPositions, firstSequence, low, high, threshold, scale, to, scratch);
      clear(to + 4 * rows * columns, 4 * (capacity - rows) * columns);
      return y;
    },
  },
];

/** Rows of length 1 and their gradient, and shares over the rows of a sequence. */
import type * as tf from '@tensorflow/tfjs-core';
import type { WasmKernel } from '../wasm-kernels.ts';

interface Functions {
  normalizeRows(x: number, rows: number, width: number, elu: number, y: number, lengths: number): void;
  normalizeRowsGradient(
    y: number,
    lengths: number,
    dy: number,
    rows: number,
    width: number,
    elu: number,
    dx: number,
  ): void;
  softmaxOverTime(x: number, offsets: number, count: number, columns: number, y: number): void;
  clear(address: number, bytes: number): void;
}

export const normalizeKernels: readonly WasmKernel[] = [
  {
    /** The result and the lengths, of the rows or of their ELUs. */
    name: 'SeqrecNormalizeRows',
    run({ inputs, attrs }, wasm) {
      const { x } = inputs as { x: tf.TensorInfo };
      const { elu } = attrs as { elu: boolean };
      const [rows, width] = x.shape as [number, number];
      const [y, lengths] = [wasm.output(x.shape), wasm.output([rows, 1])];
      const [from, to, aside] = [x, y, lengths].map(wasm.address) as [number, number, number];
      wasm.functions<Functions>().normalizeRows(from, rows, width, Number(elu), to, aside);
      return [y, lengths];
    },
  },
  {
    name: 'SeqrecNormalizeRowsGradient',
    run({ inputs, attrs }, wasm) {
      const { y, lengths, dy } = inputs as { [name in 'y' | 'lengths' | 'dy']: tf.TensorInfo };
      const { elu } = attrs as { elu: boolean };
      const [rows, width] = y.shape as [number, number];
      const dx = wasm.output(y.shape);
      const [values, by, up, to] = [y, lengths, dy, dx].map(wasm.address) as [number, number, number, number];
      wasm.functions<Functions>().normalizeRowsGradient(values, by, up, rows, width, Number(elu), to);
      return dx;
    },
  },
  {
    /** For at least four columns. */
    name: 'SeqrecSoftmaxOverTime',
    run({ inputs, attrs }, wasm) {
      const { x, offsets } = inputs as { x: tf.TensorInfo; offsets: tf.TensorInfo };
      const { rows } = attrs as { rows: number };
      const [capacity, columns] = x.shape as [number, number];
      const y = wasm.output(x.shape);
      const [from, to] = [wasm.address(x), wasm.address(y)];
      const { softmaxOverTime, clear } = wasm.functions<Functions>();
      softmaxOverTime(from, wasm.indices(offsets), (offsets.shape[0] as number) - 1, columns, to);
      clear(to + 4 * rows * columns, 4 * (capacity - rows) * columns);
      return y;
    },
  },
];

/** Rows of a table by their number. */
import type * as tf from '@tensorflow/tfjs-core';
import type { WasmKernel } from '../wasm-kernels.ts';

interface Functions {
  takeRows(
    table: number,
    tableRows: number,
    width: number,
    rows: number,
    count: number,
    scale: number,
    plus: number,
    y: number,
  ): number;
  sumRows(x: number, rows: number, count: number, width: number, sums: number, sumCount: number): void;
}

export const rowsKernels: readonly WasmKernel[] = [
  {
    /** scale · table[rows] + plus */
    name: 'SeqrecTakeRows',
    run({ inputs, attrs, backend }, wasm) {
      const { table, rows, plus } = inputs as { table: tf.TensorInfo; rows: tf.TensorInfo; plus?: tf.TensorInfo };
      const { scale } = attrs as { scale: number };
      const [tableRows, width] = table.shape as [number, number];
      const count = rows.shape[0] as number;
      const y = wasm.output([count, width]);
      const [from, to, added] = [wasm.address(table), wasm.address(y), plus ? wasm.address(plus) : 0];
      const { takeRows } = wasm.functions<Functions>();
      const bad = takeRows(from, tableRows, width, wasm.indices(rows), count, scale, added, to);
      if (bad >= 0) {
        (backend as tf.KernelBackend).disposeData(y.dataId);
        throw new RangeError(
          `A lookup in ${tableRows} rows takes rows from 0 to ${tableRows - 1}, got another at index ${bad}.`,
        );
      }
      return y;
    },
  },
  {
    /** The sum of the rows of each segment. */
    name: 'SeqrecSumRows',
    run({ inputs, attrs }, wasm) {
      const { x, rows } = inputs as { x: tf.TensorInfo; rows: tf.TensorInfo };
      const { count } = attrs as { count: number };
      const [length, width] = x.shape as [number, number];
      const sums = wasm.output([count, width]);
      const [from, to] = [wasm.address(x), wasm.address(sums)];
      wasm.functions<Functions>().sumRows(from, wasm.indices(rows), length, width, to, count);
      return sums;
    },
  },
];

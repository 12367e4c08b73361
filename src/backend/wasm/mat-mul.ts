/** Matrix products with either operand transposed, and sums of columns. */
import type * as tf from '@tensorflow/tfjs-core';
import type { WasmKernel } from '../wasm-kernels.ts';

export interface MatMulFunctions {
  matMulScratch(n: number, k: number): number;
  matMul(
    m: number,
    n: number,
    k: number,
    a: number,
    aRow: number,
    aColumn: number,
    b: number,
    bRow: number,
    bColumn: number,
    bias: number,
    c: number,
    scratch: number,
  ): void;
  columnSums(x: number, rows: number, columns: number, sums: number): void;
}

interface Batched {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly outer: readonly number[];
}

export const matMulKernels: readonly WasmKernel[] = [
  {
    name: 'SeqrecMatMul',
    run({ inputs, attrs }, wasm) {
      const { a, b, bias } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo; bias?: tf.TensorInfo };
      const { transposeA, transposeB } = attrs as { transposeA?: boolean; transposeB?: boolean };
      const left = matrix(a, transposeA);
      const right = matrix(b, transposeB);
      const [m, n, k] = [left.rows, right.columns, left.columns];
      const { matMul, matMulScratch } = wasm.functions<MatMulFunctions>();
      const out = wasm.output([m, n]);
      const scratch = wasm.scratch(matMulScratch(n, k));
      const [from, by, plus] = [wasm.address(a), wasm.address(b), bias ? wasm.address(bias) : 0];
      const to = wasm.address(out);
      matMul(m, n, k, from, left.row, left.column, by, right.row, right.column, plus, to, scratch);
      return out;
    },
  },
  {
    /** A product for each matrix of the axes `outer`; an operand with a single matrix serves all of them. */
    name: 'SeqrecBatchMatMul',
    run({ inputs, attrs }, wasm) {
      const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
      const { transposeA, transposeB, outer } = attrs as unknown as Batched;
      const [left, right] = [matrix(a, transposeA), matrix(b, transposeB)];
      const [m, n, k] = [left.rows, right.columns, left.columns];
      const [countA, countB] = [a, b].map(({ shape }) => sizeOf(shape.slice(0, -2))) as [number, number];
      const { matMul, matMulScratch } = wasm.functions<MatMulFunctions>();
      const out = wasm.output([...outer, m, n]);
      const scratch = wasm.scratch(matMulScratch(n, k));
      const [from, by, to] = [a, b, out].map(wasm.address) as [number, number, number];
      for (let i = 0; i < sizeOf(outer); i++) {
        const [x, y] = [from + (countA === 1 ? 0 : 4 * i * m * k), by + (countB === 1 ? 0 : 4 * i * k * n)];
        matMul(m, n, k, x, left.row, left.column, y, right.row, right.column, 0, to + 4 * i * m * n, scratch);
      }
      return out;
    },
  },
  {
    name: 'SeqrecColumnSums',
    run({ inputs }, wasm) {
      const { x } = inputs as { x: tf.TensorInfo };
      const [rows, columns] = x.shape as [number, number];
      const out = wasm.output([columns]);
      wasm.functions<MatMulFunctions>().columnSums(wasm.address(x), rows, columns, wasm.address(out));
      return out;
    },
  },
];

/** The size of a matrix, transposed or not, and the bytes from one row and one column to the next. */
function matrix({ shape }: tf.TensorInfo, transposed = false) {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return transposed
    ? { rows: columns, columns: rows, row: 4, column: 4 * columns }
    : { rows, columns, row: 4 * columns, column: 4 };
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Matrix products with either operand transposed and what follows them, and sums of columns. */
import type * as tf from '@tensorflow/tfjs-core';
import { columnSums, product, SUMMED_COLUMNS, sumSlices, TILES } from '../../kernels/webgpu/mat-mul.ts';
import type { Gpu } from './gpu.ts';
import { groupsFor, type WebgpuKernel } from './kernel.ts';

/** c = activation(scale · a × b + biasScale · bias), where a and b may be transposed. */
export interface Product {
  readonly a: tf.TensorInfo;
  readonly b: tf.TensorInfo;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly bias?: tf.TensorInfo | undefined;
  readonly scale?: number;
  readonly biasScale?: number;
  /** As programs number it. */
  readonly activation?: number | undefined;
  /** Where to leave what the activation is applied to. */
  readonly before?: tf.TensorInfo | undefined;
  /** The result, if it is not to be a new tensor. */
  readonly c?: tf.TensorInfo;
  /** Adds to `c`. */
  readonly adds?: boolean;
  /** The rows of a (transposed or not) that take part, if not all: the first one and their number. */
  readonly of?: readonly [first: number, rows: number];
  /** The first row of b that takes part. */
  readonly bFirst?: number;
  /** The first row of `c` that is written. */
  readonly cFirst?: number;
}

/** The depth of a slice: where few tiles would each take long over it, the sum of a weight's gradient is cut. */
const SLICE = 512;
/** Tiles that keep a GPU busy. */
const BUSY = 32;

export function multiply(gpu: Gpu, { a, b, transposeA = false, transposeB = false, ...rest }: Product): tf.TensorInfo {
  const { bias, scale = 1, biasScale = 1, activation = 0, before, adds = false, bFirst = 0, cFirst = 0 } = rest;
  const [height, width] = a.shape as [number, number];
  const [bHeight, bWidth] = b.shape as [number, number];
  const [first, taken] = rest.of ?? [0, transposeA ? width : height];
  const [rows, depth] = [taken, transposeA ? height : width];
  const columns = transposeB ? bHeight : bWidth;
  const c = rest.c ?? gpu.output([rows, columns]);
  const tiles = (side: number) => Math.ceil(rows / side) * Math.ceil(columns / side);
  const cut = transposeA && !bias && depth >= 2 * SLICE && tiles(TILES.large) < BUSY;
  const slices = cut ? Math.ceil(depth / SLICE) : 1;
  const size = tiles(TILES.large) * slices >= BUSY ? 'large' : 'small';
  const to = slices > 1 ? gpu.output([slices, rows, columns]) : c;
  gpu.run(product[size], {
    inputs: { a, b, bias },
    outputs: { c: to, before },
    numbers: {
      rows,
      columns,
      depth,
      aRow: transposeA ? 1 : width,
      aColumn: transposeA ? width : 1,
      bRow: transposeB ? 1 : bWidth,
      bColumn: transposeB ? bWidth : 1,
      aFirst: first * (transposeA ? 1 : width),
      bFirst: bFirst * bWidth,
      cFirst: slices > 1 ? 0 : cFirst * columns,
      slices,
      sliceDepth: slices > 1 ? SLICE : Math.max(1, depth),
      scale,
      biasScale,
    },
    constants: {
      transposeA,
      transposeB,
      hasBias: bias !== undefined,
      activation,
      keeps: before !== undefined,
      adds: adds && slices === 1,
    },
    groups: tiles(TILES[size]) * slices,
  });
  if (slices === 1) return c;
  gpu.run(sumSlices, {
    inputs: { slices: to },
    outputs: { c },
    numbers: { size: rows * columns, count: slices },
    constants: { adds },
    groups: groupsFor(rows * columns),
  });
  gpu.dispose(to);
  return c;
}

/** The sums of the columns of `x` in `sums`, or added to it. */
export function sumColumns(
  gpu: Gpu,
  x: tf.TensorInfo,
  sums = gpu.output([x.shape[1] as number]),
  adds = false,
): tf.TensorInfo {
  const [rows, columns] = x.shape as [number, number];
  gpu.run(columnSums, {
    inputs: { x },
    outputs: { sums },
    numbers: { rows, columns },
    constants: { adds },
    groups: Math.ceil(columns / SUMMED_COLUMNS),
  });
  return sums;
}

export const matMulKernels: readonly WebgpuKernel[] = [
  {
    name: 'SeqrecMatMul',
    run({ inputs, attrs }, gpu) {
      const { a, b, bias } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo; bias?: tf.TensorInfo };
      const { transposeA = false, transposeB = false } = attrs as { transposeA?: boolean; transposeB?: boolean };
      return multiply(gpu, { a, b, transposeA, transposeB, bias });
    },
  },
  {
    name: 'SeqrecColumnSums',
    run: ({ inputs }, gpu) => sumColumns(gpu, (inputs as { x: tf.TensorInfo }).x),
  },
];

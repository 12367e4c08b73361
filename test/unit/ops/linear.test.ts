import * as tf from '@tensorflow/tfjs-core';
import { gelu, leakyRelu, linear, product, relu, silu, tanh } from 'seqrec';
import { expect, test } from 'vitest';
import { type MultiplyOptions, multiply } from '../../../src/ops/product.ts';
import * as scalars from '../../reference/activations.ts';
import * as reference from '../../reference/linear.ts';
import { checkOp, expectClose, normals, onEachBackend, tensor, type Values } from './check.ts';

onEachBackend(() => {
  test.each([
    [1, 1, 1],
    [5, 3, 7],
    [2, 9, 4],
    [33, 2, 1],
    [1, 20, 40],
    [6, 4, 8],
    [13, 6, 17],
  ])('product and linear of %i rows, %i to %i columns', async (n, k, m) => {
    const [a, b] = [normals([n, k], 1), normals([k, m], 2)];
    await checkOp([a, b], product, (a, b) => reference.product(a, b, [n, k, m]));
    const [weight, bias] = [normals([m, k], 3), normals([m], 4)];
    await checkOp([a, weight, bias], linear, (x, w, b) => reference.linear(x, w, b, k));
    await checkOp([a, weight], linear, (x, w) => reference.linear(x, w, undefined, k));
  });

  test.each([
    [0, 3, 2],
    [1, 1, 1],
    [7, 5, 9],
    [13, 9, 12],
  ])('linear with an activation of %i rows, %i to %i columns', async (n, k, m) => {
    const values = [normals([n, k], 1), normals([m, k], 3), normals([m], 4)];
    const tolerance = { absolute: 2e-5, relative: 1e-4 };
    for (const [activation, scalar] of [
      [relu, scalars.relu],
      [gelu, scalars.gelu],
      [silu, scalars.silu],
      [tanh, scalars.tanh],
      [leakyRelu(), scalars.leakyRelu(0.01)],
    ] as const) {
      const op = (x: tf.Tensor2D, w: tf.Tensor2D, b?: tf.Tensor1D) => linear(x, w, b, activation);
      const expected = (x: Float64Array, w: Float64Array, b?: Float64Array) => reference.linear(x, w, b, k).map(scalar);
      await checkOp(values, op, (x, w, b) => expected(x as Float64Array, w as Float64Array, b), tolerance);
      await checkOp(
        values.slice(0, 2),
        (x, w) => op(x, w),
        (x, w) => expected(x as Float64Array, w as Float64Array),
        tolerance,
      );
    }
  });

  // Sizes around those of a tile (6 x 8), of four terms at a time, and of the blocks of the WebAssembly kernel (512, 1024).
  test.each([
    [6, 8, 4],
    [1, 1, 513],
    [5, 7, 3],
    [12, 17, 1027],
    [7, 1030, 9],
    [64, 24, 6],
    [0, 3, 2],
    [2, 3, 0],
  ])('multiply gives [%i, %i] from sums of %i terms, however the operands lie', async (n, m, k) => {
    const [a, b, bias] = [normals([n, k], 1), normals([k, m], 2), normals([m], 3)];
    const expected = reference.product(Float64Array.from(a.data), Float64Array.from(b.data), [n, k, m]);
    const shifted = expected.map((value, i) => value + (bias.data[i % m] as number));
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        const left = transposeA ? transposed(a) : a;
        const right = transposeB ? transposed(b) : b;
        const run = (options: MultiplyOptions) =>
          multiply(tensor(left), tensor(right), { transposeA, transposeB, ...options });
        const plain = run({});
        expect(plain.shape).toEqual([n, m]);
        const data = await plain.data();
        expectClose(data, expected, 'value', { absolute: 1e-4 });
        expect(await run({}).data()).toEqual(data);
        const added = await run({ bias: tensor<tf.Tensor1D>(bias) }).data();
        expectClose(added, shifted, 'with a bias', { absolute: 1e-4 });
      }
    }
  });

  test('a row gives the same bits alone and among others', async () => {
    const [x, w, bias] = [tensor(normals([9, 600], 1)), tensor(normals([21, 600], 2)), tensor(normals([21], 3))];
    const all = await linear(x, w, bias).array();
    for (const [row, values] of all.entries()) {
      expect(await linear(tf.slice(x, [row, 0], [1, -1]), w, bias).array()).toEqual([values]);
    }
  });

  test('names the shapes that do not fit', () => {
    const [x, weight] = [tensor(normals([2, 3])), tensor(normals([4, 5]))];
    expect(() => linear(x, weight)).toThrow('The weight of linear must have the shape [any, 3], got [4, 5].');
    expect(() => product(x, weight)).toThrow('A product of 3 columns with 4 rows is not defined.');
    expect(() => linear(x, tensor(normals([4, 3])), tensor(normals([3, 1])))).toThrow(
      'The bias of linear must have the shape [4], got [3, 1].',
    );
  });
});

function transposed({ shape, data }: Values): Values {
  const [rows, columns] = shape as [number, number];
  const value = (_: number, i: number) => data[(i % rows) * columns + Math.floor(i / rows)] as number;
  return { shape: [columns, rows], data: data.map(value) };
}

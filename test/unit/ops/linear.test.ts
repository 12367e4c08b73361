import { expect, test } from 'vitest';
import { linear } from '../../../src/ops/linear.ts';
import { product, transposedProduct } from '../../../src/ops/product.ts';
import * as reference from '../../reference/linear.ts';
import { checkOp, expectClose, normals, onEachBackend, tensor } from './check.ts';

onEachBackend(() => {
  test.each([
    [1, 1, 1],
    [5, 3, 7],
    [2, 9, 4],
    [33, 2, 1],
  ])('product and linear of %i rows, %i to %i columns', async (n, k, m) => {
    const [a, b] = [normals([n, k], 1), normals([k, m], 2)];
    await checkOp([a, b], product, (a, b) => reference.product(a, b, [n, k, m]));
    const [weight, bias] = [normals([m, k], 3), normals([m], 4)];
    await checkOp([a, weight, bias], linear, (x, w, b) => reference.linear(x, w, b, k));
    await checkOp([a, weight], linear, (x, w) => reference.linear(x, w, undefined, k));
  });

  test.each([
    [3, 2, 50],
    [3, 50, 2],
  ])('transposedProduct transposes either operand: %i rows of %i and %i', async (n, k, m) => {
    const [a, b] = [normals([n, k], 1), normals([n, m], 2)];
    const transposed = new Float64Array(n * k).map((_, i) => a.data[(i % n) * k + Math.floor(i / n)] as number);
    const expected = reference.product(transposed, Float64Array.from(b.data), [k, n, m]);
    const out = transposedProduct(tensor(a), tensor(b));
    expect(out.shape).toEqual([k, m]);
    expectClose(await out.data(), expected, 'value');
  });

  test('names the shapes that do not fit', () => {
    const [x, weight] = [tensor(normals([2, 3])), tensor(normals([4, 5]))];
    expect(() => linear(x, weight)).toThrow('The weight of linear must have the shape [any, 3], got [4, 5].');
    expect(() => linear(x, tensor(normals([4, 3])), tensor(normals([3, 1])))).toThrow(
      'The bias of linear must have the shape [4], got [3, 1].',
    );
  });
});

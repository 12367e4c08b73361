import * as tf from '@tensorflow/tfjs-core';
import { layerNorm } from 'seqrec';
import { expect, test } from 'vitest';
import * as reference from '../../reference/layer-norm.ts';
import { checkOp, expectClose, normals, onEachBackend, tensor } from './check.ts';

onEachBackend(() => {
  test.each([
    [0, 5],
    [1, 2],
    [2, 3],
    [4, 7],
    [9, 50],
    [3, 64],
  ])('%i rows of %i', async (rows, width) => {
    for (const epsilon of [1e-5, 1e-12]) {
      await checkOp(
        [normals([rows, width], 1, 2), normals([width], 2), normals([width], 3)],
        (x, w, b) => layerNorm(x, w, b, epsilon),
        (x, w, b) => reference.layerNorm(x as Float64Array, w as Float64Array, b as Float64Array, epsilon),
      );
    }
  });

  test.each([16, 50])('constant rows give the bias, whatever epsilon (width %i)', async (width) => {
    const x = tf.fill([3, width], 0.1) as tf.Tensor2D;
    const bias = normals([width], 3);
    const y = layerNorm(x, tensor(normals([width], 2)), tensor(bias), 1e-12);
    expectClose(await y.data(), [...bias.data, ...bias.data, ...bias.data], 'value', { absolute: 1e-6 });
  });

  test('rows of tiny and of huge variance, far from 0', async () => {
    const width = 50;
    const x = normals([4, width], 1);
    [1e-5, 1e-3, 1, 1000].forEach((scale, row) => {
      for (let j = row * width; j < (row + 1) * width; j++) x.data[j] = (x.data[j] as number) * scale;
    });
    for (const epsilon of [1e-12, 1e-8, 1e-5]) {
      const [w, b] = [normals([width], 2), normals([width], 3)];
      const y = layerNorm(tensor(x), tensor(w), tensor(b), epsilon);
      const [xs, ws, bs] = [x, w, b].map(({ data }) => Float64Array.from(data));
      const expected = reference.layerNorm(xs as Float64Array, ws as Float64Array, bs as Float64Array, epsilon);
      expectClose(await y.data(), expected, `epsilon ${epsilon}`);
    }
  });

  test('names the shapes that do not fit', () => {
    const [x, four] = [tensor(normals([2, 3])), tensor(normals([4]))];
    expect(() => layerNorm(x, four, four)).toThrow('The weight of layerNorm must have the shape [3], got [4].');
  });
});

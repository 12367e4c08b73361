import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { normalizeRows } from '../../../src/ops/normalize-rows.ts';
import * as reference from '../../reference/normalize-rows.ts';
import { checkOp, normals, onEachBackend } from './check.ts';

onEachBackend(() => {
  test.each([
    [0, 3],
    [1, 1],
    [2, 3],
    [9, 50],
  ])('%i rows of %i', async (rows, width) => {
    await checkOp(
      [normals([rows, width], 1)],
      (x) => normalizeRows(x),
      (x) => reference.normalizeRows(x as Float64Array, width),
    );
  });

  test('a row of zeros stays, and so does its gradient', async () => {
    const [y, dx] = tf.tidy(() => {
      const { value, grad } = tf.valueAndGrad((x) => normalizeRows(x as tf.Tensor2D))(
        tf.zeros([1, 3]),
        tf.zeros([1, 3]),
      );
      return [value, grad];
    });
    expect([...(await y.data()), ...(await dx.data())]).toEqual([0, 0, 0, 0, 0, 0]);
    tf.dispose([y, dx]);
  });
});

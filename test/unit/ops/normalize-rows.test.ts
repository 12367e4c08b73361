import * as tf from '@tensorflow/tfjs-core';
import { normalizeElus, normalizeRows } from 'seqrec';
import { expect, test } from 'vitest';
import * as reference from '../../reference/normalize-rows.ts';
import { checkOp, expectClose, normals, onEachBackend } from './check.ts';

const elu = (x: Float64Array) => x.map((value) => (value > 0 ? value : Math.expm1(value)));

onEachBackend((backend) => {
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

  test.each([
    [0, 3],
    [1, 1],
    [4, 7],
    [3, 32],
  ])('ELUs of %i rows of %i', async (rows, width) => {
    await checkOp(
      [normals([rows, width], 2)],
      (x) => normalizeElus(x),
      (x) => reference.normalizeRows(elu(x as Float64Array), width),
    );
  });

  test('small, large and zero values have their ELUs', async () => {
    const values = [0, -1e-7, -0.1, -0.33, -0.35, -1, -20, -200, 1e-7, 3];
    const [y] = tf.tidy(() => [normalizeElus(tf.tensor2d(values, [1, 10]))]);
    expectClose(await y.data(), reference.normalizeRows(elu(Float64Array.from(values)), 10), 'value', {
      // expm1 of tfjs-webgpu is e^x - 1.
      absolute: backend === 'webgpu' ? 1e-7 : 1e-14,
      relative: 2e-6,
    });
    y.dispose();
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

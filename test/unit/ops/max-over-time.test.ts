import * as tf from '@tensorflow/tfjs-core';
import { maxOverTime } from 'seqrec';
import { expect, test } from 'vitest';
import { checkOp, normals, onEachBackend, tensor } from './check.ts';

onEachBackend(() => {
  test.each([
    // windows, times, columns
    [3, 4, 5],
    [7, 2, 1],
    [2, 9, 16],
  ] as const)('%i windows of %i rows, %i columns', async (count, times, columns) => {
    await checkOp(
      [normals([count * times, columns])],
      (x) => maxOverTime(x, times),
      (x) => {
        const out = new Float64Array(count * columns).fill(-Infinity);
        x?.forEach((value, i) => {
          const place = Math.floor(i / (times * columns)) * columns + (i % columns);
          out[place] = Math.max(out[place] as number, value);
        });
        return out;
      },
    );
  });

  test('equal rows share the gradient', async () => {
    const x = tensor({ shape: [3, 2], data: Float32Array.of(1, 5, 1, 4, 0, 5) });
    const gradient = tf.tidy(() => tf.grad((x) => maxOverTime(x as tf.Tensor2D, 3))(x, tf.tensor2d([[6, 8]])));
    expect([...(await gradient.data())]).toEqual([3, 4, 3, 0, 0, 4]);
    tf.dispose([x, gradient]);
  });

  test('says what does not fit', () => {
    const x = tensor(normals([4, 2]));
    expect(maxOverTime(x, 1)).toBe(x);
    expect(() => maxOverTime(x, 3)).toThrow('The rows of maxOverTime (4) must be a multiple of times (3).');
    expect(() => maxOverTime(x, 0)).toThrow('maxOverTime: times must be an integer at least 1, got 0.');
    x.dispose();
  });
});

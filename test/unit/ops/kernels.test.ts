/** Our kernels in place of tfjs' own: the same numbers. */
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { registerKernels } from '../../../src/backend/kernels.ts';
import { Rng } from '../../../src/core/rng.ts';
import { expectNoLeak, normals, onEachBackend, tensor } from './check.ts';

onEachBackend((backend) => {
  test('unsortedSegmentSum gives the numbers of the built-in kernel', async () => {
    const rng = new Rng(4);
    for (const shape of [[40], [40, 3], [9, 2, 5], [1, 4], [5, 0]]) {
      const ids = new Int32Array(shape[0] as number).map((_, i) => rng.int(i, 9) - 1); // -1 … 7 of 0 … 5
      const x = normals(shape, 3, 1e3);
      const y = tf.unsortedSegmentSum(tensor<tf.Tensor>(x), tf.tensor1d(ids, 'int32'), 6);
      expect(y.shape).toEqual([6, ...shape.slice(1)]);
      expect(y.dtype).toBe('float32');
      const width = x.data.length / ids.length;
      const sums = new Float64Array(6 * width);
      ids.forEach((id, row) => {
        if (id < 0 || id > 5) return;
        for (let j = 0; j < width; j++) {
          sums[id * width + j] = (sums[id * width + j] as number) + (x.data[row * width + j] as number);
        }
      });
      expect([...(await y.data())]).toEqual([...Float32Array.from(sums)]);
    }
  });

  test('unsortedSegmentSum sums integers as the built-in kernel does', async () => {
    const y = tf.unsortedSegmentSum(tf.tensor1d([1, 2, 3], 'int32'), tf.tensor1d([1, 0, 1], 'int32'), 2);
    expect(y.dtype).toBe('float32');
    expect([...(await y.data())]).toEqual([2, 4]);
  });

  test('unsortedSegmentSum leaves no tensor, and no memory of the backend', () => {
    const [x, ids] = [tensor(normals([6, 2])), tf.tensor1d([0, 1, 2, 2, 1, 0], 'int32')];
    expectNoLeak(() => {
      const before = tf.memory().numDataBuffers;
      tf.unsortedSegmentSum(x, ids, 3).dispose();
      expect(tf.memory().numDataBuffers).toBe(before);
    });
  });

  test('registering twice changes nothing', () => {
    const before = tf.getKernel(tf.UnsortedSegmentSum, backend).kernelFunc;
    registerKernels(backend);
    expect(tf.getKernel(tf.UnsortedSegmentSum, backend).kernelFunc).toBe(before);
    registerKernels('none');
  });
});

test('other forms of unsortedSegmentSum stay with the backend', async () => {
  await tf.setBackend('cpu');
  // One id for all rows: the built-in kernel of the plain backend broadcasts it.
  const y = tf.unsortedSegmentSum(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor1d([1], 'int32'), 2);
  expect([...(await y.data())]).toEqual([0, 0, 4, 6]);
  await tf.setBackend('wasm');
  expect(() => tf.unsortedSegmentSum(tf.tensor2d([1, 2], [2, 1]), tf.tensor1d([1], 'int32'), 2)).toThrow(
    'unsortedSegmentSum takes one segment for each of the 2 rows, got segments of the shape [1].',
  );
});

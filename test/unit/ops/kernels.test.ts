/** Our kernels in place of tfjs' own: the same numbers. */
import * as tf from '@tensorflow/tfjs-core';
import { Rng } from 'seqrec';
import { expect, test } from 'vitest';
import { registerKernels } from '../../../src/backend/kernels.ts';
import { use } from '../../support/backends.ts';
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

  test('slice and gather give the numbers of a plain loop', async () => {
    const rng = new Rng(6);
    for (let round = 0; round < 60; round++) {
      const draw = rng.fork(round);
      const shape = Array.from({ length: 1 + draw.int(0, 5) }, (_, i) => 1 + draw.int(1 + i, i === 0 ? 12 : 5));
      const begin = shape.map((length, axis) => draw.int(10 + axis, length));
      const size = shape.map((length, axis) => draw.int(20 + axis, length - (begin[axis] as number) + 1));
      const dtype = (['float32', 'int32', 'bool'] as const)[round % 3] as 'float32' | 'int32' | 'bool';
      const count = shape.reduce((product, n) => product * n, 1);
      const values = Array.from({ length: count }, (_, i) => (dtype === 'bool' ? draw.int(100 + i, 2) : i));
      const x = tf.tensor(values, shape, dtype);
      const element = (place: readonly number[]) =>
        values[place.reduce((at, index, axis) => at * (shape[axis] as number) + index, 0)] as number;

      const y = tf.slice(x, begin, size);
      expect([y.shape, y.dtype]).toEqual([size, dtype]);
      expect([...(await y.data())]).toEqual(
        places(size).map((place) => element(place.map((index, axis) => index + (begin[axis] as number)))),
      );
      const rows = Array.from({ length: 7 }, (_, i) => draw.int(50 + i, shape[0] as number));
      const z = tf.gather(x, tf.tensor1d(rows, 'int32'));
      expect([z.shape, z.dtype]).toEqual([[7, ...shape.slice(1)], dtype]);
      expect([...(await z.data())]).toEqual(
        places(z.shape).map(([row, ...rest]) => element([rows[row as number] as number, ...rest])),
      );
    }
  });

  test('slice and gather: other arguments, and what is out of range', async () => {
    const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
    expect(await tf.slice(x, [1]).array()).toEqual([[4, 5, 6]]);
    expect(await tf.slice(x, [0, 1], [-1, 2]).array()).toEqual([
      [2, 3],
      [5, 6],
    ]);
    expect(await tf.gather(x, tf.tensor1d([2, 0], 'int32'), 1).array()).toEqual([
      [3, 1],
      [6, 4],
    ]);
    expect(await tf.gather(x, tf.tensor2d([[1], [0]], [2, 1], 'int32')).array()).toEqual([[[4, 5, 6]], [[1, 2, 3]]]);
    expect(tf.gather(x, tf.tensor1d([], 'int32')).shape).toEqual([0, 3]);
    const text = tf.tensor1d(['a', 'b', 'c']);
    expect(await tf.slice(text, 1).array()).toEqual(['b', 'c']);
    expectNoLeak(() => {
      const buffers = tf.memory().numDataBuffers;
      expect(() => tf.slice(x, [1, 0], [2, 3])).toThrow();
      expect(() => tf.tidy(() => tf.gather(x, tf.tensor1d([2], 'int32')))).toThrow('index value 2 is not in [0, 1]');
      expect(tf.memory().numDataBuffers).toBe(buffers);
    });
  });

  test('a clone outlives its original and shares its values', async () => {
    const buffers = tf.memory().numDataBuffers;
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    const clone = tf.clone(x);
    const variable = tf.variable(x);
    expect(clone.shape).toEqual([2, 2]);
    expect(tf.memory().numDataBuffers).toBe(buffers + 1);
    x.dispose();
    variable.assign(tf.tensor2d([5, 6, 7, 8], [2, 2]));
    expect([...(await clone.data())]).toEqual([1, 2, 3, 4]);
    tf.dispose([clone, variable]);
    const text = tf.clone(tf.tensor1d(['a', 'b']));
    expect(await text.data()).toEqual(['a', 'b']);
  });

  test('registering twice changes nothing', async () => {
    const kernels = () => tf.getKernelsForBackend(backend).map(({ kernelFunc }) => kernelFunc);
    const before = kernels();
    await registerKernels(backend);
    expect(kernels()).toEqual(before);
    await registerKernels('none');
  });
});

test('other forms of unsortedSegmentSum stay with the backend', async () => {
  await tf.setBackend('cpu');
  // One id for all rows: the built-in kernel of the plain backend broadcasts it.
  const y = tf.unsortedSegmentSum(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor1d([1], 'int32'), 2);
  expect([...(await y.data())]).toEqual([0, 0, 4, 6]);
  await use('wasm');
  expect(() => tf.unsortedSegmentSum(tf.tensor2d([1, 2], [2, 1]), tf.tensor1d([1], 'int32'), 2)).toThrow(
    'unsortedSegmentSum takes one segment for each of the 2 rows, got segments of the shape [1].',
  );
});

/** All places of a tensor, in row-major order. */
function places(shape: readonly number[]): number[][] {
  const [length = 0, ...rest] = shape;
  const inner = shape.length > 1 ? places(rest) : [[]];
  return Array.from({ length }, (_, i) => inner.map((place) => [i, ...place])).flat();
}

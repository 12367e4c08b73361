/** `accelerateTensorFlow`: the same results up to rounding, for as long as it is asked for. */
import '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { ready } from 'seqrec';
import { accelerateTensorFlow } from 'seqrec/wasm';
import { beforeAll, expect, test, vi } from 'vitest';
import { expectClose, normals, tensor } from '../ops/check.ts';

/** All kernels of the application that seqrec may replace without being asked; the numbers are the same to the bit. */
const documented = ['GatherV2', 'Identity', 'Slice', 'UnsortedSegmentSum'];

beforeAll(async () => {
  vi.stubEnv('SEQREC_KERNELS', '');
});

test('without it, only the documented kernels are replaced', async () => {
  const before = new Map(tf.getKernelsForBackend('wasm').map((kernel) => [kernel.kernelName, kernel.kernelFunc]));
  await tf.setBackend('wasm');
  await ready();
  const changed = tf
    .getKernelsForBackend('wasm')
    .filter(({ kernelName, kernelFunc }) => before.get(kernelName) !== kernelFunc)
    .map(({ kernelName }) => kernelName);
  expect(changed.filter((name) => !name.startsWith('Seqrec')).sort()).toEqual(documented);
});

/** Results of products and transposes of many shapes, with gradients. */
async function compute(): Promise<Float32Array[]> {
  const results: Float32Array[] = [];
  const shapes: [number[], number[], boolean, boolean][] = [
    [[7, 5], [5, 9], false, false],
    [[5, 7], [9, 5], true, true],
    [[3, 7, 5], [3, 5, 4], false, false],
    [[2, 3, 7, 5], [2, 3, 4, 5], false, true],
    [[4, 5, 7], [1, 5, 4], true, false],
    [[1, 5, 7], [4, 5, 3], true, false],
    [[7, 5], [3, 5, 4], false, false],
    [[4, 5, 7], [1, 1, 3, 5], true, true],
    [[3, 0, 5], [3, 5, 4], false, false],
  ];
  for (const [a, b, transposeA, transposeB] of shapes) {
    const f = (x: tf.Tensor, y: tf.Tensor) => tf.matMul(x, y, transposeA, transposeB);
    const xs = [tensor<tf.Tensor>(normals(a, 1)), tensor<tf.Tensor>(normals(b, 2))];
    const y = f(...(xs as [tf.Tensor, tf.Tensor]));
    results.push(Float32Array.from(y.shape), (await y.data()) as Float32Array);
    if (a.length !== b.length || a[0] !== b[0]) continue;
    for (const gradient of tf.grads(f)(xs)) results.push((await gradient.data()) as Float32Array);
  }
  for (const [shape, perm] of [
    [
      [3, 4],
      [1, 0],
    ],
    [
      [3, 4, 5],
      [2, 0, 1],
    ],
    [
      [3, 1, 5, 2],
      [0, 2, 1, 3],
    ],
    [
      [2, 3, 4, 1, 5],
      [4, 2, 0, 3, 1],
    ],
    [
      [2, 0, 3],
      [2, 1, 0],
    ],
  ] as const) {
    const y = tf.transpose(tensor<tf.Tensor>(normals([...shape], 3)), [...perm]);
    results.push(Float32Array.from(y.shape), (await y.data()) as Float32Array);
  }
  return results;
}

test('gives the same results, and restores what was there', async () => {
  await tf.setBackend('wasm');
  await ready();
  const kernelOf = (name: string) => tf.getKernel(name, 'wasm').kernelFunc;
  const originals = ['BatchMatMul', 'Transpose'].map(kernelOf);
  const expected = await compute();
  const restore = await accelerateTensorFlow();
  expect(['BatchMatMul', 'Transpose'].map(kernelOf)).not.toEqual(originals);
  const again = await accelerateTensorFlow();
  const found = await compute();
  expect(found.length).toBe(expected.length);
  found.forEach((values, i) => {
    expectClose(values, expected[i] as Float32Array, `result ${i}`, { absolute: 1e-5, relative: 1e-5 });
  });
  again();
  expect(['BatchMatMul', 'Transpose'].map(kernelOf)).not.toEqual(originals);
  restore();
  expect(['BatchMatMul', 'Transpose'].map(kernelOf)).toEqual(originals);
});

/** When the fused kernels are there and when the composed ops must do. */
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, expect, test, vi } from 'vitest';
import { hasKernel, runKernel } from '../../../src/ops/kernel.ts';
import { multiply } from '../../../src/ops/product.ts';

const factory = tf.findBackendFactory('wasm');

beforeEach(async () => {
  vi.restoreAllMocks();
  vi.resetModules();
  await tf.setBackend('cpu');
  for (const { kernelName } of tf.getKernelsForBackend('wasm')) {
    if (kernelName.startsWith('Seqrec')) tf.unregisterKernel(kernelName, 'wasm');
  }
  tf.removeBackend('wasm');
  tf.registerBackend('wasm', factory);
});

/** Activates wasm with a fresh copy of the loader, which remembers what it compiled. */
async function start(): Promise<void> {
  await tf.setBackend('wasm');
  const { registerKernels } = await import('../../../src/backend/kernels.ts');
  await registerKernels('wasm');
}

async function square(): Promise<number[]> {
  return [...(await multiply(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([1, 2, 3, 4], [2, 2])).data())];
}

test('other backends have none', async () => {
  await start();
  expect(hasKernel('SeqrecMatMul')).toBe(true);
  await tf.setBackend('cpu');
  expect(hasKernel('SeqrecMatMul')).toBe(false);
});

test('a runtime that cannot compile them goes without', async () => {
  const validate = WebAssembly.validate.bind(WebAssembly);
  vi.spyOn(WebAssembly, 'validate').mockImplementation((bytes) => bytes.byteLength < 1000 && validate(bytes));
  await start();
  expect(hasKernel('SeqrecMatMul')).toBe(false);
  expect(await square()).toEqual([7, 10, 15, 22]);
});

test('a memory that they cannot use goes without', async () => {
  await tf.setBackend('wasm');
  vi.spyOn(WebAssembly, 'Instance').mockImplementation(function fail() {
    throw new WebAssembly.LinkError('mismatch in shared state of memory');
  });
  await start();
  expect(hasKernel('SeqrecMatMul')).toBe(false);
  expect(await square()).toEqual([7, 10, 15, 22]);
});

test('a backend that is made again has them on its own memory', async () => {
  await start();
  tf.removeBackend('wasm');
  tf.registerBackend('wasm', factory);
  await start();
  expect(hasKernel('SeqrecMatMul')).toBe(true);
  expect(await square()).toEqual([7, 10, 15, 22]);
});

test('they work on while the memory grows', async () => {
  await start();
  const ones = tf.ones<tf.Rank.R2>([300, 1000]);
  const sums = Array.from({ length: 20 }, () => multiply(ones, ones, { transposeA: true }));
  const grown = tf.zeros([1000, 20_000]);
  sums.push(multiply(ones, ones, { transposeA: true }));
  for (const sum of sums) expect(await tf.all(tf.equal(sum, 300)).data()).toEqual(Uint8Array.of(1));
  tf.dispose([ones, grown, ...sums]);
});

test('the outputs of a kernel are disposed like other tensors', async () => {
  await start();
  const x = tf.ones([4, 3]);
  const before = tf.memory().numTensors;
  const sums: tf.Tensor1D = runKernel('SeqrecColumnSums', { x });
  expect([...(await sums.data())]).toEqual([4, 4, 4]);
  sums.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test('another type is refused, not misread', async () => {
  await start();
  const integers = tf.tensor2d([1, 2, 3, 4], [2, 2], 'int32');
  expect(() => multiply(integers, tf.ones([2, 2]))).toThrow(
    "A float32 tensor is needed, got int32: use tf.cast(x, 'float32').",
  );
});

test('a full memory is an error, not a write to its start', async () => {
  await start();
  const { wasm } = tf.backend() as unknown as { wasm: { _malloc(bytes: number): number } };
  const [a, b] = [tf.ones([3, 3]) as tf.Tensor2D, tf.ones([3, 3]) as tf.Tensor2D];
  await multiply(a, b).data(); // takes its scratch space
  const buffers = tf.memory().numDataBuffers;
  vi.spyOn(wasm, '_malloc').mockReturnValue(0);
  expect(() => multiply(a, b)).toThrow('The WebAssembly memory is full: 36 bytes more are needed.');
  vi.restoreAllMocks();
  expect(tf.memory().numDataBuffers).toBe(buffers);
  expect([...(await multiply(a, b).data())]).toEqual(Array(9).fill(3));
});

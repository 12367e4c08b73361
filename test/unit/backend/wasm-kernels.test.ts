/** When the fused kernels are there and when the composed ops must do. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { KernelPaths } from '../../../src/backend/kernel-source.ts';
import { forSharedMemory } from '../../../src/backend/shared-memory.ts';
import { relaxed, simd } from '../../../src/kernels/wasm/binary.ts';
import { hasKernel, runKernel } from '../../../src/ops/kernel.ts';
import { multiply } from '../../../src/ops/product.ts';

const factory = tf.findBackendFactory('wasm');

beforeEach(async () => {
  vi.restoreAllMocks();
  vi.stubEnv('SEQREC_KERNELS', '');
  await reset();
});

/** Makes everything as it was before the first use. */
async function reset(): Promise<void> {
  vi.resetModules();
  await tf.setBackend('cpu');
  for (const { kernelName } of tf.getKernelsForBackend('wasm')) {
    if (kernelName.startsWith('Seqrec')) tf.unregisterKernel(kernelName, 'wasm');
  }
  tf.removeBackend('wasm');
  tf.registerBackend('wasm', factory);
}

/** Activates wasm with a fresh copy of the loader, which remembers what it compiled. */
async function start(): Promise<{ kernels?: string }> {
  await tf.setBackend('wasm');
  const { registerKernels } = await import('../../../src/backend/kernels.ts');
  return registerKernels('wasm');
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
  expect(await start()).toEqual({ kernels: 'none: this runtime has no SIMD in WebAssembly' });
  expect(hasKernel('SeqrecMatMul')).toBe(false);
  expect(await square()).toEqual([7, 10, 15, 22]);
});

test('a memory that they cannot use goes without', async () => {
  await tf.setBackend('wasm');
  vi.spyOn(WebAssembly, 'Instance').mockImplementation(function fail() {
    throw new WebAssembly.LinkError('mismatch in shared state of memory');
  });
  expect(await start()).toEqual({
    kernels:
      "none: they do not fit the memory of this tfjs-wasm (mismatch in shared state of memory); import 'seqrec/wasm' in place of calling tf.setBackend('wasm')",
  });
  expect(hasKernel('SeqrecMatMul')).toBe(false);
  expect(await square()).toEqual([7, 10, 15, 22]);
});

test('they can be had for shared memory, as that of tfjs-wasm with threads (test/browser/threads.test.ts)', async () => {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 65_536, shared: true });
  for (const base64 of [relaxed, simd]) {
    const bytes = Buffer.from(base64, 'base64');
    const plain = await WebAssembly.compile(bytes);
    expect(() => new WebAssembly.Instance(plain, { env: { memory } })).toThrow(/shared/);
    const module = await WebAssembly.compile(forSharedMemory(bytes));
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    expect(Object.keys(exports)).toEqual(WebAssembly.Module.exports(plain).map(({ name }) => name));
  }
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

test('are switched off by SEQREC_KERNELS=off', async () => {
  vi.stubEnv('SEQREC_KERNELS', 'off');
  expect(await start()).toEqual({ kernels: 'none: switched off by SEQREC_KERNELS' });
  expect(hasKernel('SeqrecMatMul')).toBe(false);
  vi.stubEnv('SEQREC_KERNELS', 'no');
  await reset();
  await expect(start()).rejects.toThrow("SEQREC_KERNELS may only be 'off', got 'no'.");
});

describe('configureWasm({ kernels })', () => {
  /** Puts the kernels where `kernels` says, and calls it before the first use. */
  async function startWith(kernels: KernelPaths): Promise<{ kernels?: string }> {
    (await import('../../../src/backend/wasm-options.ts')).configureWasm({ kernels });
    return start();
  }

  test('takes them from a directory', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kernels-'));
    try {
      await writeFile(join(folder, 'kernels-relaxed.wasm'), Buffer.from(relaxed, 'base64'));
      expect(await startWith(`${folder}/`)).toEqual({ kernels: 'relaxed SIMD' });
      expect(await square()).toEqual([7, 10, 15, 22]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('takes each from its URL', async () => {
    const fetch = vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response(Buffer.from(relaxed, 'base64')));
    const paths = { 'kernels-relaxed.wasm': 'https://cdn/r.wasm', 'kernels-simd.wasm': 'https://cdn/s.wasm' };
    expect(await startWith(paths)).toEqual({ kernels: 'relaxed SIMD' });
    expect(fetch.mock.calls).toEqual([['https://cdn/r.wasm']]);
  });

  test('says what could not be loaded, and tries again', async () => {
    const fetch = vi.spyOn(globalThis, 'fetch').mockResolvedValueOnce(new Response('', { status: 404 }));
    await expect(startWith('https://cdn/assets')).rejects.toThrow(
      "The kernels could not be loaded from https://cdn/assets/kernels-relaxed.wasm (status 404): put kernels-relaxed.wasm of seqrec/dist there, or leave 'kernels' out of configureWasm.",
    );
    fetch.mockResolvedValueOnce(new Response(Buffer.from(relaxed, 'base64')));
    expect(await start()).toEqual({ kernels: 'relaxed SIMD' });
  });

  test('false runs without them', async () => {
    expect(await startWith(false)).toEqual({ kernels: 'none: switched off by configureWasm({ kernels: false })' });
    expect(await square()).toEqual([7, 10, 15, 22]);
  });

  test('asks for both files', async () => {
    await expect(startWith({ 'kernels-simd.wasm': '/s.wasm' } as never)).rejects.toThrow(
      'kernels must be a directory, name both of kernels-relaxed.wasm, kernels-simd.wasm, or be false; missing: kernels-relaxed.wasm.',
    );
  });
});

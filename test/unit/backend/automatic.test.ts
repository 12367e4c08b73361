/** The choice on plain Node, where neither the application nor an import has made one. */
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

let ready: typeof import('../../../src/entries/main.ts').ready;

beforeEach(async () => {
  // As if no backend had been set; removing it would also take the package's registration away.
  Object.assign(tf.engine(), { backendName: null, backendInstance: null });
  vi.resetModules();
  vi.stubGlobal('navigator', {});
  vi.stubEnv('SEQREC_BACKEND', '');
  ({ ready } = await import('../../../src/entries/main.ts'));
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});

it('is WebAssembly, with the reasons why nothing faster was taken', async () => {
  expect(await ready()).toEqual({
    name: 'wasm',
    chosenBy: 'automatic',
    refused: [
      {
        backend: 'node',
        why: 'Neither @tensorflow/tfjs-node nor @tensorflow/tfjs-node-gpu is installed: npm install @tensorflow/tfjs-node@4.22.0.',
      },
      {
        backend: 'webgpu',
        why: "This runtime has no navigator.gpu and the package 'webgpu' is not installed: npm install webgpu.",
      },
    ],
    details: { simd: true, kernels: expect.any(String) },
  });
});

it('is what SEQREC_BACKEND says', async () => {
  vi.stubEnv('SEQREC_BACKEND', 'cpu');
  expect(await ready()).toMatchObject({ name: 'cpu', chosenBy: 'environment' });
});

it('is what the global SEQREC_BACKEND says, before the variable', async () => {
  vi.stubEnv('SEQREC_BACKEND', 'cpu');
  vi.stubGlobal('SEQREC_BACKEND', 'wasm');
  expect(await ready()).toMatchObject({ name: 'wasm', chosenBy: 'environment' });
});

it('refuses a name that it does not know, or cannot provide', async () => {
  vi.stubEnv('SEQREC_BACKEND', 'cuda');
  await expect(ready()).rejects.toThrow("SEQREC_BACKEND must be one of node, webgpu, wasm, cpu, got 'cuda'.");
  vi.stubEnv('SEQREC_BACKEND', 'webgpu');
  await expect(ready()).rejects.toThrow(
    'The backend asked for by SEQREC_BACKEND=webgpu cannot be used: This runtime has no navigator.gpu',
  );
});

it('is cpu after the import of seqrec/cpu', async () => {
  await import('../../../src/entries/cpu.ts');
  expect(await ready()).toMatchObject({ name: 'cpu', chosenBy: 'import' });
});

it('does not look for packages of Node in a browser or in Deno', async () => {
  vi.stubGlobal('Deno', {});
  expect((await ready()).refused).toEqual([
    {
      backend: 'webgpu',
      why: "This runtime offers no navigator.gpu (too old, or switched off): use 'seqrec/wasm'.",
    },
  ]);
});

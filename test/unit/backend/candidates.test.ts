/** The backends themselves, as far as a machine without a GPU and without tfjs-node can load them. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { DeviceLostError } from '../../../src/backend/device-lost.ts';
import { nodeBackend } from '../../../src/backend/node.ts';
import { ready, requestBackend } from '../../../src/backend/select.ts';
import { wasm } from '../../../src/backend/wasm.ts';
import { configureWasm } from '../../../src/backend/wasm-options.ts';
import { webgpu, webgpuBackend } from '../../../src/backend/webgpu.ts';

describe('wasm', () => {
  it('loads with SIMD and leaves the process without its listeners', async () => {
    const own = () => {};
    process.on('uncaughtException', own);
    const before = ['uncaughtException', 'unhandledRejection'].map((event) => process.listeners(event as 'exit'));
    try {
      expect((await wasm.load(true)).details).toEqual({ simd: true });
      const after = ['uncaughtException', 'unhandledRejection'].map((event) => process.listeners(event as 'exit'));
      expect(after).toEqual(before);
    } finally {
      process.removeListener('uncaughtException', own);
    }
  });

  it('keeps the listeners that the application adds while it loads', async () => {
    tf.removeBackend('wasm');
    const own = (reason: unknown) => {
      if (reason === 'never') throw reason;
    };
    const loading = wasm.load(true);
    process.on('unhandledRejection', own);
    await loading;
    expect(process.listeners('unhandledRejection')).toContain(own);
    process.removeListener('unhandledRejection', own);
  });

  it('passes the self-test when imported', async () => {
    tf.removeBackend('cpu');
    requestBackend(wasm);
    expect(await ready()).toMatchObject({ name: 'wasm', chosenBy: 'import', details: { simd: true } });
  });

  it('takes paths that were told before it was loaded, and chooses nothing by them', async () => {
    vi.resetModules();
    const told = await import('../../../src/backend/wasm-options.ts');
    const paths: unknown[] = [];
    told.configureWasm({ paths: '/assets/wasm' });
    told.usePaths((path) => paths.push(path));
    told.configureWasm({ paths: '/assets/other' });
    expect(paths).toEqual(['/assets/wasm', '/assets/other']);
  });

  it('asks for the path of every binary', () => {
    expect(() => configureWasm({ paths: { 'tfjs-backend-wasm.wasm': '/a.wasm' } as never })).toThrow(
      'paths must be a directory or name all of tfjs-backend-wasm.wasm, tfjs-backend-wasm-simd.wasm, tfjs-backend-wasm-threaded-simd.wasm; missing: tfjs-backend-wasm-simd.wasm, tfjs-backend-wasm-threaded-simd.wasm.',
    );
  });

  it('takes paths before the first use only', () => {
    expect(() => configureWasm({ paths: '/wasm' })).toThrow(
      'configureWasm must be called before the first use of seqrec',
    );
  });
});

describe('node', () => {
  let root: string;
  let importFrom: (name: string) => Promise<unknown>;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'seqrec-node-'));
    await writeFile(join(root, 'import.mjs'), 'export default (name) => import(name);');
    importFrom = (await import(/* @vite-ignore */ pathToFileURL(join(root, 'import.mjs')).href)).default;
    const core = dirname(fileURLToPath(import.meta.resolve('@tensorflow/tfjs-core/package.json')));
    await mkdir(join(root, 'node_modules/@tensorflow'), { recursive: true });
    await symlink(core, join(root, 'node_modules/@tensorflow/tfjs-core'));
  });

  afterAll(() => rm(root, { recursive: true }));

  async function install(name: string, code: string): Promise<void> {
    const folder = join(root, 'node_modules', name);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'package.json'), JSON.stringify({ name, version: '4.22.0', main: 'index.js' }));
    await writeFile(join(folder, 'index.js'), code);
  }

  it('says that neither package is installed', async () => {
    await expect(nodeBackend(importFrom).load(true)).rejects.toThrow(
      'Neither @tensorflow/tfjs-node nor @tensorflow/tfjs-node-gpu is installed: npm install @tensorflow/tfjs-node@4.22.0.',
    );
  });

  it('says that an install script was blocked', async () => {
    await install(
      '@tensorflow/tfjs-node',
      `throw new Error('The Node.js native addon module (tfjs_binding.node) can not be found at path: /x');`,
    );
    await expect(nodeBackend(importFrom).load(true)).rejects.toThrow(
      /^@tensorflow\/tfjs-node is installed without its native binding.*npm install-scripts approve @tensorflow\/tfjs-node.*pnpm approve-builds.*npm rebuild/,
    );
  });

  it('says that a native library does not load, and goes on to the other package', async () => {
    await install(
      '@tensorflow/tfjs-node-gpu',
      `throw Object.assign(new Error('libcudart.so.11.0: cannot open shared object file'), { code: 'ERR_DLOPEN_FAILED' });`,
    );
    // The module system remembers the package that failed above, so the working one stands under a folder of its own.
    await expect(nodeBackend(importFrom).load(true)).rejects.toThrow(
      /^@tensorflow\/tfjs-node-gpu is installed but its native library does not load \(libcudart\.so\.11\.0: cannot open shared object file\): check/,
    );
  });

  it('says that a package is another one', async () => {
    await install('empty', '');
    await expect(nodeBackend(() => importFrom('empty')).load(true)).rejects.toThrow(
      '@tensorflow/tfjs-node loads but registers no backend here: npm install @tensorflow/tfjs-node@4.22.0.',
    );
  });

  it('takes a working package and mends what Node 23 removed', async () => {
    await install(
      'works',
      `const tf = require('@tensorflow/tfjs-core');
       tf.copyRegisteredKernels('wasm', 'tensorflow');
       const native = { binding: { TF_Version: '2.9.1' }, isUsingGpuDevice: false };
       tf.registerBackend('tensorflow', () => Object.assign(Object.create(tf.findBackend('wasm')), native), 3);
       tf.setBackend('tensorflow');`,
    );
    const working = nodeBackend((name) => importFrom(name.endsWith('-gpu') ? name : 'works'));
    expect(working.backend).toBe('tensorflow');
    expect((await working.load(true)).details).toEqual({
      package: '@tensorflow/tfjs-node',
      tensorflow: '2.9.1',
      gpu: false,
    });
    expect((util as unknown as { isNullOrUndefined(value: unknown): boolean }).isNullOrUndefined(null)).toBe(true);
  });
});

describe('webgpu', () => {
  const adapter = (info: object, device?: object) => ({
    info,
    features: new Set(['timestamp-query', 'bgra8unorm-storage']),
    limits: { maxBufferSize: 1000, maxStorageBufferBindingSize: 500 },
    requestDevice: vi.fn(async () => device),
  });

  function offer(found: object | null): void {
    vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => found } });
  }

  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it('is refused on Node without the package webgpu', async () => {
    vi.stubGlobal('navigator', {});
    await expect(webgpu.load(true)).rejects.toThrow(
      "This runtime has no navigator.gpu and the package 'webgpu' is not installed: npm install webgpu.",
    );
  });

  it.each([
    [
      'does not load',
      () => Promise.reject(new Error('libvulkan.so.1: cannot open\n  more')),
      'libvulkan.so.1: cannot open',
    ],
    ['is another one', async () => ({ default: {} }), 'it has no create and globals: npm install webgpu@0.6'],
    [
      'cannot start',
      async () => ({
        globals: {},
        create: () => {
          throw new Error('no instance');
        },
      }),
      'no instance',
    ],
  ])('says so if the package webgpu %s', async (_case, importPackage: () => Promise<unknown>, why) => {
    vi.stubGlobal('navigator', {});
    await expect(webgpuBackend(importPackage).load(true)).rejects.toThrow(
      `The package 'webgpu' is installed but does not load here (${why}): use 'seqrec/wasm'.`,
    );
  });

  it('takes the package webgpu, whatever the runtime has as navigator', async () => {
    for (const navigator of [{}, undefined]) {
      vi.stubGlobal('navigator', navigator);
      const create = () => ({ requestAdapter: async () => null });
      await expect(webgpuBackend(async () => ({ create, globals: {} })).load(true)).rejects.toThrow(
        'no adapter for it',
      );
      expect(globalThis.navigator.gpu).toBeDefined();
    }
  });

  it('is refused by an adapter without a device', async () => {
    const busy = adapter({ vendor: 'acme' });
    busy.requestDevice.mockRejectedValue(new Error('out of memory'));
    offer(busy);
    await expect(webgpu.load(true)).rejects.toThrow(
      "The WebGPU adapter (acme) gives no device (out of memory): close what else uses the GPU, or use 'seqrec/wasm'.",
    );
  });

  it('is refused without an adapter', async () => {
    offer(null);
    await expect(webgpu.load(false)).rejects.toThrow('The runtime has WebGPU but finds no adapter for it');
  });

  it.each([
    [{ vendor: 'google', architecture: 'swiftshader', isFallbackAdapter: false }, 'google swiftshader'],
    [{ vendor: 'mesa', device: 'llvmpipe (LLVM 15.0.6)' }, 'mesa llvmpipe (LLVM 15.0.6)'],
    [{ vendor: 'acme', isFallbackAdapter: true }, 'acme'],
  ])('does not choose a software adapter by itself: %o', async (info, name) => {
    const software = adapter(info);
    offer(software);
    await expect(webgpu.load(false)).rejects.toThrow(`The only adapter (${name}) renders in software`);
    expect(software.requestDevice).not.toHaveBeenCalled();
  });

  it('asks for what the adapter has, and reports errors and loss', async () => {
    let report: (event: object) => void = () => {};
    let lose: (info: object) => void = () => {};
    const hardware = adapter(
      { vendor: 'acme', architecture: 'rocket' },
      {
        features: new Set(),
        limits: { maxBufferSize: 1000, maxStorageBufferBindingSize: 500 },
        queue: {},
        lost: new Promise((resolve) => {
          lose = resolve;
        }),
        addEventListener: (_type: string, listener: typeof report) => {
          report = listener;
        },
      },
    );
    offer(hardware);
    const loaded = await webgpu.load(false);
    expect(loaded.details).toEqual({ adapter: 'acme rocket', software: false, maxBufferBytes: 500 });
    expect(hardware.requestDevice).toHaveBeenCalledWith(
      expect.objectContaining({
        requiredFeatures: ['timestamp-query'],
        requiredLimits: expect.objectContaining({ maxBufferSize: 1000, maxStorageBufferBindingSize: 500 }),
      }),
    );
    expect(loaded.device?.takeProblem()).toBeUndefined();

    report({ preventDefault() {}, error: { message: 'Buffer size exceeds the limit.\n - While …' } });
    expect(loaded.device?.takeProblem()).toMatchObject({
      message: expect.stringContaining('results since then may be wrong (Buffer size exceeds the limit.)'),
    });
    expect(loaded.device?.lost).toBeUndefined();
    expect(loaded.device?.takeProblem()).toBeUndefined();

    lose({ reason: 'unknown', message: '' });
    await Promise.resolve();
    expect(loaded.device?.takeProblem()).toMatchObject({
      name: 'DeviceLostError',
      message: expect.stringContaining('The WebGPU device was lost (unknown)'),
    });
    expect(loaded.device?.takeProblem()).toBeUndefined();
    expect(loaded.device?.lost).toBeInstanceOf(DeviceLostError);
    tf.removeBackend('webgpu');
  });
});

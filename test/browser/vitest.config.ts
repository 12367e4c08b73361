/**
 * The tests of ops, blocks and models in Chromium, in the page and in a worker, on WebAssembly and WebGPU, with and
 * without cross-origin isolation. Started by run.ts.
 */
import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { chromium } from './chromium.ts';
import { publicDir } from './public.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

interface Project {
  backends: string;
  /** The tests that run in the page. */
  include: string[];
  /** Those that run in a worker. */
  worker: string;
  headers?: Record<string, string>;
}

const tables = 'test/conformance/*.test.ts';
const ops = 'test/unit/ops/*.test.ts';
const worker = 'test/browser/worker.test.ts';

/** Isolation concerns the memory of WebAssembly; software adapters are slow: so not everything runs four times. */
const projects: Record<string, Project> = {
  wasm: { backends: 'wasm', include: [tables, ops, worker], worker: 'conformance' },
  'wasm-isolated': {
    backends: 'wasm',
    include: [tables, worker, 'test/browser/threads.test.ts'],
    worker: '.',
    headers: isolation,
  },
  webgpu: { backends: 'webgpu', include: [tables, ops], worker: '' },
  'webgpu-isolated': {
    backends: 'webgpu',
    include: [worker, 'test/browser/{webgpu,dispatches,kernels}.test.ts'],
    worker: 'linear|lookup|adam|layer-norm',
    headers: isolation,
  },
};

export default defineConfig({
  root: path('../..'),
  publicDir,
  resolve: {
    alias: [
      { find: /^seqrec$/, replacement: path('../../src/entries/main.ts') },
      { find: /^seqrec\/(\w+)$/, replacement: path('../../src/entries/$1.ts') },
      { find: '@tensorflow/tfjs-core/dist/register_all_gradients.js', replacement: '@tensorflow/tfjs' },
    ],
  },
  test: {
    projects: Object.entries(projects).map(([name, { backends, include, worker, headers = {} }]) => ({
      extends: true,
      server: { headers },
      test: {
        name,
        include,
        exclude: ['test/unit/ops/large.test.ts', 'test/unit/ops/plain-simd.test.ts'],
        env: { SEQREC_TEST_BACKENDS: backends, SEQREC_TEST_WORKER: worker },
        setupFiles: [path('./setup.ts')],
        testTimeout: 60_000,
        hookTimeout: 60_000,
        fileParallelism: false,
        browser: {
          enabled: true,
          headless: true,
          screenshotFailures: false,
          provider: playwright({ launchOptions: { executablePath: chromium.path, args: chromium.flags } }),
          instances: [{ browser: 'chromium' }],
        },
      },
    })),
  },
});

/**
 * The tests of ops, blocks and models in Chromium, in the page and in a worker, on plain JavaScript, WebAssembly and
 * WebGPU, with and without cross-origin isolation. Started by run.ts.
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
  /** One page for all files: the programs of a GPU are compiled once, which on a processor takes longer than to run them. */
  together?: boolean;
}

const all = ['test/conformance/*.test.ts', 'test/unit/ops/*.test.ts'];
const worker = 'test/browser/worker.test.ts';

/** Everything runs on every backend in a page; of workers and of isolation, which WebAssembly alone sees, what they change. */
const projects: Record<string, Project> = {
  wasm: { backends: 'cpu,wasm', include: [...all, worker], worker: 'blocks', together: true },
  'wasm-isolated': {
    backends: 'wasm',
    include: [worker, 'test/browser/threads.test.ts'],
    worker: '.',
    headers: isolation,
  },
  webgpu: { backends: 'webgpu', include: all, worker: '', together: true },
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
    projects: Object.entries(projects).map(([name, { backends, include, worker, headers = {}, together = false }]) => ({
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
        isolate: !together,
        maxWorkers: 2,
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

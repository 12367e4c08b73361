/** How the tests run: straight from `src`, on the plain-JavaScript backend unless a test says otherwise. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^seqrec$/, replacement: path('./src/entries/main.ts') },
      { find: /^seqrec\/(\w+)$/, replacement: path('./src/entries/$1.ts') },
      // The deep file imports without extensions, which Node refuses unbundled. '@tensorflow/tfjs' registers the same
      // gradients in the same engine.
      { find: '@tensorflow/tfjs-core/dist/register_all_gradients.js', replacement: '@tensorflow/tfjs' },
    ],
  },
  test: {
    include: ['test/{unit,golden,conformance,quality,examples}/**/*.test.ts'],
    setupFiles: ['./test/setup.ts'],
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});

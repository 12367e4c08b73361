/**
 * How the tests run: straight from `src`, on the plain-JavaScript backend unless a test says otherwise; those in
 * `test/built`, which start workers, on the package as it is built.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

const source = [
  { find: /^seqrec$/, replacement: path('./src/entries/main.ts') },
  { find: /^seqrec\/(\w+)$/, replacement: path('./src/entries/$1.ts') },
  // The deep file imports without extensions, which Node refuses unbundled. '@tensorflow/tfjs' registers the same
  // gradients in the same engine.
  { find: '@tensorflow/tfjs-core/dist/register_all_gradients.js', replacement: '@tensorflow/tfjs' },
];
const built = [
  { find: /^seqrec$/, replacement: path('./dist/index.js') },
  { find: /^seqrec\/(\w+)$/, replacement: path('./dist/$1.js') },
];

/** For tests that hang, not for machines that are slow. */
const limits = { testTimeout: 120_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        resolve: { alias: source },
        test: {
          name: 'source',
          include: ['test/{unit,golden,conformance,quality,examples}/**/*.test.ts'],
          setupFiles: ['./test/setup.ts'],
          ...limits,
        },
      },
      {
        resolve: { alias: built },
        test: { name: 'built', include: ['test/built/**/*.test.ts'], ...limits },
      },
    ],
  },
});

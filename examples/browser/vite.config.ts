/** Serves and builds the page with the package as it is built in dist/. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  root: path('.'),
  base: './',
  cacheDir: path('../../.cache/page/vite'),
  // Otherwise the server finds some of them only when a training begins, and reloads the page.
  optimizeDeps: {
    include: [
      '@tensorflow/tfjs-core',
      '@tensorflow/tfjs-backend-cpu',
      '@tensorflow/tfjs-backend-wasm',
      '@tensorflow/tfjs-backend-webgpu',
      'csv-parse/browser/esm/sync',
    ],
  },
  resolve: { alias: { seqrec: path('../../dist/index.js') } },
  worker: { format: 'es' },
  build: { outDir: path('../../.cache/page/site'), emptyOutDir: true, target: 'es2022' },
});

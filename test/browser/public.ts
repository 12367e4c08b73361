/** What the test server serves as it is: the .wasm files, and the tests as one file for workers. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildTests } from '../support/portable-build.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Waits for an order, runs the tests, tells the outcome. */
const worker = `
  onmessage = async ({ data: { backends, pattern } }) => {
    globalThis.SEQREC_TEST_BACKENDS = backends;
    const { configureWasm, run } = await import('./tests.js');
    configureWasm({ paths: '/' });
    postMessage(await run(new RegExp(pattern)));
  };`;

export const publicDir = join(root, '.cache/browser');

/** Fills the directory, before the server starts, which lists it once. */
export async function preparePublic(): Promise<void> {
  await mkdir(publicDir, { recursive: true });
  const wasm = join(root, 'node_modules/@tensorflow/tfjs-backend-wasm/dist');
  for (const variant of ['', '-simd', '-threaded-simd']) {
    const file = `tfjs-backend-wasm${variant}.wasm`;
    await cp(join(wasm, file), join(publicDir, file));
  }
  await writeFile(join(publicDir, 'worker.js'), worker);
  await buildTests(join(publicDir, 'tests.js'), 'browser');
}

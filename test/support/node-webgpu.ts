/** WebGPU in Node for the repository's own programs: the package 'webgpu' is installed by `npm run test:runtimes` alone. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/** Makes `navigator.gpu`, on Chromium's software renderer unless VK_ICD_FILENAMES names a driver. */
export async function provideWebgpu(): Promise<void> {
  if (globalThis.navigator.gpu) return;
  process.env.VK_ICD_FILENAMES ??= '/usr/lib/chromium/vk_swiftshader_icd.json';
  const require = createRequire(new URL('../runtimes/package.json', import.meta.url));
  let path: string;
  try {
    path = require.resolve('webgpu');
  } catch (cause) {
    throw new Error("The package 'webgpu' is missing: npm ci --prefix test/runtimes.", { cause });
  }
  const { create, globals } = (await import(pathToFileURL(path).href)) as {
    create(flags: string[]): GPU;
    globals: object;
  };
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis.navigator, 'gpu', { value: create([]), configurable: true });
}

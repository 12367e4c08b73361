/** What `configureWasm` was told, for workers, which have to be told the same. */
import { switchedOff } from './kernel-source.ts';
import type { WasmOptions } from './wasm.ts';

let told: WasmOptions = {};

export function rememberWasmOptions(options: WasmOptions): void {
  told = { ...told, ...options };
}

/** The options of this thread; paths relative to the page are made absolute, since a worker's file lies elsewhere. */
export function wasmOptions(): WasmOptions {
  const { paths, kernels } = told;
  return { paths: paths && absolute(paths), kernels: switchedOff() ? false : kernels && absolute(kernels) };
}

function absolute<P extends string | Readonly<Record<string, string>>>(paths: P): P {
  const base = (globalThis as { document?: Document }).document?.baseURI;
  if (base === undefined) return paths;
  const resolve = (path: string) => new URL(path, base).href;
  if (typeof paths === 'string') return resolve(paths) as P;
  return Object.fromEntries(Object.entries(paths).map(([file, path]) => [file, resolve(path)])) as P;
}

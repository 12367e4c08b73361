/** Where the files of WebAssembly are: what the application says, before any of them is loaded. */
import { type KernelPaths, setKernelPaths, switchedOff } from './kernel-source.ts';

/** The binaries of `@tensorflow/tfjs-backend-wasm`, of which the runtime's abilities select one. */
export type WasmFile =
  | 'tfjs-backend-wasm.wasm'
  | 'tfjs-backend-wasm-simd.wasm'
  | 'tfjs-backend-wasm-threaded-simd.wasm';

/** See {@link configureWasm}. */
export interface WasmOptions {
  /** The directory (path or URL) that holds the three files, or the path or URL of each. @defaultValue their package */
  paths?: WasmPaths | undefined;
  /**
   * The directory (path or URL) that holds seqrec's own kernels, `kernels-relaxed.wasm` and `kernels-simd.wasm` (from
   * `node_modules/seqrec/dist`), or the path or URL of each: for hosts that forbid long strings in code, or cache files
   * better. `false` runs without them, as the variable `SEQREC_KERNELS=off` does: several times slower, with the same
   * results up to rounding. @defaultValue inlined in the code
   */
  kernels?: KernelPaths | undefined;
}

/** See {@link WasmOptions.paths}. */
export type WasmPaths = string | Readonly<Record<WasmFile, string>>;

const files: readonly WasmFile[] = [
  'tfjs-backend-wasm.wasm',
  'tfjs-backend-wasm-simd.wasm',
  'tfjs-backend-wasm-threaded-simd.wasm',
];

let told: WasmOptions = {};
/** Whether a .wasm file was asked for; tfjs-wasm keeps the paths from then on. */
let started = false;
/** Tells tfjs-wasm, once that is loaded. */
let tell: ((paths: WasmPaths) => void) | undefined;

/**
 * Says where the .wasm files of `@tensorflow/tfjs-backend-wasm` are, and seqrec's own. Bundlers move the code away from
 * its binaries, so bundled applications copy these (from `node_modules/@tensorflow/tfjs-backend-wasm/dist`) and call this
 * before the first use. Unbundled code in Node needs nothing, and seqrec's own kernels are part of its code. It does not
 * choose WebAssembly: that does `import 'seqrec/wasm'`.
 *
 * @throws TypeError if a file is missing from `paths` or `kernels`, Error after the first use
 *
 * @example
 * ```ts
 * import { configureWasm } from 'seqrec';
 * configureWasm({ paths: '/assets/wasm/' });
 * ```
 */
export function configureWasm({ paths = '', kernels, ...others }: WasmOptions): void {
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw new TypeError(`configureWasm has no option '${other}': correct its name or leave it out.`);
  }
  const missing = typeof paths === 'string' ? [] : files.filter((file) => !paths[file]);
  if (missing.length > 0) {
    throw new TypeError(
      `paths must be a directory or name all of ${files.join(', ')}; missing: ${missing.join(', ')}.`,
    );
  }
  if (started) {
    throw new Error(
      'configureWasm must be called before the first use of seqrec: the .wasm file was already asked for.',
    );
  }
  if (kernels !== undefined) setKernelPaths(kernels);
  told = { ...told, paths, kernels };
  if (paths !== '') tell?.(paths);
}

/** Gives `use` the paths: what was told before, and what will be. */
export function usePaths(use: (paths: WasmPaths) => void): void {
  tell = use;
  if (told.paths) use(told.paths);
}

/** From here on it is too late for {@link configureWasm}. */
export function beginLoading(): void {
  started = true;
}

/** The options of this thread, for workers; paths relative to the page are made absolute, since a worker's file lies elsewhere. */
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

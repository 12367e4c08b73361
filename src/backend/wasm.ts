/** The WebAssembly backend: SIMD on one core, in every modern browser and runtime. */

import { type BackendWasm, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { type KernelPaths, setKernelPaths } from './kernel-source.ts';
import type { Candidate } from './select.ts';
import { rememberWasmOptions } from './wasm-options.ts';

/** The binaries of `@tensorflow/tfjs-backend-wasm`, of which the runtime's abilities select one. */
export type WasmFile =
  | 'tfjs-backend-wasm.wasm'
  | 'tfjs-backend-wasm-simd.wasm'
  | 'tfjs-backend-wasm-threaded-simd.wasm';

/** See {@link configureWasm}. */
export interface WasmOptions {
  /** The directory (path or URL) that holds the three files, or the path or URL of each. @defaultValue their package */
  paths?: string | Readonly<Record<WasmFile, string>> | undefined;
  /**
   * The directory (path or URL) that holds seqrec's own kernels, `kernels-relaxed.wasm` and `kernels-simd.wasm` (from
   * `node_modules/seqrec/dist`), or the path or URL of each: for hosts that forbid long strings in code, or cache files
   * better. `false` runs without them, as the variable `SEQREC_KERNELS=off` does: several times slower, with the same
   * results up to rounding. @defaultValue inlined in the code
   */
  kernels?: KernelPaths | undefined;
}

const files: readonly WasmFile[] = [
  'tfjs-backend-wasm.wasm',
  'tfjs-backend-wasm-simd.wasm',
  'tfjs-backend-wasm-threaded-simd.wasm',
];

/**
 * Says where the .wasm files of `@tensorflow/tfjs-backend-wasm` are, and seqrec's own. Bundlers move the code away from
 * its binaries, so bundled applications copy these (from `node_modules/@tensorflow/tfjs-backend-wasm/dist`) and call this
 * before the first use. Unbundled code in Node needs nothing, and seqrec's own kernels are part of its code.
 *
 * @example
 * ```ts
 * import { configureWasm } from 'seqrec/wasm';
 * configureWasm({ paths: '/assets/wasm/' });
 * ```
 */
export function configureWasm({ paths = '', kernels }: WasmOptions): void {
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
  rememberWasmOptions({ paths, kernels });
  if (paths === '') return;
  if (typeof paths === 'string') setWasmPaths(paths.endsWith('/') ? paths : `${paths}/`);
  else setWasmPaths({ ...paths });
}

/** Whether a .wasm file was asked for; tfjs-wasm keeps the paths from then on. */
let started = false;

export const wasm: Candidate = {
  name: 'wasm',
  backend: 'wasm',
  async load() {
    if (typeof WebAssembly !== 'object') throw new Error("This runtime has no WebAssembly: use 'seqrec/cpu'.");
    if (!('wasm' in tf.engine().registry)) await instantiate();
    const env = tf.env();
    return { details: { simd: (await env.getAsync('WASM_HAS_SIMD_SUPPORT')) as boolean } };
  },
};

/** The package's own factory, kept so that the backend can be made again after it was removed. */
const factory = tf.findBackendFactory('wasm');

/** Makes the backend first and registers it afterwards: TensorFlow.js would only log why its factory failed. */
async function instantiate(): Promise<void> {
  if (!factory) throw new Error("The application removed 'wasm' by tf.removeBackend: leave it registered.");
  started = true;
  // Threads of TensorFlow.js, on in pages with cross-origin isolation, make nothing here faster and fail in minified code.
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  const before = processListeners();
  let backend: BackendWasm;
  try {
    backend = (await factory()) as BackendWasm;
  } catch (error) {
    throw new Error(
      `The .wasm file of @tensorflow/tfjs-backend-wasm could not be loaded (${messageOf(error)}): in a bundled application, serve the files and call configureWasm({ paths }) of 'seqrec/wasm'.`,
      { cause: error },
    );
  } finally {
    removeEmscriptenListeners(before);
  }
  if (tf.findBackendFactory('wasm')) tf.removeBackend('wasm');
  tf.registerBackend('wasm', () => backend, 2);
}

type Listener = (...args: unknown[]) => void;
interface Process {
  listeners(event: string): Listener[];
  removeListener(event: string, listener: Listener): void;
}

/** What Emscripten's listeners look like, before and after minification. */
const emscripten = {
  uncaughtException: /^function\s*\(\w+\)\s*\{\s*if\s*\(!\(\w+ instanceof \w+\)\)[\s{]*throw \w+;?[\s}]*$/,
  unhandledRejection: /^function\s*\(\w+\)\s*\{\s*throw \w+;?\s*\}$/,
};
const events = ['uncaughtException', 'unhandledRejection'] as const;

function nodeProcess(): Process | undefined {
  const candidate = (globalThis as { process?: Partial<Process> }).process;
  return candidate?.listeners && candidate.removeListener ? (candidate as Process) : undefined;
}

function processListeners(): Set<Listener> {
  return new Set(events.flatMap((event) => nodeProcess()?.listeners(event) ?? []));
}

/**
 * Emscripten makes every uncaught exception and unhandled rejection of the process throw again, which is the
 * application's to decide. Its two listeners are told from others that were added meanwhile by what they do.
 */
function removeEmscriptenListeners(before: ReadonlySet<Listener>): void {
  for (const event of events) {
    for (const listener of nodeProcess()?.listeners(event) ?? []) {
      if (!before.has(listener) && emscripten[event].test(String(listener))) {
        nodeProcess()?.removeListener(event, listener);
      }
    }
  }
}

function messageOf(error: unknown): string {
  return (error as { message?: string } | null)?.message ?? String(error);
}

/** The WebAssembly backend: SIMD on one core, in every modern browser and runtime. */

import { type BackendWasm, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import type { Candidate } from './select.ts';
import { beginLoading, usePaths } from './wasm-options.ts';

usePaths((paths) => {
  if (typeof paths === 'string') setWasmPaths(paths.endsWith('/') ? paths : `${paths}/`);
  else setWasmPaths({ ...paths });
});

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
  beginLoading();
  // Threads of TensorFlow.js, on in pages with cross-origin isolation, make nothing here faster and fail in minified code.
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  const before = processListeners();
  let backend: BackendWasm;
  try {
    backend = (await factory()) as BackendWasm;
  } catch (error) {
    throw new Error(
      `The .wasm file of @tensorflow/tfjs-backend-wasm could not be loaded (${messageOf(error)}): in a bundled application, serve the files and call configureWasm({ paths }).`,
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

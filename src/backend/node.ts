/** The native TensorFlow of tfjs-node: CUDA, or the CPU's vector units, where the application has installed it. */
import * as tf from '@tensorflow/tfjs-core';
import { importOptional, isNotInstalled, isServer } from './runtime.ts';
import type { Candidate } from './select.ts';

const packages = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

/** How {@link nodeBackend} imports a package, replaced in tests. */
type Import = (name: string) => Promise<unknown>;

export const node: Candidate = nodeBackend(importOptional);

/** The tfjs-node backend, with `importPackage` to reach the packages. */
export function nodeBackend(importPackage: Import): Candidate {
  return {
    name: 'node',
    backend: 'tensorflow',
    async load() {
      if (!isServer()) throw new Error("tfjs-node runs in Node and Bun only: use 'seqrec/webgpu' or 'seqrec/wasm'.");
      restoreIsNullOrUndefined();
      const reasons: string[] = [];
      for (const name of packages) {
        try {
          await importPackage(name);
        } catch (error) {
          if (!isNotInstalled(error, name)) reasons.push(explain(name, error as Error));
          continue;
        }
        if (!tf.findBackendFactory('tensorflow')) {
          reasons.push(`${name} loads but registers no backend here: npm install ${name}@4.22.0.`);
          continue;
        }
        // Both packages register 'tensorflow' and set it without awaiting the result.
        if (await tf.setBackend('tensorflow')) return { details: { package: name, ...library() } };
        reasons.push(`${name} loads, but TensorFlow did not start: see its warning in the console.`);
      }
      throw new Error(
        reasons.join(' ') ||
          'Neither @tensorflow/tfjs-node nor @tensorflow/tfjs-node-gpu is installed: npm install @tensorflow/tfjs-node@4.22.0.',
      );
    },
  };
}

/** What the native library says of itself: with drivers that do not fit, it goes on without the GPU. */
function library(): { tensorflow: string; gpu: boolean } {
  const backend = tf.backend() as unknown as { binding: { TF_Version: string }; isUsingGpuDevice: boolean };
  return { tensorflow: backend.binding.TF_Version, gpu: backend.isUsingGpuDevice };
}

/** The two ways in which an installed package can fail, each with its repair. */
function explain(name: string, { message }: Error): string {
  if (message.includes('tfjs_binding.node')) {
    return `${name} is installed without its native binding, because its install script was blocked or failed: allow it (npm install-scripts approve ${name}, or pnpm approve-builds) and run npm rebuild ${name}.`;
  }
  return `${name} is installed but its native library does not load (${message.split('\n', 1)[0]}): check the libraries it names (CUDA, libtensorflow, glibc), or use 'seqrec/wasm'.`;
}

/** tfjs-node 4.22 calls `util.isNullOrUndefined`, which Node 23 removed. */
function restoreIsNullOrUndefined(): void {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => Record<string, unknown> } };
  const util = process?.getBuiltinModule?.('node:util');
  if (util) util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
}

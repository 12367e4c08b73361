/** tfjs kernels of our own, where a backend lacks one or has a slow one. Code of the application gains as well. */
import * as tf from '@tensorflow/tfjs-core';
import { wasmGather, wasmIdentity, wasmSlice } from './copies.ts';
import type { Replacement } from './memory.ts';
import { cpuSegmentSum, wasmSegmentSum } from './segment-sum.ts';

/**
 * Registers the kernels for a backend that is, or is about to become, active. Does nothing the second time.
 *
 * @returns what there is to tell of them
 */
export async function registerKernels(backendName: string): Promise<{ kernels?: string }> {
  for (const [kernelName, replace] of Object.entries((await replacements[backendName]?.()) ?? {})) {
    const known = tf.getKernel(kernelName, backendName);
    if (known && OURS.has(known.kernelFunc)) continue;
    if (known) tf.unregisterKernel(kernelName, backendName);
    const kernelFunc = replace(known?.kernelFunc);
    OURS.add(kernelFunc);
    tf.registerKernel({ ...known, kernelName, backendName, kernelFunc });
  }
  const kernels = await fused[backendName]?.();
  return kernels === undefined ? {} : { kernels };
}

type Replacements = { readonly [kernelName: string]: Replacement };

const replacements: { readonly [backendName: string]: () => Replacements | Promise<Replacements> } = {
  cpu: () => ({ UnsortedSegmentSum: cpuSegmentSum }),
  wasm: () => ({ UnsortedSegmentSum: wasmSegmentSum, Slice: wasmSlice, GatherV2: wasmGather, Identity: wasmIdentity }),
  webgpu: async () => (await import('./webgpu-kernels.ts')).webgpuReplacements,
};

/** Kernels under names of our own. */
const fused: { readonly [backendName: string]: () => Promise<string> } = {
  wasm: async () => (await import('./wasm-kernels.ts')).registerWasmKernels(),
  webgpu: async () => (await import('./webgpu-kernels.ts')).registerWebgpuKernels(),
};

const OURS = new WeakSet<tf.KernelFunc>();

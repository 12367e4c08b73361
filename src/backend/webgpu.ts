/** The WebGPU backend, registered by ourselves: the package's own registration fails without an adapter. */
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { importOptional, isNotInstalled, isServer } from './runtime.ts';
import type { Candidate } from './select.ts';
import { firstLine, watch } from './webgpu/watch.ts';

/** What the kernels of TensorFlow.js and seqrec may need; a device has the lowest values unless asked for more. */
const LIMITS = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxBufferSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
] as const;

/** How a package is imported, replaced in tests. */
type Import = (name: string) => Promise<unknown>;

export const webgpu: Candidate = webgpuBackend(importOptional);

/** The WebGPU backend, with `importPackage` to reach the package 'webgpu'. */
export function webgpuBackend(importPackage: Import): Candidate {
  return {
    name: 'webgpu',
    backend: 'webgpu',
    async load(explicit) {
      const gpu = await findGpu(importPackage);
      const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
      if (!adapter) {
        throw new Error(
          "The runtime has WebGPU but finds no adapter for it: check the GPU driver, or use 'seqrec/wasm'.",
        );
      }
      // Read before the device is requested: some runtimes invalidate the adapter then.
      const { vendor, architecture, device: model, description } = adapter.info ?? ({} as Partial<GPUAdapterInfo>);
      const name = [vendor, architecture, model, description].filter(Boolean).join(' ') || 'unnamed';
      const software = rendersInSoftware(adapter, name);
      if (software && !explicit) {
        throw new Error(
          `The only adapter (${name}) renders in software, slower than WebAssembly: import 'seqrec/webgpu' to use it all the same.`,
        );
      }
      const device = await requestDevice(adapter, name);
      const backend = new WebGPUBackend(device, { vendor, architecture, device: model, description } as GPUAdapterInfo);
      const watched = watch(backend);
      if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu');
      tf.registerBackend('webgpu', () => backend, 3);
      return { ...watched, details: { adapter: name, software, ...watched.details } };
    },
  };
}

/** `navigator.gpu`, on Node and Bun provided by the package 'webgpu' where it is installed. */
async function findGpu(importPackage: Import): Promise<GPU> {
  if (globalThis.navigator?.gpu) return globalThis.navigator.gpu;
  if (!isServer()) {
    const why = globalThis.isSecureContext === false ? 'WebGPU needs https or localhost' : 'too old, or switched off';
    throw new Error(`This runtime offers no navigator.gpu (${why}): use 'seqrec/wasm'.`);
  }
  let gpu: GPU;
  try {
    const dawn = (await importPackage('webgpu')) as { create(flags: string[]): GPU; globals: object };
    if (!dawn.create || !dawn.globals) throw new Error('it has no create and globals: npm install webgpu@0.6');
    gpu = dawn.create([]);
    // The WebGPU backend reads GPUBufferUsage and the like as globals.
    Object.assign(globalThis, dawn.globals);
  } catch (error) {
    if (isNotInstalled(error, 'webgpu')) {
      throw new Error(
        "This runtime has no navigator.gpu and the package 'webgpu' is not installed: npm install webgpu.",
      );
    }
    throw new Error(
      `The package 'webgpu' is installed but does not load here (${messageOf(error)}): use 'seqrec/wasm'.`,
      { cause: error },
    );
  }
  if (globalThis.navigator) Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true });
  else Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  return gpu;
}

async function requestDevice(adapter: GPUAdapter, name: string): Promise<GPUDevice> {
  const limits = LIMITS.filter((limit) => adapter.limits[limit] !== undefined);
  try {
    return await adapter.requestDevice({
      requiredLimits: Object.fromEntries(limits.map((limit) => [limit, adapter.limits[limit]])),
      requiredFeatures: adapter.features.has('timestamp-query') ? ['timestamp-query'] : [],
    });
  } catch (error) {
    throw new Error(
      `The WebGPU adapter (${name}) gives no device (${messageOf(error)}): close what else uses the GPU, or use 'seqrec/wasm'.`,
      { cause: error },
    );
  }
}

function rendersInSoftware(adapter: GPUAdapter, name: string): boolean {
  const flagged = adapter.info?.isFallbackAdapter || (adapter as { isFallbackAdapter?: boolean }).isFallbackAdapter;
  return Boolean(flagged) || /swiftshader|llvmpipe|lavapipe|basic render|software/i.test(name);
}

function messageOf(error: unknown): string {
  return firstLine((error as { message?: string } | null)?.message ?? String(error));
}

/** The WebGPU backend, registered by ourselves: the package's own registration fails without an adapter. */
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { importOptional, isNotInstalled, isServer } from './runtime.ts';
import type { Candidate, Loaded } from './select.ts';

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

export const webgpu: Candidate = {
  name: 'webgpu',
  backend: 'webgpu',
  async load(explicit) {
    const gpu = await findGpu();
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
    const device = await adapter.requestDevice({
      requiredLimits: Object.fromEntries(
        LIMITS.filter((limit) => adapter.limits[limit] !== undefined).map((limit) => [limit, adapter.limits[limit]]),
      ),
      requiredFeatures: adapter.features.has('timestamp-query') ? ['timestamp-query'] : [],
    });
    const takeProblem = watch(device);
    const backend = new WebGPUBackend(device, { vendor, architecture, device: model, description } as GPUAdapterInfo);
    if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu');
    tf.registerBackend('webgpu', () => backend, 3);
    const maxBufferBytes = Math.min(
      Number(device.limits.maxBufferSize),
      Number(device.limits.maxStorageBufferBindingSize),
    );
    return { details: { adapter: name, software, maxBufferBytes }, takeProblem };
  },
};

/** `navigator.gpu`, on Node and Bun provided by the package 'webgpu' where it is installed. */
async function findGpu(): Promise<GPU> {
  if (globalThis.navigator?.gpu) return globalThis.navigator.gpu;
  if (!isServer()) {
    const why = globalThis.isSecureContext === false ? 'WebGPU needs https or localhost' : 'too old, or switched off';
    throw new Error(`This runtime offers no navigator.gpu (${why}): use 'seqrec/wasm'.`);
  }
  let dawn: { create(flags: string[]): GPU; globals: object };
  try {
    dawn = (await importOptional('webgpu')) as typeof dawn;
  } catch (error) {
    if (isNotInstalled(error, 'webgpu')) {
      throw new Error(
        "This runtime has no navigator.gpu and the package 'webgpu' is not installed: npm install webgpu.",
      );
    }
    throw new Error(
      `The package 'webgpu' is installed but does not load here (${firstLine((error as Error).message)}): use 'seqrec/wasm'.`,
      { cause: error },
    );
  }
  // The WebGPU backend reads GPUBufferUsage and the like as globals.
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create([]);
  if (globalThis.navigator) Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true });
  else Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  return gpu;
}

function rendersInSoftware(adapter: GPUAdapter, name: string): boolean {
  const flagged = adapter.info?.isFallbackAdapter || (adapter as { isFallbackAdapter?: boolean }).isFallbackAdapter;
  return Boolean(flagged) || /swiftshader|llvmpipe|lavapipe|basic render|software/i.test(name);
}

/**
 * Remembers what WebGPU reports beside the results. A tensor above the limits of a buffer, or a lost device, makes
 * reads resolve with zeros or stale numbers, and TensorFlow.js listens to neither.
 */
function watch(device: GPUDevice): NonNullable<Loaded['takeProblem']> {
  let problem: { error: Error; lost: boolean } | undefined;
  device.addEventListener('uncapturederror', (event) => {
    event.preventDefault();
    problem ??= {
      error: new Error(
        `WebGPU reported an error, so results since then may be wrong (${firstLine(event.error.message)}): lower batchSize if a buffer is too large, else use 'seqrec/wasm' and report it.`,
      ),
      lost: false,
    };
  });
  void device.lost.then(({ reason, message }) => {
    problem = {
      error: new Error(
        `The WebGPU device was lost (${firstLine(message) || reason}) with every tensor on it: load the model from its file and try again.`,
      ),
      lost: true,
    };
  });
  return () => {
    const taken = problem;
    problem = undefined;
    return taken;
  };
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

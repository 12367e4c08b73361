/** The WebGPU backend, registered by ourselves: the package's own registration fails without an adapter. */
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { bufferSize } from './buckets.ts';
import { DeviceLostError } from './device-lost.ts';
import { importOptional, isNotInstalled, isServer } from './runtime.ts';
import type { Candidate, Device } from './select.ts';
import { keepIntegers } from './webgpu/gpu.ts';

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
      const problems = new Problems(device);
      const backend = new WebGPUBackend(device, { vendor, architecture, device: model, description } as GPUAdapterInfo);
      const maxBufferBytes = Math.min(
        Number(device.limits.maxBufferSize),
        Number(device.limits.maxStorageBufferBindingSize),
      );
      guardBuffers(backend, maxBufferBytes);
      trimReads(backend);
      guardReads(backend, problems);
      keepIntegers(backend);
      if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu');
      tf.registerBackend('webgpu', () => backend, 3);
      return { details: { adapter: name, software, maxBufferBytes }, device: problems };
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

/**
 * Remembers what WebGPU reports beside the results. After a wrong program or a lost device, reads resolve with zeros or
 * stale numbers, and TensorFlow.js listens to neither.
 */
class Problems implements Device {
  lost: DeviceLostError | undefined;
  /** Resolves when `lost` is set. */
  readonly announced: Promise<void>;
  /** The first that nobody has been told of; a lost device goes before all others. */
  #untold: Error | undefined;

  constructor(device: GPUDevice) {
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      this.#untold ??= new Error(
        `WebGPU reported an error, so results since then may be wrong (${firstLine(event.error.message)}): use 'seqrec/wasm' and report it.`,
      );
    });
    this.announced = device.lost.then(({ reason, message }) => {
      this.lost = new DeviceLostError(
        `The WebGPU device was lost (${firstLine(message) || reason}) with every tensor on it: load the model from its file and go on; seqrec takes a new device or the next backend.`,
      );
      this.#untold = this.lost;
    });
  }

  takeProblem(): Error | undefined {
    const taken = this.#untold;
    this.#untold = undefined;
    return taken;
  }

  /** What a read has to fail with; of a lost device, every read is told. */
  tell(): Error | undefined {
    return this.takeProblem() ?? this.lost;
  }
}

/** What tfjs-webgpu knows of a tensor, and where it keeps what it has read of one. */
interface Reading {
  readonly tensorMap: { get(id: object): { shape: number[]; dtype: string; values: tf.BackendValues } };
  convertAndCacheOnCPU(dataId: object, values: tf.BackendValues): tf.BackendValues;
}

/** Cuts what is read to the size of the tensor, since its buffer may be larger. */
function trimReads(backend: WebGPUBackend): void {
  const reading = backend as unknown as Reading;
  const { tensorMap } = reading;
  const keep = reading.convertAndCacheOnCPU.bind(backend);
  reading.convertAndCacheOnCPU = (dataId, values) => {
    const { shape, dtype } = tensorMap.get(dataId);
    const size = tf.util.sizeFromShape(shape);
    // Complex numbers are put together of two tensors that were read.
    return keep(dataId, dtype === 'complex64' || values.length === size ? values : values.slice(0, size));
  };
  const read = backend.read.bind(backend);
  backend.read = async (dataId) => {
    const data = tensorMap.get(dataId);
    await read(dataId);
    return data.values;
  };
  const readSync = backend.readSync.bind(backend);
  backend.readSync = (dataId) => {
    readSync(dataId);
    return tensorMap.get(dataId).values;
  };
}

/** Makes every read fail that may hold wrong numbers, with the reason; a lost device is reported in place of what follows from it. */
function guardReads(backend: WebGPUBackend, problems: Problems): void {
  const read = backend.read.bind(backend);
  backend.read = async (dataId) => {
    if (problems.lost) throw problems.tell();
    let values: Awaited<ReturnType<typeof read>> | undefined;
    let failure: unknown;
    try {
      values = await read(dataId);
    } catch (error) {
      failure = error;
      // The loss is announced after the reads have failed, on a busy machine by more than a turn of the event loop.
      await Promise.race([problems.announced, new Promise((resolve) => setTimeout(resolve, 1000))]);
    }
    const problem = problems.tell() ?? failure;
    if (problem) throw problem;
    return values as NonNullable<typeof values>;
  };
  // So does TensorFlow.js move tensors to the backend that is used instead, which would be zeros.
  const readSync = backend.readSync.bind(backend);
  backend.readSync = (dataId) => {
    if (problems.lost) throw problems.tell();
    return readSync(dataId);
  };
}

/** The parts of the manager of buffers that matter here. */
interface Buffers {
  acquireBuffer(size: number, ...rest: unknown[]): GPUBuffer;
  releaseBuffer(buffer: GPUBuffer, reuse?: boolean): void;
  freeBuffers: Map<string, GPUBuffer[]>;
  numFreeBuffers: number;
  numBytesUsed: number;
  numBytesAllocated: number;
}

/** How many bytes of freed buffers are kept for the next tensors of their sizes, at least. */
const SPARE_BYTES = 2 ** 26;

/**
 * Refuses a buffer above the limits of the device, which WebGPU makes all the same and fills with nothing. Makes buffers
 * of a few sizes only, since TensorFlow.js keeps freed ones for ever, for tensors of their very size; and gives them back
 * once they outweigh those in use.
 */
function guardBuffers(backend: WebGPUBackend, maxBytes: number): void {
  const buffers = backend.bufferManager as unknown as Buffers;
  const acquire = buffers.acquireBuffer.bind(buffers);
  const release = buffers.releaseBuffer.bind(buffers);
  buffers.acquireBuffer = (size, ...rest) => {
    if (size > maxBytes) {
      throw new RangeError(
        `A tensor of ${megabytes(size)} does not fit into a buffer of this GPU, which holds at most ${megabytes(maxBytes)}: use a sampled loss or a smaller batchSize, fewer histories at once, or 'seqrec/wasm'.`,
      );
    }
    const bucket = bufferSize(size);
    return acquire(bucket > maxBytes ? size : bucket, ...rest);
  };
  buffers.releaseBuffer = (buffer, reuse) => {
    release(buffer, reuse);
    const spare = buffers.numBytesAllocated - buffers.numBytesUsed;
    if (spare <= Math.max(SPARE_BYTES, buffers.numBytesUsed)) return;
    for (const list of buffers.freeBuffers.values()) {
      for (const free of list) free.destroy();
      list.length = 0;
    }
    buffers.numFreeBuffers = 0;
    buffers.numBytesAllocated -= spare;
  };
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20).toLocaleString('en')} MiB`;
}

function messageOf(error: unknown): string {
  return firstLine((error as { message?: string } | null)?.message ?? String(error));
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

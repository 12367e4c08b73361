/** Watches a WebGPU backend, whoever made it: what it reports beside the results, the loss of its device, its buffers. */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { bufferSize } from '../buckets.ts';
import { DeviceLostError } from '../device-lost.ts';
import type { Device, Loaded } from '../select.ts';
import { keepIntegers } from './gpu.ts';

const watched = new WeakMap<WebGPUBackend, Loaded>();

/** Does nothing the second time. */
export function watch(backend: WebGPUBackend): Loaded {
  const known = watched.get(backend);
  if (known) return known;
  const { limits } = backend.device;
  const problems = new Problems(backend.device);
  const maxBufferBytes = Math.min(Number(limits.maxBufferSize), Number(limits.maxStorageBufferBindingSize));
  guardBuffers(backend, maxBufferBytes);
  trimReads(backend);
  guardReads(backend, problems);
  keepIntegers(backend);
  const loaded = { details: { maxBufferBytes }, device: problems };
  watched.set(backend, loaded);
  return loaded;
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

export function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

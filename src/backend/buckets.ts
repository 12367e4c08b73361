/**
 * Few sizes in place of all: tfjs-webgpu keeps freed buffers for tensors of the very same size, and every batch has
 * another number of rows.
 */
import * as tf from '@tensorflow/tfjs-core';

/** Whether a test has rows counted in buckets, on any backend. */
let asked: boolean | undefined;

/**
 * The rows of the tensors of a batch of `rows` rows: on WebGPU the next bucket, elsewhere `rows`. Buckets are multiples
 * of 16, from 256 rows on eight between a power of two and the next, so that at most an eighth of the rows is spare.
 */
export function rowsCapacity(rows: number): number {
  return (asked ?? tf.getBackend() === 'webgpu') ? nextBucket(rows, 16) : rows;
}

/** The bytes of the buffer of a tensor of `bytes` bytes, which is at most an eighth or 256 bytes more. */
export function bufferSize(bytes: number): number {
  return nextBucket(bytes, 256);
}

/** Runs `run` with or without buckets of rows, whatever the backend. For tests. */
export async function withRowBuckets<T>(on: boolean, run: () => Promise<T>): Promise<T> {
  asked = on;
  try {
    return await run();
  } finally {
    asked = undefined;
  }
}

/** The next multiple of `least` or, where that is more, of an eighth of the power of two below. */
function nextBucket(size: number, least: number): number {
  let step = least;
  while (16 * step <= size) step *= 2;
  return Math.ceil(size / step) * step;
}

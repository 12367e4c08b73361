/** What a kernel of ours is, and what it needs to know of how a backend stores tensors. */
import type * as tf from '@tensorflow/tfjs-core';

export type TypedArray = Float32Array | Int32Array | Uint8Array;

/**
 * Makes a kernel in place of `known`, the backend's own. It computes the same numbers, and leaves to `known` what is
 * not its business.
 */
export type Replacement = (known: tf.KernelFunc | undefined) => tf.KernelFunc;

/** The arguments of a kernel. */
export type KernelCall = Parameters<tf.KernelFunc>[0];

/** The parts of tfjs-cpu that a kernel needs. */
export interface CpuMemory {
  data: { get(id: object): { values: TypedArray } };
  makeTensorInfo(shape: number[], dtype: tf.DataType, values: TypedArray): tf.TensorInfo;
}

/**
 * The parts of tfjs-wasm that a kernel needs. Making an output may move the heap, so views are taken after it.
 */
export interface WasmMemory {
  makeOutput(shape: number[], dtype: tf.DataType): tf.TensorInfo;
  typedArrayFromHeap(tensor: tf.TensorInfo): TypedArray;
}

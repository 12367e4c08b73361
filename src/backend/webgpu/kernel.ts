/** A kernel of our own on WebGPU, by the name under which ops find it; it has the inputs and results of that on wasm. */
import type * as tf from '@tensorflow/tfjs-core';
import { LANES } from '../../kernels/webgpu/program.ts';
import type { KernelCall } from '../memory.ts';
import type { Gpu } from './gpu.ts';

export interface WebgpuKernel {
  readonly name: `Seqrec${string}`;
  run(call: KernelCall, gpu: Gpu): tf.TensorInfo | tf.TensorInfo[];
}

/** The number of values of a tensor. */
export function sizeOf({ shape }: tf.TensorInfo): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** The workgroups of a program with an invocation for each of `size` values. */
export function groupsFor(size: number): number {
  return Math.ceil(size / LANES);
}

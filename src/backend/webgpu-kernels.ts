/**
 * Kernels for WebGPU: what TensorFlow.js gets wrong there, and the fused ones under names of our own ('Seqrec…'), by which
 * the ops find them as on WebAssembly.
 *
 * To add a fused kernel: write the program in `kernels/webgpu/<family>.ts`, describe the call in `backend/webgpu/<family>.ts`
 * with the inputs, attributes and results of the kernel on WebAssembly, add a call with a known result to
 * `kernel-test.ts`, and add the list to `families` below.
 */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { switchedOff } from './kernel-source.ts';
import { kernelProblem } from './kernel-test.ts';
import type { KernelCall, Replacement } from './memory.ts';
import { activationKernels } from './webgpu/activations.ts';
import { attentionKernels } from './webgpu/attention.ts';
import { crossEntropyKernels } from './webgpu/cross-entropy.ts';
import { dropoutKernels } from './webgpu/dropout.ts';
import { Gpu } from './webgpu/gpu.ts';
import { itemScoresKernels } from './webgpu/item-scores.ts';
import type { WebgpuKernel } from './webgpu/kernel.ts';
import { layerNormKernels } from './webgpu/layer-norm.ts';
import { linearKernels } from './webgpu/linear.ts';
import { matMulKernels } from './webgpu/mat-mul.ts';
import { optimizerKernels } from './webgpu/optimizer.ts';
import { rowsKernels, sumOfRows } from './webgpu/rows.ts';
import { sampledKernels } from './webgpu/sampled.ts';

const families: readonly (readonly WebgpuKernel[])[] = [
  activationKernels,
  attentionKernels,
  crossEntropyKernels,
  dropoutKernels,
  itemScoresKernels,
  layerNormKernels,
  linearKernels,
  matMulKernels,
  optimizerKernels,
  rowsKernels,
  sampledKernels,
];

const isEmpty = ({ shape }: tf.TensorInfo) => shape.includes(0);
const gpuOf = (call: KernelCall) => Gpu.of(call.backend as object);

/** What came of it, by backend: after a device was lost there is another. */
const states = new WeakMap<object, string>();

/**
 * Registers the fused kernels if their results are right on the active device. Does nothing the second time.
 *
 * @returns which kernels run, or why none does
 */
export async function registerWebgpuKernels(): Promise<string> {
  const backend = tf.findBackend('webgpu');
  if (!backend) return 'none';
  const state = states.get(backend) ?? (await start());
  states.set(backend, state);
  return state;
}

async function start(): Promise<string> {
  const off = switchedOff();
  if (off) return without(`switched off by ${off}`);
  for (const { name, run } of families.flat()) {
    if (tf.getKernel(name, 'webgpu')) continue;
    tf.registerKernel({ kernelName: name, backendName: 'webgpu', kernelFunc: (call) => run(call, gpuOf(call)) });
  }
  const device = deviceName();
  if (passed.has(device)) return 'WGSL';
  const problem = await Gpu.of(tf.backend()).problemIn(kernelProblem);
  if (!problem) {
    passed.add(device);
    return 'WGSL';
  }
  console.warn(`seqrec computes without its WebGPU kernels, which is slow: ${problem}. Please report the device.`);
  return without(`the self-test failed: ${problem}`);
}

/** The devices on which the kernels were right: one that takes the place of another of its kind is not tested again. */
const passed = new Set<string>();

function deviceName(): string {
  const { adapterInfo } = tf.backend() as WebGPUBackend;
  return JSON.stringify(adapterInfo);
}

/** Takes all kernels away: the ops run their composed forms. */
function without(why: string): string {
  for (const { name } of families.flat()) if (tf.getKernel(name, 'webgpu')) tf.unregisterKernel(name, 'webgpu');
  return `none: ${why}`;
}

/** The sum of nothing, for which the built-in kernel asks for a buffer of no bytes. */
const sum: Replacement = (known) => (call) => {
  const { x } = call.inputs as { x: tf.TensorInfo };
  if (known && !isEmpty(x)) return known(call);
  const { axis, keepDims } = call.attrs as unknown as tf.SumAttrs;
  const axes = tf.util.parseAxisParam(axis, x.shape);
  const reduced = x.shape.map((length, i) => (axes.includes(i) ? 1 : length));
  const shape = keepDims ? reduced : reduced.filter((_, i) => !axes.includes(i));
  return gpuOf(call).zeros(shape, x.dtype === 'bool' ? 'int32' : x.dtype);
};

/** The product of matrices that share an axis of no length. */
const matMul: Replacement = (known) => (call) => {
  const { a, b } = call.inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
  if (known && !isEmpty(a) && !isEmpty(b)) return known(call);
  const { transposeA, transposeB } = call.attrs as unknown as tf.BatchMatMulAttrs;
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const rows = a.shape.at(transposeA ? -1 : -2) as number;
  const columns = b.shape.at(transposeB ? -2 : -1) as number;
  return gpuOf(call).zeros([...batch, rows, columns], a.dtype);
};

/**
 * The gradient of a lookup. The built-in kernel adds in whatever order its threads arrive, so no two runs agree, and
 * wraps numbers out of range into other segments. Where the numbers came from the host, as those of every batch, their
 * rows are sorted there: then every sum goes in the order of the rows, and nothing need be transposed or cleared.
 */
const segmentSum: Replacement = (known) => (call) => {
  const { x, segmentIds } = call.inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo };
  const { numSegments } = call.attrs as unknown as tf.UnsortedSegmentSumAttrs;
  const gpu = gpuOf(call);
  const segments = gpu.integers(segmentIds);
  const usual = x.dtype === 'float32' && segmentIds.shape.length === 1 && segmentIds.shape[0] === x.shape[0];
  if (usual && isEmpty(x)) return gpu.zeros([numSegments, ...x.shape.slice(1)]);
  if (known && (!usual || !segments)) return known(call);
  return sumOfRows(gpu, x, segments as Int32Array, numSegments);
};

/** What stands in for kernels of TensorFlow.js. */
export const webgpuReplacements: Readonly<Record<string, Replacement>> = {
  Sum: sum,
  BatchMatMul: matMul,
  UnsortedSegmentSum: segmentSum,
};

/**
 * Fused kernels in WebAssembly, which work on the memory of tfjs-wasm in place: tensors are read and written where they
 * are. They stand under names of our own ('Seqrec…'), so other code of the application never runs them.
 *
 * To add a kernel:
 * 1. Write it in `kernels/wasm/assembly/<family>.ts` and export it in `index.ts` there. It takes numbers and byte
 *    offsets, allocates nothing and imports nothing from outside.
 * 2. In `backend/wasm/<family>.ts`, describe what it exports in an interface and export a list of {@link WasmKernel}s.
 *    `run` makes the outputs by `wasm.output`, takes scratch space by `wasm.scratch` and passes `wasm.address` of each
 *    tensor. Offsets stay valid when the memory grows; a typed array does not, so make none before an allocation.
 * 3. Add the list to `families` below, and the op's branch: `if (hasKernel(name)) return runKernel(name, …)`. The composed
 *    form stays, for the other backends and as the oracle.
 */
import * as tf from '@tensorflow/tfjs-core';
import { relaxed, simd } from '../kernels/wasm/binary.ts';
import type { KernelCall } from './memory.ts';
import { activationKernels } from './wasm/activations.ts';
import { addToKernels } from './wasm/add-to.ts';
import { attentionKernels } from './wasm/attention.ts';
import { crossEntropyKernels } from './wasm/cross-entropy.ts';
import { dropoutKernels } from './wasm/dropout.ts';
import { gruKernels } from './wasm/gru.ts';
import { itemScoresKernels } from './wasm/item-scores.ts';
import { layerNormKernels } from './wasm/layer-norm.ts';
import { linearKernels } from './wasm/linear.ts';
import { matMulKernels } from './wasm/mat-mul.ts';
import { neighborSumsKernels } from './wasm/neighbor-sums.ts';
import { optimizerKernels } from './wasm/optimizer.ts';
import { rowsKernels } from './wasm/rows.ts';
import { sampledKernels } from './wasm/sampled.ts';

/** A kernel by the name under which ops find it. */
export interface WasmKernel {
  readonly name: `Seqrec${string}`;
  run(call: KernelCall, wasm: Wasm): tf.TensorInfo | tf.TensorInfo[];
}

/** The compiled module on the memory of one backend. */
export interface Wasm {
  /** The exports, as the family describes them. */
  functions<T>(): T;
  /** Where the values of a float32 tensor begin; throws for another type, whose bits would be misread. */
  address(tensor: tf.TensorInfo): number;
  /** Where the values of an int32 tensor begin. */
  indices(tensor: tf.TensorInfo): number;
  /** A new tensor; its values are not set. */
  output(shape: readonly number[], dtype?: tf.DataType): tf.TensorInfo;
  /** Where at least so many bytes begin that are free until the next call of this; aligned to 16 bytes. */
  scratch(bytes: number): number;
}

const families: readonly (readonly WasmKernel[])[] = [
  activationKernels,
  addToKernels,
  attentionKernels,
  crossEntropyKernels,
  dropoutKernels,
  gruKernels,
  itemScoresKernels,
  layerNormKernels,
  linearKernels,
  matMulKernels,
  neighborSumsKernels,
  optimizerKernels,
  rowsKernels,
  sampledKernels,
];

/** Registers the kernels if this runtime has what they need. Does nothing the second time. */
export async function registerWasmKernels(): Promise<void> {
  const backend = tf.findBackend('wasm') as unknown as WasmBackend | null;
  if (!backend || instances.has(backend)) return;
  const module = await compiled();
  if (!module) return;
  try {
    instances.set(backend, instantiate(module, backend));
  } catch {
    return; // The memory is not of the expected kind, as that of tfjs' threads, which are off here.
  }
  for (const { name, run } of families.flat()) {
    if (tf.getKernel(name, 'wasm')) continue;
    tf.registerKernel({
      kernelName: name,
      backendName: 'wasm',
      kernelFunc: (call) => run(call, instances.get(call.backend as object) as Wasm),
    });
  }
}

/** By backend, since an application may remove one and make another. */
const instances = new WeakMap<object, Wasm>();

let module: Promise<WebAssembly.Module | undefined> | undefined;

/** The best variant that this runtime understands. */
function compiled(): Promise<WebAssembly.Module | undefined> {
  module ??= (async () => {
    for (const text of [relaxed, simd]) {
      const bytes = decoded(text);
      if (WebAssembly.validate(bytes)) return WebAssembly.compile(bytes);
    }
    return undefined;
  })();
  return module;
}

function decoded(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The parts of tfjs-wasm that are needed here. */
interface WasmBackend {
  readonly wasm: {
    readonly wasmMemory?: WebAssembly.Memory;
    readonly asm?: { readonly memory?: WebAssembly.Memory };
    _malloc(bytes: number): number;
    _free(address: number): void;
  };
  readonly dataIdMap: { get(id: object): { readonly memoryOffset: number } };
  makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
  disposeData(id: object): boolean;
}

function instantiate(module: WebAssembly.Module, backend: WasmBackend): Wasm {
  const heap = backend.wasm;
  const memory = heap.wasmMemory ?? heap.asm?.memory;
  const { exports } = new WebAssembly.Instance(module, { env: { memory: memory as WebAssembly.Memory } });
  let [block, size] = [0, 0];
  const addressOf = ({ dataId, dtype }: tf.TensorInfo, expected: tf.DataType): number => {
    if (dtype === expected) return backend.dataIdMap.get(dataId).memoryOffset;
    throw new TypeError(`A ${expected} tensor is needed, got ${dtype}: use tf.cast(x, '${expected}').`);
  };
  return {
    functions: <T>() => exports as T,
    address: (tensor) => addressOf(tensor, 'float32'),
    indices: (tensor) => addressOf(tensor, 'int32'),
    output(shape, dtype = 'float32') {
      const made = backend.makeOutput(shape, dtype);
      // tfjs-wasm does not look whether its allocation failed; a kernel would write over the start of the memory.
      if (tf.util.sizeFromShape([...shape]) > 0 && backend.dataIdMap.get(made.dataId).memoryOffset === 0) {
        backend.disposeData(made.dataId);
        throw new Error(
          `The WebAssembly memory is full: ${4 * tf.util.sizeFromShape([...shape])} bytes more are needed.`,
        );
      }
      return made;
    },
    scratch(bytes) {
      if (bytes > size) {
        if (block !== 0) heap._free(block);
        size = bytes;
        block = heap._malloc(size + 15) >>> 0;
        if (block === 0) {
          size = 0;
          throw new Error(`The WebAssembly memory is full: ${bytes} bytes more are needed.`);
        }
      }
      return ((block + 15) & ~15) >>> 0;
    },
  };
}

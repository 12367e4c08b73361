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
 * 3. Add a call with a known result to `kernel-test.ts`.
 * 4. Add the list to `families` below, and the op's branch: `if (hasKernel(name)) return runKernel(name, …)`. The composed
 *    form stays, for the other backends and as the oracle.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type KernelFile, kernelBytes, switchedOff, variants } from './kernel-source.ts';
import { kernelProblem } from './kernel-test.ts';
import type { KernelCall } from './memory.ts';
import { activeRecorder, recordables } from './recording.ts';
import { forSharedMemory } from './shared-memory.ts';
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
import { normalizeKernels } from './wasm/normalize.ts';
import { optimizerKernels } from './wasm/optimizer.ts';
import { pairsKernels } from './wasm/pairs.ts';
import { rotatePairsKernels } from './wasm/rotate-pairs.ts';
import { rowsKernels } from './wasm/rows.ts';
import { sampledKernels } from './wasm/sampled.ts';

/** A kernel by the name under which ops find it. */
export interface WasmKernel {
  readonly name: `Seqrec${string}`;
  run(call: KernelCall, wasm: Wasm): tf.TensorInfo | tf.TensorInfo[];
}

/** The compiled module on the memory of one backend. Whatever does not fit into the memory throws, as do `tf` ops. */
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
  normalizeKernels,
  optimizerKernels,
  pairsKernels,
  rotatePairsKernels,
  rowsKernels,
  sampledKernels,
];

/**
 * Registers the kernels if this runtime has what they need and their results are right. Does nothing the second time.
 *
 * @returns which variant runs, or why none does
 */
export async function registerWasmKernels(): Promise<string> {
  const backend = tf.findBackend('wasm') as unknown as WasmBackend | null;
  if (!backend) return 'none';
  let state = states.get(backend);
  if (!state) {
    state = await start(backend);
    states.set(backend, state);
  }
  return state;
}

/** What came of it, by backend, since an application may remove one and make another. */
const states = new WeakMap<object, string>();
const instances = new WeakMap<object, Wasm>();

async function start(backend: WasmBackend): Promise<string> {
  guardAllocations(backend.wasm);
  const off = switchedOff();
  if (off) return without(`switched off by ${off}`);
  const found = await understood();
  if (!found) return without('this runtime has no SIMD in WebAssembly');
  try {
    const shared = isShared(memoryOf(backend.wasm));
    const module = await WebAssembly.compile(shared ? forSharedMemory(found.bytes) : found.bytes);
    instances.set(backend, instantiate(module, backend));
  } catch (error) {
    return without(
      `they do not fit the memory of this tfjs-wasm (${(error as Error).message}); import 'seqrec/wasm' in place of calling tf.setBackend('wasm')`,
    );
  }
  for (const { name, run } of families.flat()) {
    if (tf.getKernel(name, 'wasm')) continue;
    tf.registerKernel({
      kernelName: name,
      backendName: 'wasm',
      kernelFunc: (call) => run(call, instances.get(call.backend as object) as Wasm),
    });
  }
  const problem = await kernelProblem();
  if (!problem) return found.variant;
  console.warn(`seqrec computes without its WebAssembly kernels, which is slow: ${problem}. Please report the device.`);
  return without(`the self-test failed: ${problem}`);
}

/** Takes all kernels away: the ops run their composed forms. */
function without(why: string): string {
  for (const { name } of families.flat()) if (tf.getKernel(name, 'wasm')) tf.unregisterKernel(name, 'wasm');
  return `none: ${why}`;
}

/** The best variant that this runtime understands. */
async function understood(): Promise<{ variant: string; bytes: Uint8Array<ArrayBuffer> } | undefined> {
  for (const [variant, file] of Object.entries(variants)) {
    const bytes = await kernelBytes(file as KernelFile);
    if (WebAssembly.validate(bytes)) return { variant, bytes };
  }
  return undefined;
}

function isShared({ buffer }: WebAssembly.Memory): boolean {
  return typeof SharedArrayBuffer === 'function' && (buffer as ArrayBufferLike) instanceof SharedArrayBuffer;
}

/** The parts of tfjs-wasm that are needed here. */
interface WasmBackend {
  readonly wasm: Heap;
  readonly dataIdMap: { get(id: object): { readonly memoryOffset: number } };
  makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
}

interface Heap {
  readonly wasmMemory?: WebAssembly.Memory;
  readonly asm?: { readonly memory?: WebAssembly.Memory };
  _malloc(bytes: number): number;
  _free(address: number): void;
}

function memoryOf(heap: Heap): WebAssembly.Memory {
  return (heap.wasmMemory ?? heap.asm?.memory) as WebAssembly.Memory;
}

/** What the memory of tfjs-wasm grows to at most: 4 GiB less a page. */
const MAX_BYTES = 65_535 * 65_536;

/**
 * Makes an allocation that fails an error. tfjs-wasm does not look: a full memory gives the address 0 and a size above
 * 4 GiB is taken modulo 4 GiB, and values of other tensors would be overwritten.
 */
function guardAllocations(heap: Heap): void {
  heap._free(heap._malloc(1)); // The first call of Emscripten's _malloc puts another function in its place.
  const malloc = heap._malloc;
  heap._malloc = (bytes) => {
    const address = bytes < MAX_BYTES ? malloc(bytes) : 0;
    if (address !== 0 || bytes === 0) return address;
    const { byteLength } = memoryOf(heap).buffer;
    throw new RangeError(
      `${bytes} bytes more do not fit into the WebAssembly memory, which has ${byteLength} bytes and can have ${MAX_BYTES}: use a smaller batchSize, or dispose of tensors.`,
    );
  };
}

function instantiate(module: WebAssembly.Module, backend: WasmBackend): Wasm {
  const heap = backend.wasm;
  const { exports } = new WebAssembly.Instance(module, { env: { memory: memoryOf(heap) } });
  let [block, size] = [0, 0];
  const addressOf = ({ dataId, dtype }: tf.TensorInfo, expected: tf.DataType): number => {
    if (dtype === expected) return backend.dataIdMap.get(dataId).memoryOffset;
    throw new TypeError(`A ${expected} tensor is needed, got ${dtype}: use tf.cast(x, '${expected}').`);
  };
  recordables.set(backend, {
    functions: exports as Readonly<Record<string, (...args: number[]) => unknown>>,
    memory: memoryOf(heap),
    address: (dataId) => backend.dataIdMap.get(dataId).memoryOffset,
    scratchAddress: () => block,
  });
  return {
    functions: <T>() => (activeRecorder()?.functions() ?? exports) as T,
    address: (tensor) => addressOf(tensor, 'float32'),
    indices: (tensor) => addressOf(tensor, 'int32'),
    output(shape, dtype = 'float32') {
      const made = backend.makeOutput(shape, dtype);
      activeRecorder()?.hold(made.dataId, 4 * tf.util.sizeFromShape([...shape]));
      return made;
    },
    scratch(bytes) {
      if (bytes > size) {
        if (block !== 0) heap._free(block);
        [block, size] = [0, 0]; // should the allocation fail
        block = heap._malloc(bytes + 15) >>> 0;
        size = bytes;
      }
      return ((block + 15) & ~15) >>> 0;
    },
  };
}

/**
 * Record and repeat: what a synchronous piece of work asks of the WebAssembly kernels, as a list of calls that can be made
 * again for other values of its inputs. A small request spends most of its time on the tensors of TensorFlow.js between
 * the kernels; a recording has none.
 *
 * The calls are made again with the very same arguments: the tensors of the first run are kept, so every address stays
 * what it was. A recording therefore holds for one size of every input. Work that is anything but kernels of ours and a
 * few that we can stand in for is not recorded, nor is a value from the host that is neither an input nor said to be a
 * constant. What cannot be seen here is a decision that JavaScript takes by the values of the inputs: who records
 * vouches for that.
 */
import * as tf from '@tensorflow/tfjs-core';

type Call = readonly [run: (...args: number[]) => unknown, args: readonly number[]];

/** What the kernels of a backend offer to recordings. */
export interface Recordable {
  readonly functions: Readonly<Record<string, (...args: number[]) => unknown>>;
  readonly memory: WebAssembly.Memory;
  address(dataId: object): number;
  /** Where the scratch space is; it moves when a kernel needs more. */
  scratchAddress(): number;
}

/** By backend. */
export const recordables = new WeakMap<object, Recordable>();

let recorder: Recorder | undefined;
let constants = 0;

/** The recorder of the work that is being recorded, if any: kernels tell it what they call and make. */
export function activeRecorder(): Recorder | undefined {
  return recorder;
}

/** Says that the tensors made in `make` are the same for all inputs of the same sizes. */
export function constant<T>(make: () => T): T {
  constants++;
  try {
    return make();
  } finally {
    constants--;
  }
}

/**
 * Runs `work` and records it if that is possible.
 *
 * @param inputs the arrays, by identity, of which `work` makes tensors, and whose values may differ next time
 */
export function record(
  inputs: readonly Int32Array[],
  work: () => tf.Tensor[],
): { tensors: tf.Tensor[]; recording: Recording | undefined } {
  const backend = tf.backend();
  const recordable = recordables.get(backend);
  if (!recordable || recorder) return { tensors: work(), recording: undefined };
  const made = new Recorder(backend, recordable, inputs);
  const restore = intercept(made);
  recorder = made;
  try {
    const tensors = work();
    return { tensors, recording: made.finish(tensors) };
  } catch (error) {
    made.release();
    throw error;
  } finally {
    recorder = undefined;
    restore();
  }
}

/** A list of kernel calls. Check that it is {@link valid} before each use, and dispose of it. */
export class Recording {
  readonly #calls: readonly Call[];
  readonly #recorder: Recorder;
  readonly #outputs: readonly { address: number; size: number; dtype: string }[];

  constructor(from: Recorder, outputs: readonly tf.Tensor[]) {
    this.#recorder = from;
    this.#calls = from.calls;
    this.#outputs = outputs.map(({ dataId, size, dtype }) => ({
      address: from.recordable.address(dataId),
      size,
      dtype,
    }));
  }

  /** The bytes that are kept for it. */
  get bytes(): number {
    return this.#recorder.bytes;
  }

  /** Whether everything is still where it was: the backend, the weights and the scratch space. */
  get valid(): boolean {
    const { backend, recordable, scratch, weights } = this.#recorder;
    if (tf.backend() !== backend || recordable.scratchAddress() !== scratch) return false;
    for (const [variable, dataId] of weights) if (variable.isDisposed || variable.dataId !== dataId) return false;
    return true;
  }

  /** The outputs for other values of the inputs, each of the same length as before. */
  repeat(inputs: readonly Int32Array[]): (Float32Array | Int32Array)[] {
    const { recordable, uploads } = this.#recorder;
    const { buffer } = recordable.memory;
    for (const [address, input] of uploads) {
      const values = inputs[input] as Int32Array;
      new Int32Array(buffer, address, values.length).set(values);
    }
    for (const [run, args] of this.#calls) run(...args);
    return this.#outputs.map(({ address, size, dtype }) =>
      (dtype === 'int32' ? new Int32Array(buffer, address, size) : new Float32Array(buffer, address, size)).slice(),
    );
  }

  dispose(): void {
    this.#recorder.release();
  }
}

export class Recorder {
  readonly calls: Call[] = [];
  /** Where the values of an input go. */
  readonly uploads: [address: number, input: number][] = [];
  readonly weights = new Map<tf.Variable, object>();
  /** Where the scratch space was at the start: if it moves on the way, the first calls have the wrong address. */
  readonly scratch: number;
  bytes = 0;
  readonly #held = new Set<object>();
  #refused = false;

  constructor(
    readonly backend: tf.KernelBackend,
    readonly recordable: Recordable,
    readonly inputs: readonly Int32Array[],
  ) {
    this.scratch = recordable.scratchAddress();
  }

  /** The module's functions, each of which is noted when it is called. */
  functions(): Readonly<Record<string, (...args: number[]) => unknown>> {
    const { functions } = this.recordable;
    return new Proxy({} as Record<string, (...args: number[]) => unknown>, {
      get:
        (_, name: string) =>
        (...args: number[]) => {
          const run = functions[name] as (...args: number[]) => unknown;
          this.calls.push([run, args]);
          return run(...args);
        },
    });
  }

  /** Keeps the memory of a tensor for as long as the recording. */
  hold(dataId: object, bytes: number): void {
    if (this.#held.has(dataId)) return;
    this.#held.add(dataId);
    this.bytes += bytes;
    this.backend.incRef(dataId);
  }

  /** A tensor was made of values from the host. */
  uploaded(values: unknown, tensor: tf.Tensor): void {
    const input = this.inputs.indexOf(values as Int32Array);
    if (input < 0 && constants === 0) this.#refused = true;
    this.hold(tensor.dataId, 4 * tensor.size);
    if (input >= 0) this.uploads.push([this.recordable.address(tensor.dataId), input]);
  }

  /** A kernel ran. */
  ran(kernel: string, inputs: tf.NamedTensorMap, outputs: readonly tf.Tensor[]): void {
    for (const tensor of Object.values(inputs)) {
      if (!tensor || this.#held.has(tensor.dataId)) continue;
      if (tensor instanceof tf.Variable) this.weights.set(tensor, tensor.dataId);
      else if (![...this.weights.values()].includes(tensor.dataId)) this.#refused = true;
    }
    if (kernel.startsWith('Seqrec')) return;
    if (constants > 0) {
      for (const { dataId, size } of outputs) this.hold(dataId, 4 * size);
      return;
    }
    const [output] = outputs as [tf.Tensor];
    // A new name or shape of the same values.
    if (outputs.length === 1 && Object.values(inputs).some((tensor) => tensor?.dataId === output.dataId)) return;
    const name = STAND_INS[kernel];
    const operands = Object.values(inputs);
    const alike = [...operands, output].every(({ dtype, size }) => dtype === 'float32' && size === output.size);
    if (!name || !alike) {
      this.#refused = true;
      return;
    }
    this.hold(output.dataId, 4 * output.size);
    const addresses = operands.map(({ dataId }) => this.recordable.address(dataId));
    const run = this.recordable.functions[name] as (...args: number[]) => unknown;
    this.calls.push([run, [...addresses, output.size, this.recordable.address(output.dataId)]]);
  }

  finish(outputs: readonly tf.Tensor[]): Recording | undefined {
    if (!this.#refused && outputs.every(({ dataId }) => this.#held.has(dataId))) return new Recording(this, outputs);
    this.release();
    return undefined;
  }

  release(): void {
    for (const dataId of this.#held) {
      if (this.backend.disposeData(dataId)) tf.engine().removeDataId(dataId, this.backend);
    }
    this.#held.clear();
  }
}

/** Our functions of the same numbers as kernels of TensorFlow.js, for operands of one shape. */
const STAND_INS: Readonly<Record<string, string>> = { Add: 'add', Multiply: 'multiply', Relu: 'relu' };

/** Lets the recorder see what passes through TensorFlow.js; returns what ends that. */
function intercept(to: Recorder): () => void {
  const engine = tf.engine() as unknown as {
    makeTensor(values: unknown, ...rest: unknown[]): tf.Tensor;
    runKernelFunc(call: { kernelName?: string; inputs: tf.NamedTensorMap }): tf.Tensor | tf.Tensor[];
  };
  const { makeTensor, runKernelFunc } = engine;
  engine.makeTensor = (values, ...rest) => {
    const tensor = makeTensor.call(engine, values, ...rest);
    to.uploaded(values, tensor);
    return tensor;
  };
  engine.runKernelFunc = (call) => {
    const result = runKernelFunc.call(engine, call);
    if (call.kernelName) to.ran(call.kernelName, call.inputs, Array.isArray(result) ? result : [result]);
    return result;
  };
  return () => Object.assign(engine, { makeTensor, runKernelFunc });
}

/**
 * Runs programs of our own on the device of tfjs-webgpu: with several outputs, which its own programs cannot have, and in
 * one queue with them.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Program } from '../../kernels/webgpu/program.ts';
import type { TypedArray } from '../memory.ts';

/** What a program is run with. A tensor that is absent can be read, and is of no use. */
export interface Call<Input extends string, Output extends string, Numbers extends string, Constant extends string> {
  readonly inputs: { readonly [name in Input]: tf.TensorInfo | undefined };
  readonly outputs: { readonly [name in Output]: tf.TensorInfo | undefined };
  readonly numbers: { readonly [name in Numbers]: number };
  readonly lists?: Readonly<Record<string, readonly number[]>>;
  readonly constants?: { readonly [name in Constant]: number | boolean };
  /** Workgroups. */
  readonly groups: number;
}

/** The parts of tfjs-webgpu that are needed here. */
interface Backend {
  readonly device: GPUDevice;
  readonly queue: GPUQueue;
  readonly bufferManager: { acquireBuffer(size: number, usage: number): GPUBuffer };
  readonly tensorMap: { get(id: object): TensorData };
  readonly commandQueueOwnedIds: WeakSet<object>;
  readonly uniformPendingDisposal: GPUBuffer[];
  commandEncoder: GPUCommandEncoder;
  computePassEncoder: GPUComputePassEncoder | null;
  dispatchCountInPass: number;
  makeTensorInfo(shape: number[], dtype: tf.DataType, values?: TypedArray): tf.TensorInfo;
  disposeData(id: object): boolean;
  uploadToGPU(id: object): void;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

export interface TensorData {
  dtype: tf.DataType;
  /** On the host; dropped when they are uploaded. */
  values?: TypedArray | null;
  readonly resource?: GPUBuffer;
}

/** The integers of tensors that were uploaded: numbers of rows, by which some kernels sort. */
const uploaded = new WeakMap<TensorData, TypedArray>();

/** Keeps the integers that go to the GPU on the host as well; they are few beside the rows that they number. */
export function keepIntegers(backend: object): void {
  const manager = backend as Backend;
  const upload = manager.uploadToGPU.bind(manager);
  manager.uploadToGPU = (id) => {
    const data = manager.tensorMap.get(id);
    if (data.dtype === 'int32' && data.values) uploaded.set(data, data.values);
    upload(id);
  };
}

const known = new WeakMap<object, Gpu>();

/** The device of one backend. */
export class Gpu {
  readonly #backend: Backend;
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  /** In place of an input that is absent. */
  readonly #nothing: GPUBuffer;
  /** In place of an output that is absent. */
  readonly #waste: GPUBuffer;

  /** The same one for the same backend. */
  static of(backend: object): Gpu {
    const gpu = known.get(backend) ?? new Gpu(backend as Backend);
    known.set(backend, gpu);
    return gpu;
  }

  private constructor(backend: Backend) {
    this.#backend = backend;
    const usage = GPUBufferUsage.STORAGE;
    this.#nothing = backend.device.createBuffer({ size: 16, usage });
    this.#waste = backend.device.createBuffer({ size: 16, usage });
  }

  /** What the device finds wrong with the programs that `check` runs, or what `check` does. */
  async problemIn(check: () => Promise<string | undefined>): Promise<string | undefined> {
    const { device } = this.#backend;
    device.pushErrorScope('internal');
    device.pushErrorScope('validation');
    const found = await check();
    const errors = [await device.popErrorScope(), await device.popErrorScope()];
    return errors.find((error) => error !== null)?.message ?? found;
  }

  /** A new tensor; its values are not set. */
  output(shape: readonly number[], dtype: tf.DataType = 'float32'): tf.TensorInfo {
    return this.#backend.makeTensorInfo([...shape], dtype, isEmpty({ shape }) ? new Float32Array() : undefined);
  }

  /** A new tensor of values from the host; at least one, as there are no buffers of no bytes. */
  upload(values: Int32Array | Float32Array): tf.TensorInfo {
    const some = values.length > 0 ? values : values instanceof Int32Array ? new Int32Array(1) : new Float32Array(1);
    return this.#backend.makeTensorInfo([some.length], some instanceof Int32Array ? 'int32' : 'float32', some);
  }

  zeros(shape: readonly number[], dtype: tf.DataType = 'float32'): tf.TensorInfo {
    const values = tf.util.getTypedArrayFromDType(dtype as 'float32', tf.util.sizeFromShape([...shape]));
    return this.#backend.makeTensorInfo([...shape], dtype, values);
  }

  /** The integers of a tensor that came from the host. */
  integers({ dataId }: tf.TensorInfo): TypedArray | undefined {
    const data = this.#backend.tensorMap.get(dataId);
    return data.values ?? uploaded.get(data);
  }

  dispose(...tensors: readonly tf.TensorInfo[]): void {
    for (const { dataId } of tensors) this.#backend.disposeData(dataId);
  }

  run<I extends string, O extends string, N extends string, L extends string, C extends string>(
    program: Program<I, O, N, L, C>,
    call: Call<I, O, N, C>,
  ): void {
    if (call.groups === 0) return;
    const backend = this.#backend;
    const lists = (program.lists ?? []).map((name) => [name, call.lists?.[name] ?? []] as const);
    const constants = Object.entries(call.constants ?? {}) as [string, number | boolean][];
    const pipeline = this.#pipeline(program as unknown as Program, constants, lists);
    const bindings = [
      this.#uniform(program as unknown as Program, call.numbers, lists),
      ...Object.entries(program.inputs).map(([name, type]) =>
        this.#buffer(call.inputs[name as I], type as 'f32', this.#nothing),
      ),
      ...Object.entries(program.outputs).map(([name, type]) =>
        this.#buffer(call.outputs[name as O], type as 'f32', this.#waste),
      ),
    ];
    const bindGroup = backend.device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: bindings.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    backend.ensureCommandEncoderReady();
    backend.computePassEncoder ??= backend.commandEncoder.beginComputePass();
    const most = backend.device.limits.maxComputeWorkgroupsPerDimension;
    backend.computePassEncoder.setPipeline(pipeline);
    backend.computePassEncoder.setBindGroup(0, bindGroup);
    backend.computePassEncoder.dispatchWorkgroups(Math.min(call.groups, most), Math.ceil(call.groups / most));
    if (++backend.dispatchCountInPass < tf.env().getNumber('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE')) return;
    backend.endComputePassEncoder();
    backend.submitQueue();
  }

  /** The buffer of a tensor, which the queue keeps until the program has run. */
  #buffer(tensor: tf.TensorInfo | undefined, type: 'f32' | 'i32', absent: GPUBuffer): GPUBuffer {
    if (!tensor || isEmpty(tensor)) return absent;
    const expected = type === 'f32' ? 'float32' : 'int32';
    if (tensor.dtype !== expected) {
      throw new TypeError(`A ${expected} tensor is needed, got ${tensor.dtype}: use tf.cast(x, '${expected}').`);
    }
    const backend = this.#backend;
    backend.uploadToGPU(tensor.dataId);
    backend.commandQueueOwnedIds.add(tensor.dataId);
    return backend.tensorMap.get(tensor.dataId).resource as GPUBuffer;
  }

  #uniform(
    { numbers }: Program,
    values: Readonly<Record<string, number>>,
    lists: readonly (readonly [string, readonly number[]])[],
  ): GPUBuffer {
    const types = Object.entries(numbers);
    const more = lists.flatMap(([, list]) => list);
    const view = new DataView(new ArrayBuffer(16 * Math.ceil((types.length + more.length) / 4)));
    for (const [i, [name, type]] of types.entries()) {
      const value = values[name] as number;
      if (type === 'f32') view.setFloat32(4 * i, value, true);
      else if (type === 'i32') view.setInt32(4 * i, value, true);
      else view.setUint32(4 * i, value, true);
    }
    for (const [i, value] of more.entries()) view.setUint32(4 * (types.length + i), value, true);
    const backend = this.#backend;
    const buffer = backend.bufferManager.acquireBuffer(
      view.byteLength,
      GPUBufferUsage.COPY_DST | GPUBufferUsage.UNIFORM,
    );
    backend.queue.writeBuffer(buffer, 0, view.buffer);
    backend.uniformPendingDisposal.push(buffer);
    return buffer;
  }

  #pipeline(
    program: Program,
    constants: readonly (readonly [string, number | boolean])[],
    lists: readonly (readonly [string, readonly number[]])[],
  ): GPUComputePipeline {
    const key = JSON.stringify([program.name, constants, lists.map(([, list]) => list.length)]);
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = compile(this.#backend.device, program, constants, lists);
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }
}

function isEmpty({ shape }: { shape: readonly number[] }): boolean {
  return shape.includes(0);
}

function compile(
  device: GPUDevice,
  { name, lanes, inputs, outputs, numbers, code }: Program,
  constants: readonly (readonly [string, number | boolean])[],
  lists: readonly (readonly [string, readonly number[]])[],
): GPUComputePipeline {
  const tensors = [
    ...Object.entries(inputs).map(([tensor, type]) => ({ tensor, type, access: 'read' })),
    ...Object.entries(outputs).map(([tensor, type]) => ({ tensor, type, access: 'read_write' })),
  ];
  const members = [
    ...Object.entries(numbers).map(([number, type]) => `${number}: ${type}`),
    ...lists.flatMap(([list, values]) => values.map((_, i) => `${list}${i}: u32`)),
  ];
  const source = [
    `struct Numbers { ${members.join(', ')} }`,
    '@group(0) @binding(0) var<uniform> u: Numbers;',
    ...tensors.map(
      ({ tensor, type, access }, i) =>
        `@group(0) @binding(${i + 1}) var<storage, ${access}> ${tensor}: array<${type}>;`,
    ),
    ...constants.map(([constant, value]) => `const ${constant} = ${value};`),
    ...lists.map(([list, values]) => {
      const cases = values.map((_, i) => `case ${i} { return u.${list}${i}; }`);
      return `fn ${list}(i: i32) -> u32 { switch i { ${cases.join(' ')} default { return 0u; } } }`;
    }),
    code,
    `@compute @workgroup_size(${lanes})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) { run(i32(group.y * groups.x + group.x), i32(lane)); }`,
  ].join('\n');
  const types: GPUBufferBindingType[] = [
    'uniform',
    ...tensors.map(({ access }) => (access === 'read' ? 'read-only-storage' : 'storage') as GPUBufferBindingType),
  ];
  const bindGroupLayout = device.createBindGroupLayout({
    entries: types.map((type, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } })),
  });
  return device.createComputePipeline({
    label: name,
    compute: { module: device.createShaderModule({ label: name, code: source }), entryPoint: 'main' },
    layout: device.createPipelineLayout({ bindGroupLayouts: [bindGroupLayout] }),
  });
}

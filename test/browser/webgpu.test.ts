/** What goes wrong on a GPU is an error with a way on: sizes above its limits, wrong programs, a lost device. */
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import {
  backendInfo,
  type FitOptions,
  type FitRecovery,
  Interactions,
  leaveLastOut,
  ndcg,
  ready,
  SASRec,
} from 'seqrec';
import { beforeAll, expect, test, vi } from 'vitest';
import { selfTest } from '../../src/backend/self-test.ts';

const log = Interactions.from(
  Array.from({ length: 120 }, (_, i) => ({ user: i % 12, item: `i${(i % 12) + Math.floor(i / 12)}`, time: i })),
);
const make = () => new SASRec({ items: log.items, maxLength: 8, dim: 8, layers: 1, dropout: 0 });
const device = () => (tf.backend() as WebGPUBackend).device;

beforeAll(async () => {
  // No choice of the application: seqrec chooses, and may choose again.
  for (const name of tf.engine().backendNames()) tf.removeBackend(name);
  Object.assign(globalThis, { SEQREC_BACKEND: 'webgpu' });
});

test('a software adapter is taken where it is asked for, and said to be one', async () => {
  expect(await ready()).toMatchObject({
    name: 'webgpu',
    chosenBy: 'environment',
    details: { software: true, maxBufferBytes: expect.any(Number) },
  });
  await selfTest('webgpu');
});

test('a tensor above the limit of a buffer is refused before it is made', async () => {
  const most = backendInfo()?.details.maxBufferBytes as number;
  const allocated = (tf.backend() as WebGPUBackend).bufferManager.numBytesAllocated;
  expect(() => tf.tidy(() => tf.square(tf.zeros([most / 4 + 1])))).toThrow(
    /^A tensor of 1,024 MiB does not fit into a buffer of this GPU, which holds at most 1,024 MiB: use a sampled loss/,
  );
  expect((tf.backend() as WebGPUBackend).bufferManager.numBytesAllocated).toBe(allocated);
});

test('memory does not grow with the number of different sizes', async () => {
  const buffers = (tf.backend() as WebGPUBackend).bufferManager;
  const x = tf.ones([1000, 1000]);
  let most = 0;
  for (let rows = 400; rows < 440; rows++) {
    const y = tf.tidy(() => tf.sum(tf.square(tf.slice(x, [0, 0], [rows, 1000]))));
    expect((await y.data())[0]).toBe(rows * 1000);
    y.dispose();
    most = Math.max(most, buffers.numBytesAllocated);
  }
  x.dispose();
  // 40 sizes of 2 MB, two tensors each, would be 140 MB.
  expect(most).toBeLessThan(90e6);
});

test('a tensor is read as long as it is, whatever its buffer', async () => {
  // Shorter ones would be computed by JavaScript.
  for (const length of [1023, 1024, 1025, 4100]) {
    const x = tf.range(0, length);
    const y = tf.tidy(() => tf.add(tf.mul(x, 2), 1));
    const expected = Array.from({ length }, (_, i) => 2 * i + 1);
    expect([...(await y.data())]).toEqual(expected);
    expect([...(await y.data())], 'from the host').toEqual(expected);
    tf.dispose([x, y]);
  }
});

/** Every new device compiles all programs again, on the processor. */
const SLOW = 180_000;

test('neither memory nor programs grow with the steps of a run', { timeout: SLOW }, async () => {
  const varied = Interactions.from(
    Array.from({ length: 24 }, (_, user) =>
      Array.from({ length: 8 + ((user * 5) % 9) }, (_, t) => ({ user, item: `i${(user * 7 + t) % 30}`, time: t })),
    ).flat(),
  );
  const buffers = (tf.backend() as WebGPUBackend).bufferManager;
  const compile = vi.spyOn(device(), 'createComputePipeline');
  const make = vi.spyOn(device(), 'createBuffer');
  const bytes: number[] = [];
  const programs: number[] = [];
  const model = new SASRec({ items: varied.items, maxLength: 20, dim: 8, layers: 1, dropout: 0.1 });
  try {
    await model.fit(varied, {
      epochs: 6,
      batchSize: 6,
      seed: 1,
      onProgress: () => {
        bytes.push(buffers.numBytesAllocated);
        programs.push(compile.mock.calls.length);
      },
    });
    // Of exact sizes there would be some more at every step.
    expect(new Set(make.mock.calls.map(([{ size }]) => size)).size).toBeLessThan(20);
    expect((bytes.at(-1) as number) - (bytes[9] as number)).toBeLessThan(50_000);
    expect(programs.at(-1)).toBe(programs[0]);
  } finally {
    compile.mockRestore();
    make.mockRestore();
  }
});

/** Two steps an epoch. */
const options = { epochs: 2, batchSize: 6, seed: 1 };
const best = async (model: SASRec) => (await model.recommend(['i3', 'i4'], { k: 5 })).map(({ item }) => item);

let undisturbed: string[];

/** A run in which the device is destroyed after the third of four steps. */
async function disturbed(model: SASRec, more: FitOptions = {}) {
  const events: FitRecovery[] = [];
  let steps = 0;
  const report = await model.fit(log, {
    ...options,
    ...more,
    onProgress: () => void (++steps === 3 && device().destroy()),
    onRecovery: (event) => void events.push(event),
  });
  expect(report.epochs).toHaveLength(2);
  expect(report.recoveries).toEqual(events);
  return events;
}

test('a run whose device is lost goes on with a new one, and ends as if it had not been', {
  timeout: SLOW,
}, async () => {
  const whole = make();
  await whole.fit(log, options);
  undisturbed = (await best(whole)) as string[];
  const model = make();
  const lost = device();
  const checkpoint = { write: () => {}, everySteps: 1 };
  expect(await disturbed(model, { checkpoint })).toEqual([
    {
      cause: expect.stringMatching(/^The WebGPU device was lost \(.*\) with every tensor on it: load the model/),
      from: 'webgpu',
      to: 'webgpu',
      epoch: 2,
      step: 0,
    },
  ]);
  expect(device()).not.toBe(lost);
  expect(await best(model)).toEqual(undisturbed);
});

test('where there is no other device, the run goes on with the next backend', { timeout: SLOW }, async () => {
  tf.removeBackend('webgpu');
  Object.assign(globalThis, { SEQREC_BACKEND: '' });
  // The first adapter says that it is no software; then there is none.
  const request = navigator.gpu.requestAdapter.bind(navigator.gpu);
  const adapter = vi.spyOn(navigator.gpu, 'requestAdapter').mockImplementation(async () => {
    adapter.mockResolvedValue(null);
    const found = (await request()) as GPUAdapter;
    const info = { vendor: 'test', isFallbackAdapter: false };
    return new Proxy(found, {
      get(target, key) {
        if (key === 'info') return info;
        const value = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  });
  const model = make();
  try {
    expect(await disturbed(model)).toMatchObject([{ from: 'webgpu', to: 'wasm', epoch: 1 }]);
    expect(backendInfo()).toMatchObject({ name: 'wasm', chosenBy: 'automatic', refused: [{ backend: 'webgpu' }] });
    expect(await best(model)).toEqual(undisturbed);
  } finally {
    adapter.mockRestore();
    tf.removeBackend('wasm');
    Object.assign(globalThis, { SEQREC_BACKEND: 'webgpu' });
  }
});

test('a device that is lost in a validation', { timeout: SLOW }, async () => {
  const { train, validation } = leaveLastOut(log);
  await ready();
  const first = device();
  const model = make();
  const report = await model.fit(train, {
    ...options,
    validation,
    earlyStopping: { metric: ndcg(10) },
    onProgress: ({ phase, step }) => void (phase === 'train' && step === 2 && first.destroy()),
  });
  // From which step, time decides: `fit` keeps its state every ten seconds.
  expect(report.recoveries).toMatchObject([{ to: 'webgpu', epoch: 1 }]);
  expect(report.epochs.map(({ validation }) => validation?.['NDCG@10'])).toEqual([
    expect.any(Number),
    expect.any(Number),
  ]);
  expect(await best(model)).toHaveLength(5);
});

test('a model that was saved answers the same after the device was lost', async () => {
  const model = make();
  await model.fit(log, { epochs: 1, batchSize: 6, seed: 1 });
  const [file, before] = [await model.save(), await model.recommend(['i3', 'i4'], { k: 5 })];
  device().destroy();
  await expect(model.recommend(['i3'], { k: 5 })).rejects.toThrow(/lost/);
  // On the next device the weights are missed, not taken for zeros.
  await expect(model.recommend(['i3'], { k: 5 })).rejects.toThrow(/lost/);
  expect((await ready()).name).toBe('webgpu');
  const loaded = await SASRec.load(file);
  expect(await loaded.recommend(['i3', 'i4'], { k: 5 })).toEqual(before);
});

test('a device that the application made is watched as well, and replaced by what seqrec chooses', {
  timeout: SLOW,
}, async () => {
  const adapter = (await navigator.gpu.requestAdapter()) as GPUAdapter;
  const { info } = adapter;
  const own = await adapter.requestDevice();
  tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => new WebGPUBackend(own, info));
  await tf.setBackend('webgpu');
  expect(await ready()).toMatchObject({
    chosenBy: 'host',
    details: { kernels: 'WGSL', maxBufferBytes: own.limits.maxStorageBufferBindingSize },
  });
  expect(device()).toBe(own);
  const model = make();
  expect(await disturbed(model)).toMatchObject([{ from: 'webgpu', to: 'webgpu' }]);
  expect(device()).not.toBe(own);
  expect(backendInfo()?.chosenBy).toBe('environment');
  expect(await best(model)).toEqual(undisturbed);
});

// The last one: what follows from a broken program is reported for a while.
test('a program that does not compile is an error of the next read', async () => {
  const broken = {
    variableNames: ['x'],
    uniforms: '',
    workgroupSize: [64, 1, 1] as [number, number, number],
    outputShape: [4],
    dispatchLayout: { x: [0] },
    dispatch: [1, 1, 1] as [number, number, number],
    shaderKey: 'broken',
    getUserCode: () => 'fn main(index : i32) { result[index] = nonsense; }',
  };
  const x = tf.tensor1d([1, 2, 3, 4]);
  const out = (tf.backend() as WebGPUBackend).runWebGPUProgram(broken, [x], 'float32');
  const y = tf.engine().makeTensorFromTensorInfo(out);
  await expect(y.data()).rejects.toThrow(/^WebGPU reported an error, so results since then may be wrong \(Error while/);
  tf.dispose([x, y]);
  expect((await ready()).name).toBe('webgpu');
});
